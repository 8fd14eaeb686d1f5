"""What one message goes through in the node, without ROS: publishers keep what they are given."""

import array
from types import SimpleNamespace

from geometry_msgs.msg import TransformStamped
from malformed import NOW_NS
from malformed import NS_PER_S
from malformed_images import image_of
import numpy as np
from rclpy.serialization import serialize_message
from ros_graph import camera_info_message
from sensor_msgs.msg import CameraInfo as CameraInfoMessage
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image

from road_seg.backends import Backend
from road_seg.calibration import CameraInfo
from road_seg.health import Health
from road_seg.parameters import checked_parameters
from road_seg.pipeline import Segmenter
from road_seg.ros.calibration_feed import CalibrationFeed
from road_seg.ros.outputs import Outputs
from road_seg.ros.processor import Frame
from road_seg.ros.processor import FrameProcessor
from road_seg.ros.transforms import TfExtrinsics

CAMERA_FRAME = 'camera'
HEIGHT, WIDTH = 16, 24  # of the frames and of the network's input
ROAD = np.full((HEIGHT, WIDTH, 3), (40, 230, 40), np.uint8)  # class 1, sure of it
SETTINGS = checked_parameters({
    'grid.resolution': 1.0, 'grid.x_max': 12.0, 'grid.y_min': -5.0, 'grid.y_max': 5.0,
    'extrinsics.source': 'tf', 'extrinsics.tf_timeout': 0.0})
_LONGEST_TEXT = 2000


class _Publisher:
    """Keep what is published, once it has proven to be a message that can be sent."""

    def __init__(self, kept: list) -> None:
        self._kept = kept

    def publish(self, message: object) -> None:
        serialize_message(message)
        self._kept.append(message)

    def get_subscription_count(self) -> int:
        return 1


class _StrictHealth(Health):
    """Refuse what only happens where an exception was not expected."""

    def failed(self, now_ns: int, message: str) -> None:
        raise AssertionError(message)


class Rig:
    """
    A FrameProcessor and what it works with, all of it real except node and publishers.

    :param backend: an active backend with the tiny model for images of WIDTH x HEIGHT.
    :param is_rectified: the images are rectified.
    """

    def __init__(self, backend: Backend, *, is_rectified: bool) -> None:
        self.pose = good_pose()
        self._published: dict[str, list] = {}
        self._logged: list[str] = []
        self._health = _StrictHealth()
        self._health.start(0, 'image')
        self._calibration = CalibrationFeed('camera_info', self._health, lambda: None,
                                            is_rectified=is_rectified)
        node = self._node()
        self._processor = FrameProcessor(
            node, segmenter=Segmenter(backend, None), calibration=self._calibration,
            extrinsics=TfExtrinsics(self._look_up, LookupError, 'base_link', 0.0),
            outputs=Outputs(node, backend.model.labels, 'base_link'), health=self._health,
            settings=lambda: SETTINGS)

    def calibrate(self, message: CameraInfoMessage) -> None:
        """Take a calibration."""
        self._calibration.update(message)

    def process(self, message: Image | CompressedImage) -> dict[str, object]:
        """Return what is published about a frame, by topic: at most one message each."""
        for kept in self._published.values():
            kept.clear()
        self._processor(Frame(message, 0))
        assert all(len(kept) <= 1 for kept in self._published.values())
        return {topic: kept[0] for topic, kept in self._published.items() if kept}

    def _look_up(self, target: str, source: str, time: object) -> TransformStamped:
        """Return the pose as a TF buffer does."""
        if source != CAMERA_FRAME:
            raise LookupError(f'"{source}" passed to lookupTransform does not exist')
        return self.pose

    def check_texts(self) -> None:
        """Refuse diagnostics and log lines of absurd length."""
        verdict = self._health.report(10**9)
        for text in (verdict.message, *verdict.values.values(), *self._logged):
            assert len(text) <= _LONGEST_TEXT, text[:300]

    def _node(self) -> SimpleNamespace:
        """Return what is used of the node."""
        def create(kind: type, topic: str, profile: object) -> _Publisher:
            return _Publisher(self._published.setdefault(topic, []))

        log = SimpleNamespace(error=self._logged.append, debug=lambda text: None)
        clock = SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=NOW_NS))
        return SimpleNamespace(
            create_lifecycle_publisher=create, get_logger=lambda: log, get_clock=lambda: clock,
            get_name=lambda: 'road_seg', context=SimpleNamespace(ok=lambda: True))


def good_frame(rgb: np.ndarray = ROAD, encoding: str = 'rgb8', padding: int = 0) -> Image:
    """Return a frame of a tenth of a second ago."""
    return _stamped(image_of(rgb, encoding, padding))


def good_file(content: bytes) -> CompressedImage:
    """Return a frame of a tenth of a second ago, of a JPEG or PNG file."""
    return _stamped(CompressedImage(format='png' if content[1:4] == b'PNG' else 'jpeg',
                                    data=array.array('B', content)))


def good_camera_info() -> CameraInfoMessage:
    """Return a calibration of the frames."""
    return camera_info_message(CameraInfo.nominal(WIDTH, HEIGHT, 90.0))


def good_pose() -> TransformStamped:
    """
    Return the transform of a camera that looks ahead from 1.4 m above the ground.

    Not from above the origin: a table of the grid is kept while the pose hardly changes.
    """
    message = TransformStamped()
    shift = message.transform.translation
    shift.x, shift.y, shift.z = 0.1, 0.3, 1.4
    turn = message.transform.rotation  # optical axes in those of REP-103
    turn.x, turn.y, turn.z, turn.w = -0.5, 0.5, -0.5, 0.5
    return message


def _stamped(message: Image | CompressedImage) -> Image | CompressedImage:
    """Return the message with a header of a tenth of a second ago."""
    message.header.frame_id = CAMERA_FRAME
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(
        NOW_NS - NS_PER_S // 10, NS_PER_S)
    return message
