"""Drives through the world: frames with everything that is true of them."""

from collections.abc import Iterator
from dataclasses import dataclass
import math

import numpy as np

from road_seg.calibration import CameraInfo
from road_seg.camera import CameraModel
from road_seg.camera import Extrinsics
from road_seg.grid import DrivableGrid
from road_seg.grid import GridSpec
from road_seg.world.recipes import draw_scene
from road_seg.world.recipes import MIXED
from road_seg.world.recipes import SCENES
from road_seg.world.render import render
from road_seg.world.render import Shot
from road_seg.world.scene import Scene
from road_seg.world.surface import BasePose
from road_seg.world.truth import grid_truth

__all__ = ['RATE_HZ', 'SCENES', 'WorldFrame', 'drive', 'frame_of', 'setup_of']

RATE_HZ = 10.0
_FRAMES_A_SCENE = 4  # of a mixed drive
_SCENE_SECONDS = 1.0  # between frames of one scene of a mixed drive
_TOP_SPEED, _BLOCK = 10.0, 100.0  # m/s, m
_FARTHEST, _BEHIND = 130.0, 25.0  # what is drawn of the things, m


@dataclass(frozen=True)
class WorldFrame:
    """
    One image and what is true of it.

    :param stamp_ns: time since the start of the drive.
    :param rgb: (H, W, 3) uint8.
    :param mask: (H, W) uint8 ids of road_seg.labels.ROAD_LABELS.
    :param camera_info: the camera's calibration.
    :param extrinsics: the camera's pose in base_link in this frame, with the pitch and roll of
        the moving vehicle. base_link lies on the ground under the vehicle; its z = 0 plane
        touches the road there.
    :param grid: what is true of the ground.
    :param pose: x, y [m] and yaw [rad] of base_link in the world.
    """

    stamp_ns: int
    rgb: np.ndarray
    mask: np.ndarray
    camera_info: CameraInfo
    extrinsics: Extrinsics
    grid: DrivableGrid
    pose: tuple[float, float, float]


def drive(scene: str, frames: int, seed: int = 0,
          grid_spec: GridSpec = GridSpec()) -> Iterator[WorldFrame]:  # noqa: B008 (frozen)
    """
    Yield the frames of a drive at 10 Hz; the same arguments give the same pixels.

    A mixed drive draws road, weather, traffic, camera and mount anew every few frames.

    :param scene: one of SCENES.
    :param frames: how many.
    :param seed: of all that is drawn at random.
    :param grid_spec: extent of the truth grids.
    :raises ConfigError: no such scene.
    """
    a_scene = _FRAMES_A_SCENE if scene == MIXED else frames
    seconds = _SCENE_SECONDS if scene == MIXED else 1.0 / RATE_HZ
    for index in range(frames):
        part, within = divmod(index, a_scene)
        if not within:
            # Whole blocks, so that a longer drive begins like a shorter one.
            blocks = math.ceil(_TOP_SPEED * seconds * a_scene / _BLOCK)
            world = draw_scene(scene, seed, part, blocks * _BLOCK)
        yield frame_of(world, within * seconds, grid_spec, stamp_ns=round(index / RATE_HZ * 1e9))


def setup_of(scene: str, seed: int = 0) -> tuple[CameraInfo, Extrinsics]:
    """
    Return a drive's calibration, and where its camera is mounted while the body is level.

    A mixed drive starts with them.

    :raises ConfigError: no such scene.
    """
    first = draw_scene(scene, seed, 0, _BLOCK)
    return first.camera_info, first.mount


def frame_of(scene: Scene, time_s: float, grid_spec: GridSpec, stamp_ns: int = 0) -> WorldFrame:
    """
    Return the frame of a scene at a time.

    :param time_s: since the start of the scene.
    :param stamp_ns: time to give the frame.
    """
    x, y, yaw = scene.road.place(scene.speed * time_s, scene.lane)
    base = BasePose.on(scene.road, x, y, yaw)
    extrinsics = _swayed(scene, time_s)
    shot = Shot(CameraModel.from_info(scene.camera_info), extrinsics, base)
    things = [thing for thing in (thing.at(scene.road, time_s) for thing in scene.things)
              if -_BEHIND < (thing.x - x) * math.cos(yaw) + (thing.y - y) * math.sin(yaw)
              < _FARTHEST]
    noise = np.random.default_rng((scene.seed, round(time_s * 1e3)))
    rgb, mask = render(scene, shot, things, noise)
    grid = grid_truth(scene.road, things, shot, grid_spec)
    return WorldFrame(stamp_ns, rgb, mask, scene.camera_info, extrinsics, grid,
                      (float(x), float(y), yaw))


def _swayed(scene: Scene, time_s: float) -> Extrinsics:
    """Return the camera's pose in base_link while the vehicle's body pitches and rolls."""
    phase = scene.seed % 7
    pitch = scene.sway[0] * (0.6 * math.sin(7.3 * time_s + phase) + 0.4 * math.sin(2.1 * time_s))
    roll = scene.sway[1] * math.sin(4.1 * time_s + 2.0 * phase)
    mount = scene.mount
    if not pitch and not roll:
        return mount
    body = Extrinsics(0.0, 0.0, 0.0, roll=roll, pitch=pitch).rotation
    return Extrinsics.from_rotation(body @ (mount.x, mount.y, mount.z), body @ mount.rotation)
