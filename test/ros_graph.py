"""A ROS graph for tests: the node and a client, spun by the test itself."""

from collections.abc import Callable
import os
from pathlib import Path
import time

from diagnostic_msgs.msg import DiagnosticArray
from diagnostic_msgs.msg import DiagnosticStatus
import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo as CameraInfoMessage
from sensor_msgs.msg import Image

from road_seg.calibration import CameraInfo
from road_seg.ros.node import RoadSegNode

TIMEOUT_S = 20.0


class Graph:
    """
    A road_seg node with the tiny model and a client, in one executor without threads.

    Connected means that both ends know each other: either end alone may still lose a message.

    :param parameters: the node's parameters, as command-line values.
    :param remaps: remapping rules.
    """

    def __init__(self, parameters: dict[str, object], remaps: tuple[str, ...] = ()) -> None:
        rules = [f'{name}:={value}' for name, value in parameters.items()]
        arguments = ['--ros-args', *(item for rule in rules for item in ('-p', rule)),
                     *(item for rule in remaps for item in ('-r', rule))]
        self.node = RoadSegNode(cli_args=arguments, use_global_arguments=False)
        self.client = rclpy.create_node('test_client', use_global_arguments=False)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._executor.add_node(self.client)
        self.statuses: list[DiagnosticStatus] = []
        self.client.create_subscription(DiagnosticArray, '/diagnostics', self._keep_status,
                                        QoSProfile(depth=10))
        self._publishers = {}

    def close(self) -> None:
        """Destroy both nodes."""
        self.node.release()
        self._executor.shutdown()
        self.node.destroy_node()
        self.client.destroy_node()

    def start(self) -> 'Graph':
        """Bring the node to active."""
        assert self.node.trigger_configure().name == 'SUCCESS'
        assert self.node.trigger_activate().name == 'SUCCESS'
        return self

    def wait(self, condition: Callable[[], object], timeout_s: float = TIMEOUT_S) -> bool:
        """Run callbacks until a condition holds; say whether it does."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            self._executor.spin_once(timeout_sec=0.05)
        return True

    def listen(self, kind: type, topic: str) -> list:
        """Subscribe and return the list that messages are added to, once connected."""
        messages = []
        subscription = self.client.create_subscription(kind, topic, messages.append,
                                                       QoSProfile(depth=10))
        assert self.wait(lambda: subscription.get_publisher_count() and all(
            publisher.get_subscription_count() for publisher in self.node.publishers
            if publisher.topic_name == subscription.topic_name))
        return messages

    def publish(self, topic: str, message: object) -> None:
        """Publish from the client, once connected."""
        if topic not in self._publishers:
            publisher = self.client.create_publisher(type(message), topic, QoSProfile(depth=1))
            assert self.wait(lambda: publisher.get_subscription_count() and all(
                subscription.get_publisher_count() for subscription in self.node.subscriptions
                if subscription.topic_name == publisher.topic_name))
            self._publishers[topic] = publisher
        self._publishers[topic].publish(message)

    def status(self, matches: Callable[[DiagnosticStatus], object]) -> DiagnosticStatus:
        """Return a diagnostic of the node that matches, waiting for it."""
        self.statuses.clear()
        found = []
        assert self.wait(lambda: found.extend(filter(matches, self.statuses)) or found), (
            self.statuses)
        return found[0]

    def _keep_status(self, message: DiagnosticArray) -> None:
        self.statuses.extend(status for status in message.status
                             if status.name == 'road_seg: segmentation')


def values_of(status: DiagnosticStatus) -> dict[str, str]:
    """Return a status's values by key."""
    return {item.key: item.value for item in status.values}


def image_message(image: np.ndarray, encoding: str, stamp: int = 1, padding: int = 0) -> Image:
    """
    Return an Image.

    :param image: (H, W) or (H, W, channels) uint8.
    :param stamp: seconds of its header stamp.
    :param padding: bytes of 77 after each row.
    """
    height, width = image.shape[:2]
    rows = np.pad(image.reshape(height, -1), ((0, 0), (0, padding)), constant_values=77)
    message = Image(height=height, width=width, encoding=encoding, step=rows.shape[1])
    message.header.stamp.sec, message.header.stamp.nanosec = stamp, 25
    message.header.frame_id = 'front_camera_optical'
    message.data = rows.tobytes()
    return message


def camera_info_message(info: CameraInfo) -> CameraInfoMessage:
    """Return a CameraInfo message."""
    return CameraInfoMessage(width=info.width, height=info.height, d=info.d, k=info.k, r=info.r,
                             p=info.p, distortion_model=info.distortion_model)


def child_nodes() -> list[int]:
    """Return the process ids of the nodes this process has started and not ended."""
    pids = []
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            parent = int((folder / 'stat').read_text().rpartition(')')[2].split()[1])
            command = (folder / 'cmdline').read_bytes()
        except OSError:
            continue
        if parent == os.getpid() and b'road_seg.ros.node' in command:
            pids.append(int(folder.name))
    return pids
