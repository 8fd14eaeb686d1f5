"""The faults of a soak run: what each does to the camera's frames or to the node."""

from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import replace
from enum import Enum
from itertools import islice

import cv2
import numpy as np

from road_seg.calibration import CameraInfo

# Shown by a monitor that has heard nothing from the node for a while, not by the node itself.
NO_REPORT = 'no_report'

_DARK = 20
_GAIN, _OFFSET = 5.0, 60.0
_BLUR_SIGMA = 6.0  # pixels of an image 1280 pixels wide
_COVERED, _COVER_GREY = 0.85, 90
_BLOCK = 16  # pixels; finer noise the shipped network takes for road, and is sure of it
_NS_PER_S = 1e9


@dataclass(frozen=True)
class Shot:
    """
    What a camera sends at one moment.

    :param index: number of the frame in the camera's loop.
    :param pixels: (H, W, 3) uint8 RGB.
    :param info: the calibration sent beside it, None for none.
    :param encoding: what the message says about the pixels.
    :param missing_bytes: bytes cut off the end of the data.
    :param offset_ns: the message's stamp less the time of acquisition.
    """

    index: int
    pixels: np.ndarray
    info: CameraInfo | None
    encoding: str = 'rgb8'
    missing_bytes: int = 0
    offset_ns: int = 0


class Action(Enum):
    """What is done to the node's process when a fault starts."""

    NONE = 'nothing'
    RESTART = 'deactivated and activated'
    PAUSE = 'SIGSTOP, at the end SIGCONT'


class Forbidden(Enum):
    """What the node must not publish for the frames of a fault."""

    NOTHING = 'nothing'
    ALL = 'mask and grid'
    GRID = 'grid'
    KNOWN_CELLS = 'known cells'


Change = Callable[[Iterable[Shot]], Iterable[Shot]]


def _same(shots: Iterable[Shot]) -> Iterable[Shot]:
    return shots


@dataclass(frozen=True)
class Fault:
    """
    One thing that goes wrong.

    :param name: what it is, in words.
    :param code: the reason code that /diagnostics must show.
    :param change: makes of the loop of shots that the camera repeats the one it repeats now.
    :param forbidden: what must not be published for these shots.
    :param rate_hz: frames a second; None: as before.
    :param is_best_effort: the camera's publisher is best effort instead of reliable.
    :param action: what is done to the node.
    :param hold_s: how long it lasts at least, s.
    :param is_load: whether there is a fault at all depends on the machine: it is none where at
        least half of the frames are answered.
    """

    name: str
    code: str
    change: Change = _same
    forbidden: Forbidden = Forbidden.NOTHING
    rate_hz: float | None = None
    is_best_effort: bool = False
    action: Action = Action.NONE
    hold_s: float = 2.0
    is_load: bool = False


def _each(change: Callable[[Shot], Shot]) -> Change:
    """Return the change of a loop that changes each shot."""
    return lambda shots: map(change, shots)


def _picture(change: Callable[[np.ndarray], np.ndarray]) -> Change:
    """Return the change of a loop that changes each picture."""
    return _each(lambda shot: replace(shot, pixels=change(shot.pixels)))


def _stamps(offset_s: Callable[[int], float]) -> Change:
    """Return the change of a loop that moves each stamp by an offset that depends on its index."""
    return _each(lambda shot: replace(shot, offset_ns=round(offset_s(shot.index) * _NS_PER_S)))


def _info(change: Callable[[CameraInfo], CameraInfo | None]) -> Change:
    """Return the change of a loop that changes each calibration."""
    return _each(lambda shot: replace(shot, info=change(shot.info)))


def _silent(shots: Iterable[Shot]) -> Iterable[Shot]:
    """Return a loop of nothing."""
    return islice(shots, 0)


def _frozen(shots: Iterable[Shot]) -> Iterable[Shot]:
    """Return a loop of the first shot."""
    return islice(shots, 1)


def _covered(pixels: np.ndarray) -> np.ndarray:
    """Return a picture most of which is covered."""
    pixels = pixels.copy()
    pixels[:, :round(_COVERED * pixels.shape[1])] = _COVER_GREY
    return pixels


def _blocks(shot: Shot) -> Shot:
    """Return a shot of blocks of random colours."""
    height, width = shot.pixels.shape[:2]
    colours = np.random.default_rng(shot.index).integers(
        0, 256, (height // _BLOCK, width // _BLOCK, 3), np.uint8)
    return replace(shot, pixels=cv2.resize(colours, (width, height),
                                           interpolation=cv2.INTER_NEAREST))


def _noise(shot: Shot) -> Shot:
    """Return a shot of noise."""
    rng = np.random.default_rng(shot.index)
    return replace(shot, pixels=rng.integers(0, 256, shot.pixels.shape, np.uint8))


def _without_focal_length(info: CameraInfo) -> CameraInfo:
    """Return a calibration whose focal length is no number."""
    return replace(info, k=(float('nan'), *info.k[1:]))


def _square(info: CameraInfo) -> CameraInfo:
    """Return a calibration of images of another shape."""
    return replace(info, height=info.width)


# The stamps' offsets are no multiples of the camera's period, so that no stamp comes twice.
FAULTS = (
    Fault('camera silent', 'no_frames', _silent),
    Fault('image frozen', 'image_frozen', _frozen),
    Fault('dark', 'image_dark', _picture(lambda pixels: pixels // _DARK)),
    Fault('overexposed', 'image_overexposed', _picture(
        lambda pixels: cv2.convertScaleAbs(pixels, alpha=_GAIN, beta=_OFFSET))),
    Fault('blurred', 'image_blurred', _picture(
        lambda pixels: cv2.GaussianBlur(pixels, (0, 0), _BLUR_SIGMA))),
    Fault('lens blocked', 'lens_blocked', _picture(_covered)),
    Fault('noise', 'image_noisy', _each(_noise)),
    Fault('unfamiliar scene', 'low_confidence', _each(_blocks)),
    Fault('wrong encoding', 'frame_rejected', _each(
        lambda shot: replace(shot, encoding='rgb7')), Forbidden.ALL),
    Fault('short data', 'frame_rejected', _each(
        lambda shot: replace(shot, missing_bytes=shot.pixels.size // 3)), Forbidden.ALL),
    Fault('no camera_info after a restart', 'no_camera_info', _info(lambda info: None),
          Forbidden.GRID, action=Action.RESTART),
    Fault('camera_info with NaN', 'camera_info_unusable', _info(_without_focal_length),
          Forbidden.GRID),
    Fault('camera_info of another size', 'camera_info_unusable', _info(_square), Forbidden.GRID),
    Fault('stamps 1.2 s old', 'stamp_stale', _stamps(lambda index: -1.217),
          Forbidden.KNOWN_CELLS),
    Fault('stamps 1 s ahead', 'stamp_future', _stamps(lambda index: 1.017),
          Forbidden.KNOWN_CELLS),
    Fault('stamps jump back', 'stamp_backwards', _stamps(lambda index: -0.25 * (index % 2))),
    Fault('publisher with other QoS', 'incompatible_qos', forbidden=Forbidden.ALL,
          is_best_effort=True),
    Fault('200 Hz', 'frames_dropped', rate_hz=200.0, is_load=True),
    Fault('node stopped for 3 s', NO_REPORT, action=Action.PAUSE, hold_s=3.0),
)
