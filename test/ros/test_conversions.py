"""Tests of the conversions between messages and arrays."""

import cv2
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies
import numpy as np
import pytest
from ros_graph import image_message
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from road_seg.calibration import CameraInfo
from road_seg.errors import InputError
from road_seg.grid import DrivableGrid
from road_seg.grid import GridSpec
from road_seg.labels import ROAD_LABELS
from road_seg.ros import conversions
from road_seg.ros import label_info as label_info_module
from road_seg.ros.conversions import calibration_id
from road_seg.ros.conversions import encoding_of
from road_seg.ros.conversions import GridMessage
from road_seg.ros.conversions import ImageMessage
from road_seg.ros.conversions import RgbReader
from road_seg.ros.conversions import stamp_ns

pytestmark = pytest.mark.ros

RGB = np.array([[[10, 20, 30], [40, 50, 60]], [[70, 80, 90], [100, 110, 120]]], np.uint8)
RGBA = np.dstack((RGB, np.full((2, 2), 9, np.uint8)))


@pytest.mark.parametrize('padding', [0, 5])
@pytest.mark.parametrize(('encoding', 'pixels', 'expected'), [
    ('rgb8', RGB, RGB), ('bgr8', RGB[..., ::-1], RGB), ('rgba8', RGBA, RGB),
    ('bgra8', RGBA[..., [2, 1, 0, 3]], RGB),
    ('mono8', RGB[..., 0], np.repeat(RGB[..., :1], 3, axis=2)),
])
def test_encodings(encoding: str, pixels: np.ndarray, expected: np.ndarray, padding: int) -> None:
    message = image_message(pixels, encoding, padding=padding)
    assert RgbReader().read(message).tolist() == expected.tolist()
    assert encoding_of(message) == encoding


def test_rgb8_is_not_copied() -> None:
    message = image_message(RGB, 'rgb8', padding=3)
    pixels = RgbReader().read(message)
    message.data[0] = 99
    assert pixels[0, 0, 0] == 99


def test_other_encodings_share_one_buffer() -> None:
    reader = RgbReader()
    first = reader.read(image_message(RGB, 'bgr8'))
    second = reader.read(image_message(RGB + 1, 'bgr8'))
    assert second is first
    assert second[0, 0].tolist() == [31, 21, 11]
    assert reader.read(image_message(RGB[:1], 'bgr8')).tolist() == RGB[:1, :, ::-1].tolist()


def test_compressed_png() -> None:
    _, data = cv2.imencode('.png', RGB[..., ::-1])
    message = CompressedImage(format='png', data=data.tobytes())
    assert RgbReader().read(message).tolist() == RGB.tolist()
    assert encoding_of(message) == 'png'


def test_a_long_format_is_named_in_part() -> None:
    assert encoding_of(CompressedImage(format='x' * 1000)) == 'x' * 80


def test_short_data_is_refused() -> None:
    message = image_message(RGB, 'rgb8')
    message.data = message.data[:-1]
    with pytest.raises(InputError, match='image data: found 11 bytes; expected at least'):
        RgbReader().read(message)


def test_other_encodings_need_cv_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversions, '_cv_bridge', lambda: None)
    with pytest.raises(InputError, match=r"encoding: found 'yuv422'; .* install cv_bridge"):
        RgbReader().read(image_message(RGB[..., :2], 'yuv422'))


class FakeBridge:
    """What is used of cv_bridge.CvBridge, which has no wheel."""

    def imgmsg_to_cv2(self, message: object, desired_encoding: str) -> np.ndarray:
        """Return RGB, or fail as on data that is too short."""
        if not message.data:
            raise TypeError('buffer is too small\nfor requested array')
        return {'rgb8': RGB}[desired_encoding]


def test_other_encodings_go_through_cv_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversions, '_cv_bridge', FakeBridge)
    message = image_message(RGB[..., :2], 'yuv422')
    assert RgbReader().read(message).tolist() == RGB.tolist()
    message.data = b''
    with pytest.raises(InputError, match=r'cannot convert \(buffer is too small for requested'):
        RgbReader().read(message)


