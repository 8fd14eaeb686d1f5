"""A scene: a road, what stands on it, the weather and the camera."""

from dataclasses import dataclass
from dataclasses import field

import numpy as np

from road_seg.calibration import CameraInfo
from road_seg.camera import Extrinsics
from road_seg.world.road import Road
from road_seg.world.solids import Thing
from road_seg.world.weather import Weather


@dataclass(frozen=True)
class Blemish:
    """
    A patch, a manhole or a stain on the road.

    :param s: middle along the road, m.
    :param d: middle left of the centre line, m.
    :param length: along the road, m.
    :param width: m.
    :param shade: factor of the road's brightness.
    :param is_round: an ellipse instead of a rectangle.
    """

    s: float
    d: float
    length: float
    width: float
    shade: float
    is_round: bool = False


@dataclass(frozen=True)
class Scene:
    """
    All that one drive needs.

    :param road: the ground.
    :param things: what stands or moves on it.
    :param weather: light and air.
    :param camera_info: calibration of the camera.
    :param mount: where the camera is mounted while the body is level.
    :param palette: (6, 3) float32 RGB by Material.
    :param paint_colour: RGB of the lane marks.
    :param blemishes: marks of use.
    :param seed: seed of textures and of the camera's noise.
    :param lane: of the vehicle, m left of the centre line.
    :param speed: of the vehicle, m/s.
    :param sway: largest pitch and roll of the vehicle's body, rad.
    """

    road: Road
    things: tuple[Thing, ...]
    weather: Weather
    camera_info: CameraInfo
    mount: Extrinsics
    palette: np.ndarray = field(default_factory=lambda: default_palette())
    paint_colour: tuple[float, float, float] = (225.0, 225.0, 218.0)
    blemishes: tuple[Blemish, ...] = ()
    seed: int = 0
    lane: float = -1.75
    speed: float = 8.0
    sway: tuple[float, float] = (0.0, 0.0)


def default_palette() -> np.ndarray:
    """Return typical colours by Material, (6, 3) float32 RGB."""
    return np.array([(104, 103, 104), (158, 155, 148), (120, 118, 113), (150, 145, 138),
                     (92, 112, 56), (136, 122, 100)], np.float32)
