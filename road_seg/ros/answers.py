"""Collecting what the node publishes about one frame."""

from collections.abc import Callable
from collections.abc import Collection

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


class AnswerCollector:
    """
    Subscribe to the node's outputs and put together those of one stamp.

    :param client: the node that subscribes, in the namespace of the node under test.
    :param outputs: names of the outputs beside mask and grid.
    """

    def __init__(self, client: ClientNode, outputs: Collection[str]) -> None:
        self._names = (_MASK, _GRID, _REASONS, _TIMINGS, *outputs)
        self._stamp_ns = 0
        self._messages: dict[str, bytes] = {}
        self._stages_ms: dict[str, float] = {}
        self._subscriptions = []
        for name in self._names:
            kind, topic = _TOPICS[name]
            self._subscriptions.append(
                client.subscribe(kind, topic, self._keep_as(name), qos.output(), raw=True))

    @property
    def is_connected(self) -> bool:
        """Say whether every subscription has found its publisher."""
        return all(subscription.get_publisher_count() for subscription in self._subscriptions)

    @property
    def is_complete(self) -> bool:
        """Say whether everything that belongs to the expected frame is here."""
        if _TIMINGS not in self._messages:
            return False
        # The node times the grid only if it publishes one.
        return all(name in self._messages for name in self._names
                   if name not in (_GRID, _REASONS) or _GRID in self._stages_ms)

    def expect(self, stamp_ns: int) -> None:
        """Forget the last frame and wait for the one of a stamp, ns."""
        self._stamp_ns = stamp_ns
        self._messages.clear()
        self._stages_ms = {}

    def take(self, round_trip_ms: float) -> Answer:
        """Return what came, once it is complete."""
        return Answer(*(self._messages.get(name) for name in
                        (_MASK, 'confidence', 'overlay', _GRID)),
                      stages_ms=self._stages_ms, round_trip_ms=round_trip_ms,
                      reasons=self._messages.get(_REASONS))

    def _keep_as(self, name: str) -> Callable[[bytes], None]:
        """Return the callback that keeps a message of the expected stamp."""
        def keep(cdr: bytes) -> None:
            if header_stamp_ns(cdr) != self._stamp_ns:
                return
            self._messages[name] = cdr
            if name == _TIMINGS:
                status = deserialize_message(cdr, DiagnosticArray).status[0]
                self._stages_ms = {item.key: float(item.value) for item in status.values}
        return keep