def test_image_message_is_filled_without_allocating() -> None:
    writer = ImageMessage('mono8')
    header = Header(frame_id='camera')
    message = writer.filled(header, RGB[..., 0])
    assert (message.height, message.width, message.step, message.encoding) == (2, 2, 2, 'mono8')
    assert message.data.tolist() == [10, 40, 70, 100]
    assert message.data.typecode == 'B'
    assert message.header is header
    memory = message.data.buffer_info()
    assert writer.filled(header, RGB[..., 1]).data.tolist() == [20, 50, 80, 110]
    assert message.data.buffer_info() == memory
    colour = ImageMessage('rgb8').filled(header, RGB[:1])
    assert (colour.height, colour.width, colour.step) == (1, 2, 6)
    assert colour.data.tolist() == [10, 20, 30, 40, 50, 60]


def test_image_message_follows_the_size() -> None:
    writer = ImageMessage('mono8')
    writer.filled(Header(), np.zeros((4, 4), np.uint8))
    message = writer.filled(Header(), np.array([[1, 2, 3]], np.uint8))
    assert (message.height, message.width, message.data.tolist()) == (1, 3, [1, 2, 3])


def test_grid_message_layout() -> None:
    spec = GridSpec(resolution=0.5, x_min=1.0, x_max=2.5, y_min=-0.5, y_max=0.5)
    values = np.array([[0, 100, -1], [100, 0, 0]], np.int8)  # rows along y, columns along x
    header = Header()
    header.stamp.sec = 12
    writer = GridMessage('base_link')
    message = writer.filled(header.stamp, DrivableGrid(spec, values, np.zeros((2, 3), np.uint8)))
    assert message.data.tolist() == [0, 100, -1, 100, 0, 0]
    assert (message.info.width, message.info.height, message.info.resolution) == (3, 2, 0.5)
    origin = message.info.origin
    assert (origin.position.x, origin.position.y, origin.position.z) == (1.0, -0.5, 0.0)
    assert (origin.orientation.x, origin.orientation.y, origin.orientation.z,
            origin.orientation.w) == (0.0, 0.0, 0.0, 1.0)
    assert (message.header.frame_id, message.header.stamp.sec) == ('base_link', 12)


def test_label_info(monkeypatch: pytest.MonkeyPatch) -> None:
    class FakeLabelInfo:  # vision_msgs has no wheel
        def __init__(self) -> None:
            self.header = Header()

    monkeypatch.setattr(label_info_module, 'LabelInfo', FakeLabelInfo)
    monkeypatch.setattr(label_info_module, 'VisionClass', dict)
    stamp = Header().stamp
    message = label_info_module.label_info(ROAD_LABELS, stamp)
    assert message.class_map == [
        {'class_id': 0, 'class_name': 'background'}, {'class_id': 1, 'class_name': 'road'},
        {'class_id': 2, 'class_name': 'sidewalk'}, {'class_id': 3, 'class_name': 'vehicle'},
        {'class_id': 4, 'class_name': 'person'}]
    assert message.header.stamp is stamp


@given(sec=strategies.integers(0, 2**31 - 1), nanosec=strategies.integers(0, 10**9 - 1))
@settings(deadline=None)
def test_stamps(sec: int, nanosec: int) -> None:
    header = Header()
    header.stamp.sec, header.stamp.nanosec = sec, nanosec
    assert stamp_ns(header.stamp) == int(f'{sec}{nanosec:09d}')


def test_calibration_id_tells_contents_apart() -> None:
    info = CameraInfo.nominal(640, 480, 70.0)
    assert calibration_id(info) == calibration_id(CameraInfo.nominal(640, 480, 70.0))
    assert calibration_id(info) != calibration_id(CameraInfo.nominal(640, 480, 70.1))
