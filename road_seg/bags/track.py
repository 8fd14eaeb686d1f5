"""The way of a recorded vehicle, from its odometry."""

from collections.abc import Iterator
from itertools import takewhile
import math

import numpy as np

from road_seg.bags.drive import add_static_transforms
from road_seg.bags.drive import TF_STATIC_TOPIC
from road_seg.bags.drive import TF_TOPIC
from road_seg.bags.messages import decode
from road_seg.bags.messages import ODOMETRY
from road_seg.bags.messages import TF
from road_seg.bags.reader import BagReader
from road_seg.bags.transforms import TransformBuffer
from road_seg.planar import PlanarPose
from road_seg.serialized import header_stamp_ns

# The frame of REP-105 in which a vehicle moves without jumps, and base_link's projection.
ODOM_FRAME, _FOOTPRINT = 'odom', 'base_footprint'
# Odometry of 100 Hz and more is taken at this pace: what lies between is interpolated.
_STEP_NS = 40_000_000
# Between two poses farther apart the vehicle's way is not known: 1 s, or 70 m/s.
_MAX_GAP_NS = 10**9
_MAX_SPEED = 70.0

_Stamped = tuple[int, tuple[float, float, float]]


class Track:
    """
    The poses of base_link in a fixed frame, interpolated.

    :param stamps_ns: (N,) int64, of the poses.
    :param poses: (N, 3) float64: x, y, m, and yaw, rad.
    """

    def __init__(self, stamps_ns: np.ndarray, poses: np.ndarray) -> None:
        order = np.argsort(stamps_ns, kind='stable')
        fresh = np.append(np.diff(stamps_ns[order]) > 0, True)  # of equal stamps the last
        self._stamps_ns = stamps_ns[order][fresh]
        self._poses = poses[order][fresh].copy()
        self._poses[:, 2] = np.unwrap(self._poses[:, 2])
        steps_ns = np.diff(self._stamps_ns)
        lengths = np.hypot(*np.diff(self._poses[:, :2], axis=0).T)
        broken = (steps_ns > _MAX_GAP_NS) | (lengths > _MAX_SPEED * steps_ns / 1e9)
        self._part = np.append(0, np.cumsum(broken))

    def at(self, stamp_ns: int) -> PlanarPose | None:
        """Return where the vehicle was; None where that is not known."""
        place = self._place(stamp_ns)
        return PlanarPose(*self._between(place, stamp_ns).tolist()) if place else None

    def motion(self, from_ns: int, to_ns: int) -> PlanarPose | None:
        """Return the pose at one time in base_link of another; None if a gap is between."""
        places = self._place(from_ns), self._place(to_ns)
        if None in places or self._part[places[0][0]] != self._part[places[1][0]]:
            return None
        return self.at(to_ns).seen_from(self.at(from_ns))

    def path(self, from_ns: int, duration_ns: int, step_ns: int) -> list[PlanarPose]:
        """Return the poses from a time on, in base_link of then, as long as they are known."""
        poses = (self.motion(from_ns, stamp_ns) for stamp_ns in range(
            from_ns, from_ns + duration_ns + 1, step_ns))
        return list(takewhile(lambda pose: pose is not None, poses))

    def _place(self, stamp_ns: int) -> tuple[int, int] | None:
        """Return the numbers of the poses before and after a time; None where there are none."""
        after = int(np.searchsorted(self._stamps_ns, stamp_ns))
        if after == len(self._stamps_ns):
            return None
        if self._stamps_ns[after] == stamp_ns:
            return after, after
        if after == 0 or self._part[after - 1] != self._part[after]:
            return None
        return after - 1, after

    def _between(self, place: tuple[int, int], stamp_ns: int) -> np.ndarray:
        """Return the pose (3,) at a time between two poses."""
        before, after = place
        span_ns = max(1, self._stamps_ns[after] - self._stamps_ns[before])
        share = (stamp_ns - self._stamps_ns[before]) / span_ns
        return self._poses[before] + share * (self._poses[after] - self._poses[before])


def read_track(reader: BagReader, base_frame: str) -> Track | None:
    """
    Read the way of a vehicle: three numbers a message, so that what comes after a frame is known.

    It is that of TF from `odom` to the base frame, else of a nav_msgs/Odometry of that frame.

    :param reader: the bag, open.
    :param base_frame: frame of the vehicle.
    :return: None if the bag does not tell.
    :raises InputError: a message is damaged.
    """
    topics = reader.topics_of([ODOMETRY])
    for source in (_by_transforms(reader, base_frame),
                   *(_by_odometry(reader, topic, base_frame) for topic in topics)):
        found = list(source)
        if len(found) > 1:
            stamps_ns, poses = zip(*found, strict=True)
            return Track(np.array(stamps_ns, np.int64), np.array(poses))
    return None


def _by_transforms(reader: BagReader, base_frame: str) -> Iterator[_Stamped]:
    """Yield where TF says that the vehicle was."""
    buffer = TransformBuffer(ODOM_FRAME)
    recorded = reader.topics_of([TF])
    if TF_TOPIC not in recorded:
        return
    if TF_STATIC_TOPIC in recorded:
        add_static_transforms(reader, buffer)
    last_ns = -_STEP_NS
    for message in reader.messages([TF_TOPIC]):
        buffer.add(message.cdr, is_static=False)
        stamp_ns = buffer.latest(base_frame)
        if stamp_ns is not None and abs(stamp_ns - last_ns) >= _STEP_NS and (
                pose := buffer.pose(stamp_ns, base_frame)):
            last_ns = stamp_ns
            (x, y, _), turn = pose
            yield stamp_ns, (x, y, _yaw(*turn))


def _by_odometry(reader: BagReader, topic: str, base_frame: str) -> Iterator[_Stamped]:
    """Yield where an odometry says that the vehicle was, if it is about that frame."""
    last_ns = -_STEP_NS
    for recorded in reader.messages([topic]):
        stamp_ns = header_stamp_ns(recorded.cdr)
        if abs(stamp_ns - last_ns) < _STEP_NS:
            continue
        last_ns = stamp_ns
        message = decode(recorded.cdr, ODOMETRY)
        if message.child_frame_id.removeprefix('/') not in (base_frame, _FOOTPRINT):
            return
        pose, turn = message.pose.pose.position, message.pose.pose.orientation
        yield stamp_ns, (pose.x, pose.y, _yaw(turn.x, turn.y, turn.z, turn.w))


def _yaw(x: float, y: float, z: float, w: float) -> float:
    """Return the rotation of a unit quaternion about z, rad."""
    return math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
