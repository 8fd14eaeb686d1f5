"""CameraInfo messages and transforms with wrong numbers."""

import math
from random import Random

from geometry_msgs.msg import TransformStamped
from malformed import Case
from malformed import change_frame_id
from malformed import change_stamp
from malformed import Verdict
from malformed import wrong_float
from malformed import wrong_text
from sensor_msgs.msg import CameraInfo

# sensor_msgs/distortion_models.hpp, with the numbers of coefficients that OpenCV defines.
_MODELS = {'plumb_bob': (4, 5), 'rational_polynomial': (8, 12, 14), 'equidistant': (4,)}
_COUNTS = (0, 1, 2, 3, 4, 5, 6, 8, 12, 14, 15, 1000)
_EXTENTS = (0, 1, 8, 12, 23, 25, 32, 48, 240, 2**31, 2**32 - 1)
_CHANGED_SHAPE, _OTHER_SHAPE = 0.001, 0.03
_MILD = 0.05


def judge_camera_info(info: CameraInfo, width: int, height: int, *,
                      is_rectified: bool) -> Verdict:
    """
    Return what CameraInfo.msg says of a calibration for mono images of a size.

    GOOD are only calibrations such as cameras have.
    """
    k = tuple(info.k)
    if is_rectified:
        p = tuple(info.p)
        if p[3] or p[7]:  # of a second stereo camera; of a mono one they are 0
            return Verdict.BAD
        k = (*p[:3], *p[4:7], *p[8:11]) if p[11] == 0.0 else (math.nan,) * 9
    focal_x, _, centre_x, _, focal_y, centre_y = k[:6]
    fits_form = (k[1], k[3], *k[6:]) == (0.0, 0.0, 0.0, 0.0, 1.0)
    if not all(map(math.isfinite, k)) or not fits_form or focal_x <= 0.0 or focal_y <= 0.0:
        return Verdict.BAD
    lens = Verdict.GOOD if is_rectified else _judge_lens(info.distortion_model, tuple(info.d))
    size = _judge_size(info, width, height)
    if Verdict.BAD in (lens, size):
        return Verdict.BAD
    is_usual = (0.3 < focal_x / width < 3.0 and 0.9 < focal_y / focal_x < 1.1
                and 0.3 < centre_x / width < 0.7 and 0.3 < centre_y / height < 0.7)
    return Verdict.GOOD if lens == size == Verdict.GOOD and is_usual else Verdict.OPEN


def _judge_lens(model: str, d: tuple[float, ...]) -> Verdict:
    """Return what is to be thought of a distortion."""
    if not all(map(math.isfinite, d)) or (model and model not in _MODELS):
        return Verdict.BAD
    if len(d) not in _MODELS.get(model, (0,)):
        return Verdict.BAD if any(d) else Verdict.OPEN
    return Verdict.GOOD if all(abs(value) < _MILD for value in d) else Verdict.OPEN


def _judge_size(info: CameraInfo, width: int, height: int) -> Verdict:
    """Return whether images of a size can be of a sensor with this ROI and binning."""
    roi = info.roi
    rows, columns = roi.height, roi.width
    if not (roi.x_offset or roi.y_offset or roi.height or roi.width):
        rows, columns = info.height, info.width
    if (not rows or not columns or roi.x_offset + columns > info.width
            or roi.y_offset + rows > info.height):
        return Verdict.BAD
    binned = columns // max(1, info.binning_x), rows // max(1, info.binning_y)
    if not all(binned):
        return Verdict.BAD
    change = abs(width / binned[0] / (height / binned[1]) - 1.0)
    if change > _OTHER_SHAPE:
        return Verdict.BAD
    # ROI and binning change what K means: no camera as the tests' good one.
    is_plain = binned == (info.width, info.height) == (width, height)
    return Verdict.GOOD if is_plain and change < _CHANGED_SHAPE else Verdict.OPEN


def malformed_camera_info(info: CameraInfo, size: tuple[int, int], rng: Random, *,
                          is_rectified: bool) -> Case:
    """
    Return a message with one to three changes.

    :param info: a good one, which is changed.
    :param size: (width, height) of the images.
    """
    kinds = rng.choices(tuple(_CHANGES), k=rng.choice((1, 1, 1, 2, 3)))
    for kind in kinds:
        _CHANGES[kind](info, rng)
    return Case(f'CameraInfo {kinds[0]}', info,
                judge_camera_info(info, *size, is_rectified=is_rectified))


