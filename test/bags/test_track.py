"""The way of a recorded vehicle."""

import math
from pathlib import Path

import numpy as np
import pytest

from road_seg.bags import messages
from road_seg.bags.reader import BagReader
from road_seg.bags.sample import record
from road_seg.bags.sources import world
from road_seg.bags.track import read_track
from road_seg.bags.track import Track
from road_seg.bags.writer import create_bag
from road_seg.camera import Extrinsics
from road_seg.planar import PlanarPose
from road_seg.world.drive import drive

S = 10**9


def values(pose: PlanarPose) -> tuple[float, float, float]:
    """Return x, y and yaw."""
    return pose.x, pose.y, pose.yaw


def test_poses_between_the_recorded_ones_the_short_way_round() -> None:
    track = Track(np.array([0, S]), np.array([[0.0, 0.0, 3.0], [2.0, 4.0, -3.0]]))
    assert values(track.at(S // 2)) == pytest.approx((1.0, 2.0, math.pi))
    assert values(track.at(S)) == pytest.approx((2.0, 4.0, 2.0 * math.pi - 3.0))
    assert (track.at(-1), track.at(S + 1)) == (None, None)


def test_the_order_of_the_messages_does_not_matter_and_the_last_of_a_stamp_counts() -> None:
    track = Track(np.array([S, 0, S]), np.array([[9.0, 9, 9], [0, 0, 0], [1, 0, 0]]))
    assert values(track.at(S // 4)) == (0.25, 0.0, 0.0)


def test_motion_and_path_are_in_base_link_of_the_first_time() -> None:
    track = Track(np.arange(4) * S, np.array([[0.0, 1, math.pi / 2], [0, 3, math.pi / 2],
                                              [0, 5, math.pi / 2], [0, 7, math.pi / 2]]))
    assert values(track.motion(S, 2 * S)) == pytest.approx((2.0, 0.0, 0.0))
    assert [round(pose.x, 9) for pose in track.path(S, 5 * S, S // 2)] == [
        0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize('step', [(2 * S, 0.0), (S // 10, 8.0)])
def test_the_way_ends_at_a_gap_and_at_a_jump(step: tuple[int, float]) -> None:
    gap_ns, length = step
    stamps = np.array([0, S // 10, S // 10 + gap_ns, 2 * S // 10 + gap_ns])
    track = Track(stamps, np.array([[0.0, 0, 0], [1, 0, 0], [1 + length, 0, 0],
                                    [2 + length, 0, 0]]))
    assert track.motion(0, int(stamps[1]))
    assert track.motion(int(stamps[1]), int(stamps[2])) is None
    assert track.at(int(stamps[1]) + gap_ns // 2) is None
    assert len(track.path(0, S, S // 20)) == 3
    assert track.motion(int(stamps[2]), int(stamps[3]))


def test_a_drawn_drive_tells_its_poses(tmp_path: Path) -> None:
    record(world('curve', 3, seed=1), tmp_path / 'drive')
    with BagReader(tmp_path / 'drive') as reader:
        track = read_track(reader, 'base_link')
        assert read_track(reader, 'another') is None
    for frame in drive('curve', 3, 1):
        assert values(track.at(1_700_000_000 * S + frame.stamp_ns)) == pytest.approx(frame.pose)


def test_through_a_static_transform_and_a_map(tmp_path: Path) -> None:
    def tf(*transforms: tuple[str, str, Extrinsics], at: int) -> bytes:
        return messages.encode_transforms(list(transforms), at)

    with create_bag(tmp_path / 'drive') as writer:
        for stamp in (S, 2 * S):
            writer.write('/tf', messages.TF, stamp, tf(
                ('map', 'odom', Extrinsics(100.0 * stamp, 0.0, 0.0)),
                ('odom', 'base_footprint', Extrinsics(stamp / S, 0.0, 0.0, yaw=math.pi / 2)),
                at=stamp))
        writer.write('/tf_static', messages.TF, 3 * S, tf(
            ('base_footprint', 'base_link', Extrinsics(0.5, 0.0, 0.3)), at=0))
    with BagReader(tmp_path / 'drive') as reader:
        track = read_track(reader, 'base_link')
    assert values(track.at(3 * S // 2)) == pytest.approx((1.5, 0.5, math.pi / 2))


def test_a_quick_odometry_is_thinned(tmp_path: Path) -> None:
    with create_bag(tmp_path / 'drive') as writer:
        for index in range(100):
            stamp = S + index * 5_000_000
            writer.write('/tf', messages.TF, stamp, messages.encode_transforms(
                [('odom', 'base_link', Extrinsics(0.05 * index, 0.0, 0.0))], stamp))
    with BagReader(tmp_path / 'drive') as reader:
        track = read_track(reader, 'base_link')
    assert values(track.at(S + 47_500_000)) == pytest.approx((0.475, 0.0, 0.0))
    assert track.at(S + 480_000_000)
    assert track.at(S + 490_000_000) is None  # beyond the last pose that was taken


@pytest.mark.parametrize(('child', 'is_known'), [
    ('base_link', True), ('base_footprint', True), ('imu', False)])
def test_odometry_of_the_vehicle_alone(tmp_path: Path, child: str, is_known: bool) -> None:
    types = messages.typestore().types

    def odometry(sec: int) -> bytes:
        pose = types['geometry_msgs/msg/Pose'](
            types['geometry_msgs/msg/Point'](2.0 * sec, 1.0, 0.0),
            types['geometry_msgs/msg/Quaternion'](0.0, 0.0, math.sin(0.1), math.cos(0.1)))
        vector = types['geometry_msgs/msg/Vector3'](0.0, 0.0, 0.0)
        message = types[messages.ODOMETRY](
            types['std_msgs/msg/Header'](types['builtin_interfaces/msg/Time'](sec, 0), 'odom'),
            child, types['geometry_msgs/msg/PoseWithCovariance'](pose, np.zeros(36)),
            types['geometry_msgs/msg/TwistWithCovariance'](
                types['geometry_msgs/msg/Twist'](vector, vector), np.zeros(36)))
        return bytes(messages.typestore().serialize_cdr(message, messages.ODOMETRY))

    with create_bag(tmp_path / 'drive') as writer:
        for sec in (1, 2):
            writer.write('/wheels', messages.ODOMETRY, sec * S, odometry(sec))
    with BagReader(tmp_path / 'drive') as reader:
        track = read_track(reader, 'base_link')
    assert (track is not None) == is_known
    if track:
        assert values(track.at(3 * S // 2)) == pytest.approx((3.0, 1.0, 0.2))
