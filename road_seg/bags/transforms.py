"""Transforms of a recording: where the camera is in the vehicle at the time of an image."""

from bisect import bisect_left
from dataclasses import dataclass
from dataclasses import field

import numpy as np

from road_seg.bags.messages import decode
from road_seg.bags.messages import TF
from road_seg.camera import Extrinsics
from road_seg.errors import CalibrationError

# What tf2 keeps by default.
_HISTORY_NS = 10 * 10**9
# Quaternions nearer than this are interpolated along the chord: the arc's formula divides by 0.
_NEARLY_EQUAL = 1.0 - 1e-9

# Origin (3,) of the child in the parent, m, and unit quaternion x, y, z, w that turns the
# child's vectors into the parent.
Pose = tuple[np.ndarray, np.ndarray]


@dataclass
class _Edge:
    """What is known of a child frame: its parent, and poses in it by rising stamp [ns]."""

    parent: str
    is_static: bool
    stamps: list[int] = field(default_factory=list)
    poses: list[Pose] = field(default_factory=list)

    def add(self, stamp_ns: int, pose: Pose) -> None:
        """Add or replace the pose of a stamp and forget what is too old."""
        if self.is_static:
            self.stamps, self.poses = [stamp_ns], [pose]
            return
        index = bisect_left(self.stamps, stamp_ns)
        if index < len(self.stamps) and self.stamps[index] == stamp_ns:
            self.poses[index] = pose
        else:
            self.stamps.insert(index, stamp_ns)
            self.poses.insert(index, pose)
        outdated = bisect_left(self.stamps, self.stamps[-1] - _HISTORY_NS)
        del self.stamps[:outdated], self.poses[:outdated]

    def at(self, stamp_ns: int) -> Pose | None:
        """Return the pose at a time, interpolated; None before the first and after the last."""
        if self.is_static:
            return self.poses[0]
        index = bisect_left(self.stamps, stamp_ns)
        if index == len(self.stamps):
            return None
        if self.stamps[index] == stamp_ns:
            return self.poses[index]
        if index == 0:
            return None
        before, after = self.stamps[index - 1:index + 1]
        share = (stamp_ns - before) / (after - before)
        (start, turn), (end, turn_after) = self.poses[index - 1:index + 1]
        return start + share * (end - start), _between(turn, turn_after, share)


