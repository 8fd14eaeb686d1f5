"""The node's output topics."""

import time

from diagnostic_msgs.msg import DiagnosticArray
from diagnostic_msgs.msg import DiagnosticStatus
from diagnostic_msgs.msg import KeyValue
from nav_msgs.msg import OccupancyGrid
import numpy as np
from rclpy.lifecycle import LifecycleNode
from rclpy.lifecycle import LifecyclePublisher
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from road_seg.labels import LabelMap
from road_seg.overlay import draw_overlay
from road_seg.pipeline import Result
from road_seg.ros import qos
from road_seg.ros.conversions import GridMessage
from road_seg.ros.conversions import ImageMessage
from road_seg.ros.label_info import label_info
from road_seg.ros.label_info import LabelInfo

_NS_PER_MS = 1e6


class Outputs:
    """
    Publish what the Segmenter returns; nothing goes out while the node is not active.

    :param node: the node; the publishers live until close.
    :param labels: the meaning of the mask's class ids.
    :param base_frame: frame of the grid.
    """

    def __init__(self, node: LifecycleNode, labels: LabelMap, base_frame: str) -> None:
        self._node = node
        self._labels = labels
        self._base_frame = base_frame
        self._publishers: list[LifecyclePublisher] = []
        try:
            self._create_all()
        except Exception:
            self.close()
            raise
        self._mask_message = ImageMessage('mono8')
        self._confidence_message = ImageMessage('mono8')
        self._overlay_message = ImageMessage('rgb8')
        self._grid_message = GridMessage(base_frame)
        self._reasons_message = ImageMessage('mono8')

    @property
    def are_wanted(self) -> bool:
        """Say whether anybody subscribes to anything that comes of a frame."""
        return any(publisher.get_subscription_count() for publisher in self._publishers
                   if publisher is not self._label_info)

    @property
    def wants_confidence(self) -> bool:
        """Say whether anybody subscribes to the confidence."""
        return self._confidence.get_subscription_count() > 0

    def announce(self) -> None:
        """Publish the class names; call it once the publishers are active."""
        if self._label_info:
            message = label_info(self._labels, self._node.get_clock().now().to_msg())
            self._label_info.publish(message)

    def publish(self, header: Header, rgb: np.ndarray, result: Result) -> dict[str, int]:
        """
        Publish the mask and whatever else there is and is subscribed to.

        :param header: of the frame.
        :param rgb: the frame, (H, W, 3) uint8 RGB.
        :param result: what the Segmenter made of it.
        :return: duration of each stage, ns.
        """
        times = {'publish': time.perf_counter_ns()}
        # The grid first: a planner waits for it, and it is out while the larger mask is written.
        if result.grid is not None:
            self._grid.publish(self._grid_message.filled(header.stamp, result.grid))
            if self._reasons.get_subscription_count() > 0:
                grid_header = Header(stamp=header.stamp, frame_id=self._base_frame)
                self._reasons.publish(
                    self._reasons_message.filled(grid_header, result.grid.reasons))
        self._mask.publish(self._mask_message.filled(header, result.mask))
        if result.confidence is not None:
            self._confidence.publish(self._confidence_message.filled(header, result.confidence))
        times['overlay'] = time.perf_counter_ns()
        stages = {'publish': times['overlay'] - times['publish']}
        if self._overlay.get_subscription_count() > 0:
            draw_overlay(rgb, result.mask, self._labels.palette,
                         out=self._overlay_message.buffer(rgb.shape))
            self._overlay.publish(self._overlay_message.stamped(header))
            stages['overlay'] = time.perf_counter_ns() - times['overlay']
        return stages

    def publish_timings(self, header: Header, stages_ns: dict[str, int]) -> None:
        """
        Publish how long each stage of a frame took, if anybody subscribes.

        :param header: of the frame; its stamp says which one.
        :param stages_ns: duration of each stage, ns.
        """
        if self._timings.get_subscription_count() == 0:
            return
        values = [KeyValue(key=stage, value=f'{duration / _NS_PER_MS:.3f}')
                  for stage, duration in stages_ns.items()]
        status = DiagnosticStatus(level=DiagnosticStatus.OK, values=values, message='ms',
                                  name=f'{self._node.get_name()}: timings')
        self._timings.publish(DiagnosticArray(header=header, status=[status]))

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers:
            self._node.destroy_lifecycle_publisher(publisher)

    def _create_all(self) -> None:
        """Create every publisher."""
        self._mask = self._create(Image, 'road_mask', qos.output())
        self._confidence = self._create(Image, 'road_mask/confidence', qos.output())
        self._overlay = self._create(Image, 'road_mask/overlay', qos.output())
        self._grid = self._create(OccupancyGrid, 'drivable_area', qos.latched())
        self._reasons = self._create(Image, 'drivable_area/reasons', qos.output())
        self._timings = self._create(DiagnosticArray, '~/debug/timings', qos.output())
        self._label_info = LabelInfo and self._create(LabelInfo, 'road_mask/label_info',
                                                      qos.latched())

    def _create(self, kind: type, topic: str, profile: QoSProfile) -> LifecyclePublisher:
        """Create a publisher that close destroys."""
        publisher = self._node.create_lifecycle_publisher(kind, topic, profile)
        self._publishers.append(publisher)
        return publisher
