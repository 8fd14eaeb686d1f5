"""Drives: repeatable, varied, and of the stated form."""

from itertools import islice

import numpy as np
import pytest

from road_seg.errors import ConfigError
from road_seg.grid import GridSpec
from road_seg.world.drive import drive
from road_seg.world.drive import SCENES
from road_seg.world.drive import setup_of
from road_seg.world.drive import WorldFrame
from road_seg.world.recipes import draw_scene

COARSE = GridSpec(resolution=0.5)


def same(one: WorldFrame, other: WorldFrame) -> bool:
    """Say whether two frames are equal to the last bit."""
    return (np.array_equal(one.rgb, other.rgb) and np.array_equal(one.mask, other.mask)
            and np.array_equal(one.grid.reasons, other.grid.reasons)
            and (one.stamp_ns, one.camera_info, one.extrinsics, one.pose) == (
                other.stamp_ns, other.camera_info, other.extrinsics, other.pose))


@pytest.mark.parametrize('scene', SCENES)
def test_frames_have_the_stated_form(scene: str):
    first, second = drive(scene, 2, seed=1, grid_spec=COARSE)
    assert (first.stamp_ns, second.stamp_ns) == (0, 100_000_000)
    for frame in (first, second):
        assert (frame.rgb.shape, frame.rgb.dtype) == ((384, 640, 3), np.uint8)
        assert (frame.mask.shape, frame.mask.dtype) == ((384, 640), np.uint8)
        assert frame.mask.max() <= 4
        assert (frame.mask == 1).mean() > 0.08
        assert frame.grid.spec == COARSE
        assert (frame.camera_info.width, frame.camera_info.height) == (640, 384)
    assert first.camera_info == second.camera_info == setup_of(scene, 1)[0]
    assert not np.array_equal(first.rgb, second.rgb)


@pytest.mark.parametrize('scene', ['straight', 'rain', 'mixed'])
def test_the_same_seed_draws_the_same_pixels(scene: str):
    first, again = (list(drive(scene, 2, seed=4, grid_spec=COARSE)) for _ in range(2))
    assert all(same(one, other) for one, other in zip(first, again, strict=True))
    other = next(drive(scene, 2, seed=5, grid_spec=COARSE))
    assert not np.array_equal(first[0].rgb, other.rgb)


def test_a_longer_drive_begins_like_a_shorter_one():
    short = list(drive('curve', 2, grid_spec=COARSE))
    for one, other in zip(short, islice(drive('curve', 60, grid_spec=COARSE), 2), strict=True):
        assert same(one, other)


def test_the_body_sways_about_the_mount():
    _, mount = setup_of('rural', 3)
    poses = [frame.extrinsics for frame in drive('rural', 6, seed=3, grid_spec=COARSE)]
    pitches = np.array([pose.pitch for pose in poses]) - mount.pitch
    assert len(set(poses)) == 6
    assert 0.0 < np.abs(pitches).max() < np.radians(1.2)


def test_a_mixed_drive_changes_scene_and_camera():
    frames = list(drive('mixed', 12, seed=2, grid_spec=COARSE))
    cameras = [frame.camera_info for frame in frames]
    assert len(set(cameras)) == 3
    assert cameras[:4] == cameras[:1] * 4


def test_mixed_scenes_use_every_lens():
    assert {draw_scene('mixed', 0, part, 50.0).camera_info.distortion_model
            for part in range(20)} == {
        'plumb_bob', 'rational_polynomial', 'equidistant'}


def test_every_class_appears():
    seen = {int(value) for frame in drive('crossing', 3, grid_spec=COARSE)
            for value in np.unique(frame.mask)}
    assert seen == {0, 1, 2, 3, 4}


def test_an_unknown_scene_is_named():
    with pytest.raises(ConfigError, match=r"'moon'.*straight, curve"):
        next(drive('moon', 1))
