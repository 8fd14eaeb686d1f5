"""Replay through the live node, the next frame after the answer to the last."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from road_seg.bags.drive import Drive
from road_seg.bags.drive import Frame
from road_seg.camera import Extrinsics
from road_seg.parameters import Parameters
from road_seg.replay.player import Answered
from road_seg.replay.player import naming
from road_seg.replay.player import pose_of
from road_seg.serialized import Answer
from road_seg.verdict import NO_FRAMES

ANSWER_TIMEOUT_S = 30.0


class Node(Protocol):
    """The live node, as a client sees it."""

    info: dict[str, str]

    def send_camera_info(self, cdr: bytes) -> None:
        """Send a serialized CameraInfo and wait until it is known."""

    def send_extrinsics(self, extrinsics: Extrinsics) -> None:
        """Set where the camera is and wait until it is known."""

    def process(self, image_cdr: bytes, stamp_ns: int, timeout_s: float) -> Answer:
        """Send a serialized image and wait for the outputs of that stamp."""


class Lockstep:
    """
    Send every frame and wait for its answer.

    :param node: the node, active.
    :param parameters: those it runs with.
    """

    def __init__(self, node: Node, parameters: Parameters) -> None:
        self._node = node
        self._parameters = parameters

    @property
    def info(self) -> dict[str, str]:
        """What the node tells about itself."""
        return self._node.info

    def play(self, drive: Drive) -> Iterator[Answered]:
        """Yield each frame with its answer."""
        for frame in drive.frames():
            with naming(drive, frame):
                pose = prepare(self._node, frame, self._parameters)
                answer = self._node.process(frame.image, frame.stamp_ns, ANSWER_TIMEOUT_S)
            yield frame, _without_silence(with_known_grid(answer, pose))


def with_known_grid(answer: Answer, pose: Extrinsics | None) -> Answer:
    """Return the answer, without the grid the node made of an outdated pose if there is none."""
    return answer if pose else replace(answer, grid=None, reasons=None)


def _without_silence(answer: Answer) -> Answer:
    """Return the answer, without a verdict that no frames come: the pace is this side's own."""
    is_silent = answer.verdict is not None and NO_FRAMES in answer.verdict.reasons
    return replace(answer, verdict=None) if is_silent else answer


def prepare(node: Node, frame: Frame, parameters: Parameters) -> Extrinsics | None:
    """Tell the node a frame's calibration and pose; return the pose, None if it is unknown."""
    if frame.camera_info is not None:
        node.send_camera_info(frame.camera_info)
    pose = pose_of(frame, parameters)
    if pose:
        node.send_extrinsics(pose)
    return pose