def _numbers(name: str, info: CameraInfo, rng: Random) -> None:
    """Other numbers in a matrix: one, several, all, or its focal lengths alone."""
    values = list(getattr(info, name))
    focal = (0, 4) if name == 'k' else (0, 5)
    places = rng.choice(((rng.randrange(len(values)),), focal, focal[:1],
                         rng.choices(range(len(values)), k=3), range(len(values))))
    if rng.random() < 0.3:
        factor = 10.0 ** rng.uniform(-3.0, 3.0)
        for place in focal:
            values[place] *= factor
    else:
        value = wrong_float(rng)
        for place in places:
            values[place] = value
    setattr(info, name, values)


def _model(info: CameraInfo, rng: Random) -> None:
    """Another distortion model."""
    info.distortion_model = rng.choice(('', *_MODELS, 'thin_prism', 'Plumb_Bob', wrong_text(rng)))


def _coefficients(info: CameraInfo, rng: Random) -> None:
    """Another number of coefficients, other coefficients, or both."""
    count = rng.choice((len(info.d), rng.choice(_COUNTS)))
    scale = rng.choice((0.0, 0.01, 0.3, 30.0, 1e200))
    values = [rng.uniform(-scale, scale) for _ in range(count)]
    if values and rng.random() < 0.4:
        values[rng.randrange(count)] = wrong_float(rng)
    info.d = values


def _extent(info: CameraInfo, rng: Random) -> None:
    """Another size of the sensor."""
    for name in rng.choice((('width',), ('height',), ('width', 'height'))):
        setattr(info, name, rng.choice(_EXTENTS))
    if rng.random() < 0.3:  # of the images' shape
        factor = rng.choice((2, 3, 10, 1000, 10**8))
        info.width, info.height = 24 * factor, 16 * factor


def _binning(info: CameraInfo, rng: Random) -> None:
    """Other binning."""
    info.binning_x = rng.choice((0, 1, 2, 3, 24, 25, 2**32 - 1))
    info.binning_y = rng.choice((info.binning_x, 0, 1, 2, 2**32 - 1))


def _roi(info: CameraInfo, rng: Random) -> None:
    """Another region of interest."""
    for name in ('x_offset', 'y_offset', 'height', 'width'):
        if rng.random() < 0.6:
            setattr(info.roi, name, rng.choice((0, 1, 4, *_EXTENTS)))
    info.roi.do_rectify = rng.random() < 0.5


_CHANGES = {
    'k': lambda info, rng: _numbers('k', info, rng),
    'p': lambda info, rng: _numbers('p', info, rng),
    'r': lambda info, rng: setattr(info, 'r', [wrong_float(rng) for _ in range(9)]),
    'distortion_model': _model, 'd': _coefficients, 'width, height': _extent,
    'binning': _binning, 'roi': _roi,
    'stamp': lambda info, rng: change_stamp(info.header, rng),
    'frame_id': lambda info, rng: change_frame_id(info.header, rng)}


def judge_pose(message: TransformStamped) -> Verdict:
    """Return whether a transform can be that of a camera over the ground."""
    shift, turn = message.transform.translation, message.transform.rotation
    numbers = (shift.x, shift.y, shift.z, turn.x, turn.y, turn.z, turn.w)
    length = math.hypot(turn.x, turn.y, turn.z, turn.w)
    if not all(map(math.isfinite, numbers)) or length == 0.0 or shift.z <= 0.0:
        return Verdict.BAD
    return Verdict.OPEN


def malformed_pose(message: TransformStamped, rng: Random) -> Case:
    """
    Return a transform of which some numbers are wrong.

    :param message: a good one, which is changed.
    """
    kind = rng.choice(('translation', 'rotation'))
    part = getattr(message.transform, kind)
    names = ('x', 'y', 'z') if kind == 'translation' else ('x', 'y', 'z', 'w')
    for name in rng.choice((names, rng.choices(names, k=2), rng.choices(names, k=1))):
        setattr(part, name, wrong_float(rng))
    return Case(f'TransformStamped {kind}', message, judge_pose(message))
