"""Replay through the live node at the pace of the recording; what it cannot follow is dropped."""

from collections import deque
from collections.abc import Callable
from collections.abc import Iterator
import time
from typing import Protocol

from road_seg.bags.drive import Drive
from road_seg.bags.drive import Frame
from road_seg.parameters import Parameters
from road_seg.replay.lockstep import Node
from road_seg.replay.lockstep import prepare
from road_seg.replay.lockstep import with_known_grid
from road_seg.replay.overlap import ahead
from road_seg.replay.player import Answered
from road_seg.replay.player import naming
from road_seg.replay.player import pose_of
from road_seg.serialized import Answer

# Longest wait for what is outstanding after the last frame.
_PATIENCE_S = 3.0
_MAX_OUTSTANDING = 64


class StreamingNode(Node, Protocol):
    """A live node that takes frames without an answer to the last."""

    def send(self, image_cdr: bytes, stamp_ns: int) -> None:
        """Send a serialized image."""

    def listen(self, timeout_s: float) -> None:
        """Let answers come in until one has come or the time is over."""

    def has_begun(self, stamp_ns: int) -> bool:
        """Say whether a part of the answer to a stamp has come."""

    def is_answered(self, stamp_ns: int) -> bool:
        """Say whether the answer to a stamp is complete."""

    def take(self, stamp_ns: int) -> Answer | None:
        """Return the answer to a stamp, None if it is not complete, and forget it."""


class Realtime:
    """
    Send each frame when it is due by its stamp.

    :param node: the node, active.
    :param parameters: those it runs with.
    :param clock: steady time, s.
    """

    def __init__(self, node: StreamingNode, parameters: Parameters,
                 clock: Callable[[], float] = time.perf_counter) -> None:
        self._node = node
        self._parameters = parameters
        self._clock = clock
        self._waiting: deque[Frame] = deque()

    @property
    def info(self) -> dict[str, str]:
        """What the node tells about itself."""
        return self._node.info

    def play(self, drive: Drive) -> Iterator[Answered]:
        """Yield each frame with its answer, None for a dropped one, in the order of the frames."""
        # Sending keeps its own pace while the caller scores what has come.
        with (ahead(drive.frames()) as frames,
              ahead(self._answered(drive, frames), _MAX_OUTSTANDING) as answered):
            yield from answered

    def _answered(self, drive: Drive, frames: Iterator[Frame]) -> Iterator[Answered]:
        start: float | None = None
        first_ns = 0
        for frame in frames:
            with naming(drive, frame):
                prepare(self._node, frame, self._parameters)
            if start is None:
                start, first_ns = self._clock(), frame.stamp_ns
            due = start + (frame.stamp_ns - first_ns) / 1e9
            while (remaining := due - self._clock()) > 0.0:
                self._node.listen(remaining)
                yield from self._settled()
            self._node.send(frame.image, frame.stamp_ns)
            self._waiting.append(frame)
            yield from self._settled()
        deadline = self._clock() + _PATIENCE_S
        while self._waiting and (remaining := deadline - self._clock()) > 0.0:
            self._node.listen(remaining)
            yield from self._settled()
        yield from ((frame, None) for frame in self._waiting)

    def _settled(self) -> Iterator[Answered]:
        """Yield the oldest frames of which it is known whether they are answered."""
        while self._waiting:
            frame = self._waiting[0]
            if self._node.is_answered(frame.stamp_ns):
                answer = self._node.take(frame.stamp_ns)
                yield frame, with_known_grid(answer, pose_of(frame, self._parameters))
            elif self._is_dropped(frame):
                self._node.take(frame.stamp_ns)
                yield frame, None
            else:
                return
            self._waiting.popleft()

    def _is_dropped(self, frame: Frame) -> bool:
        """Say whether a later frame has been answered: the node never goes back."""
        return len(self._waiting) > _MAX_OUTSTANDING or (
            not self._node.has_begun(frame.stamp_ns)
            and any(self._node.is_answered(later.stamp_ns) for later in self._waiting))