class TransformBuffer:
    """
    Keep the transforms of the last seconds, as tf2 does, and answer for one base frame.

    :param base_frame: the frame that poses are wanted in.
    """

    def __init__(self, base_frame: str) -> None:
        self._base_frame = base_frame
        self._edges: dict[str, _Edge] = {}

    def add(self, cdr: bytes, *, is_static: bool, replace: bool = True) -> None:
        """
        Take a serialized tf2_msgs/TFMessage.

        :param is_static: it came on /tf_static.
        :param replace: a frame that is known already may be replaced.
        :raises InputError: the message is damaged.
        """
        for transform in decode(cdr, TF).transforms:
            parent = transform.header.frame_id.removeprefix('/')
            child = transform.child_frame_id.removeprefix('/')
            stamp = transform.header.stamp
            edge = self._edges.get(child)
            if edge is not None and not replace:
                continue
            if edge is None or (edge.parent, edge.is_static) != (parent, is_static):
                edge = self._edges[child] = _Edge(parent, is_static)
            edge.add(stamp.sec * 10**9 + stamp.nanosec, _pose(transform.transform))

    def knows(self, camera_frame: str) -> bool:
        """Say whether the frame is connected with the base frame, at whatever time."""
        return self._chains(camera_frame) is not None

    def is_current(self, stamp_ns: int, camera_frame: str) -> bool:
        """Say whether the frame is known and no later message can be needed for a time."""
        chains = self._chains(camera_frame)
        return chains is not None and all(
            edge.is_static or edge.stamps[-1] >= stamp_ns for chain in chains for edge in chain)

    def at(self, stamp_ns: int, camera_frame: str) -> Extrinsics:
        """
        Return the pose of the camera's optical frame in the base frame.

        :raises CalibrationError: the frames are not connected, or not known at that time.
        """
        if not self.knows(camera_frame):
            raise self._unknown(camera_frame, 'no connection between them')
        pose = self.pose(stamp_ns, camera_frame)
        if pose is None:
            raise self._unknown(camera_frame, f'nothing recorded around {stamp_ns} ns')
        return Extrinsics.from_optical(*(tuple(part.tolist()) for part in pose))

    def pose(self, stamp_ns: int, frame: str) -> Pose | None:
        """Return the pose of a frame in the base frame; None if it is not known at that time."""
        chains = self._chains(frame)
        poses = [[edge.at(stamp_ns) for edge in chain] for chain in chains or ([],)]
        if chains is None or any(pose is None for chain in poses for pose in chain):
            return None
        inner, base = map(_composed, poses)
        return _times(_inverse(base), inner)

    def latest(self, frame: str) -> int | None:
        """
        Return the last time at which a frame's pose in the base frame is known, ns.

        None if they are not connected, or by static transforms alone.
        """
        return min((edge.stamps[-1] for chain in self._chains(frame) or () for edge in chain
                    if not edge.is_static), default=None)

    def _chains(self, camera_frame: str) -> tuple[list[_Edge], list[_Edge]] | None:
        """Return the edges from camera and base to their nearest common frame."""
        base, camera = self._ancestors(self._base_frame), self._ancestors(
            camera_frame.removeprefix('/'))
        common = next((frame for frame in camera if frame in base), None)
        if common is None:
            return None
        return tuple([self._edges[frame] for frame in line[:line.index(common)]]
                     for line in (camera, base))

    def _ancestors(self, frame: str) -> list[str]:
        """Return the frame, its parent and so on; a loop ends it."""
        line = [frame]
        while (edge := self._edges.get(line[-1])) and edge.parent not in line:
            line.append(edge.parent)
        return line

    def _unknown(self, camera_frame: str, found: str) -> CalibrationError:
        return CalibrationError(
            f'recorded transforms from {camera_frame!r} to {self._base_frame!r}', found=found,
            expected='the transform at the stamp of the image',
            fix='record /tf and /tf_static, or set extrinsics.source to parameters')


def _pose(transform: object) -> Pose:
    """Return the pose of a geometry_msgs/Transform, its quaternion normalised where it can be."""
    shift, turn = transform.translation, transform.rotation
    quaternion = np.array((turn.x, turn.y, turn.z, turn.w))
    length = np.linalg.norm(quaternion)
    return (np.array((shift.x, shift.y, shift.z)),
            quaternion / length if 0.0 < length < np.inf else quaternion)


def _between(start: np.ndarray, end: np.ndarray, share: float) -> np.ndarray:
    """Return the unit quaternion a share of the shorter arc after another (Shoemake, 1985)."""
    cosine = float(start @ end)
    if cosine < 0.0:
        end, cosine = -end, -cosine
    if cosine > _NEARLY_EQUAL:
        mean = (1.0 - share) * start + share * end
        return mean / np.linalg.norm(mean)
    angle = np.arccos(cosine)
    return (np.sin((1.0 - share) * angle) * start + np.sin(share * angle) * end) / np.sin(angle)


def _composed(chain: list[Pose]) -> Pose:
    """Return the pose of the first frame in the last one's parent."""
    result = (np.zeros(3), np.array((0.0, 0.0, 0.0, 1.0)))
    for pose in chain:
        result = _times(pose, result)
    return result


def _times(outer: Pose, inner: Pose) -> Pose:
    """Return the pose of what has the pose `inner` in what has the pose `outer`."""
    return outer[0] + _turned(outer[1], inner[0]), _product(outer[1], inner[1])


def _inverse(pose: Pose) -> Pose:
    origin, turn = pose
    back = turn * (-1.0, -1.0, -1.0, 1.0)
    return -_turned(back, origin), back


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the Hamilton product of two quaternions x, y, z, w."""
    vector = a[3] * b[:3] + b[3] * a[:3] + np.cross(a[:3], b[:3])
    return np.append(vector, a[3] * b[3] - a[:3] @ b[:3])


def _turned(turn: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Return a vector (3,) turned by a unit quaternion."""
    across = 2.0 * np.cross(turn[:3], vector)
    return vector + turn[3] * across + np.cross(turn[:3], across)
