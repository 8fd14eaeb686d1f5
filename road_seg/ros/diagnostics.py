"""The node's reports on /diagnostics."""

import time

from diagnostic_msgs.msg import DiagnosticArray
from diagnostic_msgs.msg import DiagnosticStatus
from diagnostic_msgs.msg import KeyValue
from rclpy.clock import Clock
from rclpy.clock import ClockType
from rclpy.node import Node

from road_seg.health import Health
from road_seg.ros import qos
from road_seg.verdict import Level
from road_seg.verdict import NO_REASONS
from road_seg.verdict import Verdict

_LOOK_S = 0.1
# The last look of a second may come a little early.
_PERIOD_NS = 950_000_000


def status_name(node_name: str) -> str:
    """
    Return the name of the node's status.

    :param node_name: fully qualified, so that nodes in several namespaces differ.
    """
    return f'{node_name.lstrip("/")}: segmentation'


def verdict_of(status: DiagnosticStatus) -> Verdict:
    """Return the verdict that a node's status carries."""
    values = {item.key: item.value for item in status.values}
    reasons = values.get('reasons', NO_REASONS)
    return Verdict(Level(status.level[0]), status.message,
                   () if reasons == NO_REASONS else tuple(reasons.split(', ')), values)


class DiagnosticsReporter:
    """
    Publish the verdict once a second, and within a tenth of one when its reasons change.

    It does so in every lifecycle state, whatever ROS time does.

    :param node: the node that publishes.
    :param health: gives the verdict of the moment.
    """

    def __init__(self, node: Node, health: Health) -> None:
        self._node = node
        self._health = health
        self._published_ns = 0
        self._shown: tuple[str, ...] = ()
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics',
                                                qos.diagnostics())
        node.create_timer(_LOOK_S, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _look(self) -> None:
        """Publish what is due."""
        now_ns = time.perf_counter_ns()
        if (now_ns - self._published_ns > _PERIOD_NS
                or set(self._health.reasons(now_ns)) != set(self._shown)):
            self.publish()

    def publish(self) -> None:
        """Publish the verdict of this moment, unless the process is about to end."""
        if not self._node.context.ok():
            return
        self._published_ns = time.perf_counter_ns()
        verdict = self._health.report(self._published_ns)
        self._shown = verdict.reasons
        status = DiagnosticStatus(
            level=bytes([verdict.level]), name=status_name(self._node.get_fully_qualified_name()),
            message=verdict.message, hardware_id=verdict.values.get('backend', 'no backend'),
            values=[KeyValue(key=key, value=value) for key, value in verdict.values.items()])
        message = DiagnosticArray(status=[status])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)
