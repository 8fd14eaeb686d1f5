"""Collecting what the node publishes about one frame."""

from collections.abc import Callable
from collections.abc import Collection
from dataclasses import dataclass
from dataclasses import field
import time

from diagnostic_msgs.msg import DiagnosticArray
from nav_msgs.msg import OccupancyGrid
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image

from road_seg.ros import qos
from road_seg.ros.client_node import ClientNode
from road_seg.serialized import Answer
from road_seg.serialized import header_stamp_ns

_MASK, _GRID, _REASONS, _TIMINGS = 'mask', 'grid', 'reasons', 'timings'
_TOPICS = {
    _MASK: (Image, 'road_mask'),
    'confidence': (Image, 'road_mask/confidence'),
    'overlay': (Image, 'road_mask/overlay'),
    _GRID: (OccupancyGrid, 'drivable_area'),
    _REASONS: (Image, 'drivable_area/reasons'),
    _TIMINGS: (DiagnosticArray, 'road_seg/debug/timings'),
}


@dataclass
class _Part:
    """What has come of one answer: messages by name, stages [ms], the time of the last, s."""

    messages: dict[str, bytes] = field(default_factory=dict)
    stages_ms: dict[str, float] = field(default_factory=dict)
    came: float = 0.0


class AnswerCollector:
    """
    Subscribe to the node's outputs and put together those of the expected stamps.

    :param client: the node that subscribes, in the namespace of the node under test.
    :param outputs: names of the outputs beside mask and grid.
    """

    def __init__(self, client: ClientNode, outputs: Collection[str]) -> None:
        self._names = (_MASK, _GRID, _REASONS, _TIMINGS, *outputs)
        self._parts: dict[int, _Part] = {}
        self._subscriptions = []
        for name in self._names:
            kind, topic = _TOPICS[name]
            self._subscriptions.append(
                client.subscribe(kind, topic, self._keep_as(name), qos.output(), raw=True))

    @property
    def is_connected(self) -> bool:
        """Say whether every subscription has found its publisher."""
        return all(subscription.get_publisher_count() for subscription in self._subscriptions)

    def expect(self, stamp_ns: int) -> None:
        """Wait for the answer to a stamp, ns."""
        self._parts[stamp_ns] = _Part()

    def has_begun(self, stamp_ns: int) -> bool:
        """Say whether anything that belongs to an expected frame is here."""
        return bool(self._parts[stamp_ns].messages)

    def is_complete(self, stamp_ns: int) -> bool:
        """Say whether everything that belongs to an expected frame is here."""
        part = self._parts[stamp_ns]
        if _TIMINGS not in part.messages:
            return False
        # The node times the grid only if it publishes one.
        return all(name in part.messages for name in self._names
                   if name not in (_GRID, _REASONS) or _GRID in part.stages_ms)

    def take(self, stamp_ns: int, sent: float) -> Answer | None:
        """
        Return the answer to a stamp, None if it is not complete, and wait for it no more.

        :param sent: when the frame was sent, perf_counter, s.
        """
        complete = self.is_complete(stamp_ns)
        part = self._parts.pop(stamp_ns)
        return Answer(*(part.messages.get(name) for name in
                        (_MASK, 'confidence', 'overlay', _GRID)),
                      stages_ms=part.stages_ms, round_trip_ms=(part.came - sent) * 1e3,
                      reasons=part.messages.get(_REASONS)) if complete else None

    def _keep_as(self, name: str) -> Callable[[bytes], None]:
        """Return the callback that keeps a message of an expected stamp."""
        def keep(cdr: bytes) -> None:
            part = self._parts.get(header_stamp_ns(cdr))
            if part is None:
                return
            part.messages[name] = cdr
            part.came = time.perf_counter()
            if name == _TIMINGS:
                status = deserialize_message(cdr, DiagnosticArray).status[0]
                part.stages_ms = {item.key: float(item.value) for item in status.values}
        return keep
