"""The camera's pose from recorded transforms, against rotation matrices and known places."""

import math
from pathlib import Path

from drives import PERIOD_NS
from drives import picture
from drives import START_NS
from hypothesis import given
from hypothesis import strategies
import numpy as np
import pytest

from road_seg.bags import messages
from road_seg.bags.drive import Drive
from road_seg.bags.reader import BagReader
from road_seg.bags.sample import record
from road_seg.bags.sources import world
from road_seg.bags.transforms import TransformBuffer
from road_seg.bags.writer import create_bag
from road_seg.camera import Extrinsics
from road_seg.errors import CalibrationError
from road_seg.world.drive import drive as drawn_drive

S = 10**9
ANGLES = strategies.floats(-1.5, 1.5)


def transform(parent: str, child: str, pose: Extrinsics, stamp_ns: int = 0) -> bytes:
    """Return a TFMessage of one transform."""
    return messages.encode_transforms([(parent, child, pose)], stamp_ns)


def optical(pose: Extrinsics) -> Extrinsics:
    """Return the pose whose axes are those of the optical frame of a camera with a pose."""
    return Extrinsics.from_rotation((pose.x, pose.y, pose.z), pose.optical_rotation)


def values(pose: Extrinsics) -> list[float]:
    """Return the numbers of a pose."""
    return [pose.x, pose.y, pose.z, pose.roll, pose.pitch, pose.yaw]


def test_a_static_mount_holds_at_any_time():
    buffer = TransformBuffer('base_link')
    mount = Extrinsics(1.5, 0.2, 1.4, 0.01, 0.05, -0.02)
    assert not buffer.knows('camera')
    buffer.add(transform('base_link', 'camera', optical(mount)), is_static=True)
    assert buffer.knows('camera')
    assert buffer.is_current(99 * S, 'camera')
    for stamp in (0, 5 * S, 99 * S):
        assert values(buffer.at(stamp, '/camera')) == pytest.approx(values(mount), abs=1e-12)


@given(a=ANGLES, b=ANGLES, c=ANGLES)
def test_a_chain_is_the_product_of_its_matrices(a: float, b: float, c: float):
    mast, head = Extrinsics(1.0, -0.5, 1.0, a, b, c), Extrinsics(0.3, 0.1, 0.4, c, a, b)
    buffer = TransformBuffer('base_link')
    buffer.add(transform('base_link', 'mast', mast), is_static=True)
    buffer.add(transform('mast', 'camera', optical(head)), is_static=True)
    pose = buffer.at(0, 'camera')
    np.testing.assert_allclose(pose.rotation, mast.rotation @ head.rotation, atol=1e-9)
    np.testing.assert_allclose((pose.x, pose.y, pose.z),
                               mast.rotation @ (0.3, 0.1, 0.4) + (1.0, -0.5, 1.0), atol=1e-12)


def test_a_base_frame_beside_the_camera():
    buffer = TransformBuffer('base_link')
    buffer.add(transform('chassis', 'base_link', Extrinsics(0.0, 0.0, -0.5)), is_static=True)
    buffer.add(transform('chassis', 'camera', optical(Extrinsics(1.0, 0.0, 1.0))), is_static=True)
    # Above the frame they share nothing counts, known or not.
    buffer.add(transform('odom', 'chassis', Extrinsics(9.0, 9.0, 0.0)), is_static=False)
    assert values(buffer.at(50 * S, 'camera')) == pytest.approx([1.0, 0.0, 1.5, 0.0, 0.0, 0.0])


