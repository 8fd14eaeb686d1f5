"""The node's reports on /diagnostics."""

from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray
from diagnostic_msgs.msg import DiagnosticStatus
from diagnostic_msgs.msg import KeyValue
from rclpy.clock import Clock
from rclpy.clock import ClockType
from rclpy.node import Node

from road_seg.health import Verdict
from road_seg.ros import qos

_PERIOD_S = 1.0


def status_name(node_name: str) -> str:
    """
    Return the name of the node's status.

    :param node_name: fully qualified, so that nodes in several namespaces differ.
    """
    return f'{node_name.lstrip("/")}: segmentation'


class DiagnosticsReporter:
    """
    Publish a verdict once a second, in every lifecycle state, whatever ROS time does.

    :param node: the node that publishes.
    :param verdict: returns the verdict of the moment.
    """

    def __init__(self, node: Node, verdict: Callable[[], Verdict]) -> None:
        self._node = node
        self._verdict = verdict
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics',
                                                qos.diagnostics())
        node.create_timer(_PERIOD_S, self.publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def publish(self) -> None:
        """Publish the verdict of this moment, unless the process is about to end."""
        if not self._node.context.ok():
            return
        verdict = self._verdict()
        status = DiagnosticStatus(
            level=bytes([verdict.level]), name=status_name(self._node.get_fully_qualified_name()),
            message=verdict.message, hardware_id=verdict.values.get('backend', 'no backend'),
            values=[KeyValue(key=key, value=value) for key, value in verdict.values.items()])
        message = DiagnosticArray(status=[status])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)
