"""What must be true of the node's answer to a frame, whatever the frame."""

import math

from geometry_msgs.msg import TransformStamped
from malformed import NOW_NS
from malformed import NS_PER_S
from malformed import Verdict
from message_rig import HEIGHT
from message_rig import SETTINGS
from message_rig import WIDTH
from nav_msgs.msg import OccupancyGrid
import numpy as np
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image

_PICTURES = {'road_mask': ('mono8', 1), 'road_mask/confidence': ('mono8', 1),
             'road_mask/overlay': ('rgb8', 3)}
_GRIDS = {'drivable_area', 'drivable_area/reasons'}
_TIMINGS = '~/debug/timings'


def check_answer(published: dict[str, object], message: Image | CompressedImage,
                 verdict: Verdict) -> None:
    """
    Compare the answer with the frame: all of it is there and belongs to it, or nothing is.

    :param published: messages by topic.
    :param message: the frame.
    :param verdict: what the message definitions say of it.
    """
    if verdict is Verdict.BAD or (verdict is Verdict.OPEN and not published):
        assert not published, f'published of a bad frame: {sorted(published)}'
        return
    assert set(published) - _GRIDS == {*_PICTURES, _TIMINGS}
    assert set(published) & _GRIDS in (set(), _GRIDS)
    mask = published['road_mask']
    size = mask.height, mask.width
    if isinstance(message, Image):
        assert size == (message.height, message.width)
    elif verdict is Verdict.GOOD:
        assert size == (HEIGHT, WIDTH)
    for topic, (encoding, channels) in _PICTURES.items():
        picture = published[topic]
        assert picture.header == message.header
        assert picture.encoding == encoding
        assert (picture.height, picture.width) == size
        assert picture.step == channels * picture.width
        assert len(picture.data) == picture.step * picture.height
    for topic in _GRIDS & set(published):
        assert published[topic].header.stamp == message.header.stamp
        assert published[topic].header.frame_id == 'base_link'


def check_grid(grid: OccupancyGrid, age_ns: int, info: CameraInfo, calibration: Verdict,
               transform: TransformStamped, pose: Verdict, *, is_rectified: bool) -> None:
    """
    Refuse a grid that says more than can be known.

    Half a pixel turns a ray by a = atan(0.5 / focal length). Ground at the distance D from the
    camera is then off by D * sin(a) at least, and if the good camera, at the height h, looks
    along the ground, the ray must not leave it: h / r > tan(a).

    :param age_ns: of the frame.
    :param calibration: what the message definition says of the camera_info.
    :param pose: what it says of the transform.
    """
    values = np.array(grid.data, np.int8)
    assert (grid.info.width, grid.info.height, len(values)) == (12, 10, 120)
    assert set(values.tolist()) <= {-1, 0, 100}
    assert calibration is not Verdict.BAD, 'a grid without a usable calibration'
    if pose is Verdict.BAD or age_ns > NS_PER_S // 2:
        assert set(values.tolist()) == {-1}, 'known cells of an old frame or without a pose'
    rows, columns = np.nonzero(values.reshape(10, 12) == 0)
    foot = transform.transform.translation
    ranges = np.hypot(columns + 0.5 - foot.x, rows + 0.5 - 5.0 - foot.y)
    slope = 0.5 / max(_focal_length(info, is_rectified=is_rectified), 1e-300)
    least_errors = np.hypot(ranges, foot.z) * math.sin(math.atan(slope))
    assert (least_errors <= SETTINGS.grid_rules.max_ground_error).all(), 'free cells far off'
    if pose is Verdict.GOOD:
        assert (foot.z > slope * ranges).all(), 'free cells that may be sky'


def age_ns(message: Image | CompressedImage) -> int:
    """Return how old a frame is, ns."""
    return NOW_NS - message.header.stamp.sec * NS_PER_S - message.header.stamp.nanosec


def _focal_length(info: CameraInfo, *, is_rectified: bool) -> float:
    """Return the vertical focal length for images of HEIGHT rows, pixels."""
    sensor_rows = (info.roi.height if info.roi.height or info.roi.width else info.height)
    rows = sensor_rows // max(1, info.binning_y)
    focal_length = info.p[5] if is_rectified else info.k[4]
    return focal_length / max(1, info.binning_y) * HEIGHT / rows