def test_a_moving_mount_is_interpolated_and_never_extrapolated():
    buffer = TransformBuffer('base_link')
    for stamp, pitch in ((2 * S, 0.1), (S, 0.0)):  # the later one came first
        buffer.add(transform('base_link', 'camera', optical(Extrinsics(1.0, 0.0, 1.0 + pitch,
                                                                       pitch=pitch)), stamp),
                   is_static=False)
    for stamp, pitch in ((S, 0.0), (5 * S // 4, 0.025), (3 * S // 2, 0.05), (2 * S, 0.1)):
        assert values(buffer.at(stamp, 'camera')) == pytest.approx(
            [1.0, 0.0, 1.0 + pitch, 0.0, pitch, 0.0], abs=1e-9)
    assert buffer.is_current(2 * S, 'camera')
    assert not buffer.is_current(2 * S + 1, 'camera')
    for stamp in (S - 1, 2 * S + 1):
        with pytest.raises(CalibrationError, match='nothing recorded around'):
            buffer.at(stamp, 'camera')


def test_half_a_turn_takes_the_shorter_arc():
    buffer = TransformBuffer('base_link')
    for stamp, yaw in ((0, math.radians(170.0)), (2 * S, math.radians(-170.0))):
        buffer.add(transform('base_link', 'camera', optical(Extrinsics(0.0, 0.0, 1.0, yaw=yaw)),
                             stamp), is_static=False)
    assert abs(buffer.at(S, 'camera').yaw) == pytest.approx(math.pi)


def test_ten_seconds_are_kept():
    buffer = TransformBuffer('base_link')
    for second in range(30):
        buffer.add(transform('base_link', 'camera', Extrinsics(0.0, 0.0, 1.0), second * S),
                   is_static=False)
    buffer.at(19 * S, 'camera')
    with pytest.raises(CalibrationError):
        buffer.at(19 * S - 1, 'camera')


def test_frames_in_a_loop_are_not_connected():
    buffer = TransformBuffer('base_link')
    buffer.add(transform('a', 'b', Extrinsics(0.0, 0.0, 1.0)), is_static=True)
    buffer.add(transform('b', 'a', Extrinsics(0.0, 0.0, 1.0)), is_static=True)
    assert not buffer.knows('a')
    with pytest.raises(CalibrationError, match='no connection between them'):
        buffer.at(0, 'a')


def test_a_drawn_drive_of_many_mounts_gives_each_frame_its_own(tmp_path: Path):
    record(world('mixed', 12), tmp_path / 'drive')
    with BagReader(tmp_path / 'drive') as reader:
        frames = list(Drive(reader).frames())
    drawn = list(drawn_drive('mixed', 12, 0))
    assert len({frame.pose for frame in frames}) > 1
    for frame, truth in zip(frames, drawn, strict=True):
        assert values(frame.pose) == pytest.approx(values(truth.extrinsics), abs=1e-9)


def write_moving(path: Path, stamps: list[int]) -> Path:
    """Write four pictures, and a mount at some stamps, each recorded behind the next picture."""
    with create_bag(path) as writer:
        for index in range(4):
            stamp = START_NS + index * PERIOD_NS
            writer.write('/image', messages.IMAGE, stamp,
                         messages.encode_image(picture(index), stamp, 'camera'))
            if index in stamps:
                pose = optical(Extrinsics(float(index), 0.0, 1.0))
                writer.write('/tf', messages.TF, stamp + PERIOD_NS + 1,
                             transform('base_link', 'camera', pose, stamp))
    return path


def poses(path: Path, base_frame: str | None = 'base_link') -> list[float | None]:
    """Return the forward position of each frame's camera, NaN where it is not known any more."""
    with BagReader(path) as reader:
        return [frame.pose.x if frame.pose else math.nan if frame.pose_error else None
                for frame in Drive(reader, base_frame=base_frame).frames()]


def test_a_transform_that_comes_after_its_image_is_waited_for(tmp_path: Path):
    bag = write_moving(tmp_path / 'drive', [0, 1, 2, 3])
    assert poses(bag) == pytest.approx([0.0, 1.0, 2.0, 3.0])
    assert poses(bag, None) == [None] * 4
    assert poses(bag, 'elsewhere') == [None] * 4


def test_what_was_not_recorded_is_said_and_not_guessed(tmp_path: Path):
    assert poses(write_moving(tmp_path / 'drive', [0, 2])) == pytest.approx(
        [0.0, 1.0, 2.0, math.nan], nan_ok=True)


def test_a_static_transform_recorded_late_holds_from_the_start(tmp_path: Path):
    with create_bag(tmp_path / 'drive') as writer:
        for index in range(3):
            writer.write('/image', messages.IMAGE, index,
                         messages.encode_image(picture(0), index, 'camera'))
        for stamp, x in ((5, 1.0), (6, 2.0)):
            writer.write('/tf_static', messages.TF, stamp,
                         transform('base_link', 'camera', optical(Extrinsics(x, 0.0, 1.0))))
    assert poses(tmp_path / 'drive') == pytest.approx([1.0, 1.0, 1.0])
