"""Small scenes of the drawn world with known geometry."""

from dataclasses import replace
import math

import numpy as np

from road_seg.calibration import CameraInfo
from road_seg.camera import Extrinsics
from road_seg.grid import GridSpec
from road_seg.world.catalogue import VEHICLE
from road_seg.world.drive import frame_of
from road_seg.world.drive import WorldFrame
from road_seg.world.road import Road
from road_seg.world.scene import Scene
from road_seg.world.solids import box
from road_seg.world.solids import Thing
from road_seg.world.weather import draw_weather

WIDTH, HEIGHT = 160, 96
PITCH, CAMERA_Z, CAMERA_X = math.radians(4.0), 1.4, 1.5
IDEAL = CameraInfo.nominal(WIDTH, HEIGHT, 60.0)
MOUNT = Extrinsics(x=CAMERA_X, y=0.0, z=CAMERA_Z, pitch=PITCH)
FLAT = Road(half_width=3.5, pavement=0.0, kerb=0.0, lane_width=0.0)
SPEC = GridSpec()
LENSES = {
    'plumb_bob': replace(IDEAL, d=(-0.25, 0.05, 0.001, -0.001, 0.0)),
    'rational_polynomial': replace(IDEAL, distortion_model='rational_polynomial',
                                   d=(0.4, 0.05, 1e-3, -1e-3, 0.001, 0.75, 0.12, 0.01)),
    'equidistant': replace(IDEAL, distortion_model='equidistant', d=(-0.01, 0.002, 0.0, 0.0),
                           k=(68.0, 0.0, 80.0, 0.0, 68.0, 47.0, 0.0, 0.0, 1.0)),
}


def stage(road: Road = FLAT, *things: Thing, info: CameraInfo = IDEAL,
          mount: Extrinsics = MOUNT) -> Scene:
    """Return a scene whose vehicle stands at x = 0 on the centre line."""
    return Scene(road, things, draw_weather('cloud', np.random.default_rng(0)), info, mount,
                 lane=0.0, speed=0.0)


def shoot(scene: Scene, spec: GridSpec = SPEC) -> WorldFrame:
    """Return the scene's first frame."""
    return frame_of(scene, 0.0, spec)


def block(s: float, d: float, length: float, width: float, height: float) -> Thing:
    """Return a plain box of class vehicle with its middle at (s, d)."""
    def paint(points: np.ndarray, face: np.ndarray) -> np.ndarray:
        return np.full(points.shape, 90.0, np.float32)
    return Thing(VEHICLE, (box(length, width, height, paint),), s, d)


def meet_level(level: float) -> tuple[np.ndarray, np.ndarray]:
    """
    Return x and y [m, base_link] where each pixel of the ideal camera meets the plane z = level.

    Written from the pinhole equations, apart from the renderer; NaN above the horizon.
    """
    right, down = _pixels()
    drop = down * math.cos(PITCH) + math.sin(PITCH)
    reach = (CAMERA_Z - level) / np.where(drop > 1e-9, drop, np.nan)
    return CAMERA_X + reach * (math.cos(PITCH) - down * math.sin(PITCH)), -right * reach


def meet_wall(x: float) -> tuple[np.ndarray, np.ndarray]:
    """Return y and z [m, base_link] where each pixel of the ideal camera meets the plane x."""
    right, down = _pixels()
    reach = (x - CAMERA_X) / (math.cos(PITCH) - down * math.sin(PITCH))
    return -right * reach, CAMERA_Z - reach * (down * math.cos(PITCH) + math.sin(PITCH))


def _pixels() -> tuple[np.ndarray, np.ndarray]:
    columns, rows = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    return (columns - IDEAL.k[2]) / IDEAL.k[0], (rows - IDEAL.k[5]) / IDEAL.k[4]
