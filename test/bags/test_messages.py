"""Messages against rclpy's own serialization where ROS is installed, and damaged ones."""

import cv2
from drives import INFO
from drives import picture
import numpy as np
import pytest

from road_seg.bags import messages
from road_seg.calibration import CameraInfo
from road_seg.errors import InputError
from road_seg.serialized import header_stamp_ns

STAMP_NS = 5_000_000_007


def test_image_has_the_fields_of_its_array():
    cdr = messages.encode_image(picture(1), STAMP_NS, 'camera_optical_frame')
    message = messages.decode(cdr, messages.IMAGE)
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (5, 7)
    assert message.header.frame_id == 'camera_optical_frame'
    assert (message.height, message.width, message.encoding, message.step) == (48, 64, 'rgb8', 192)
    assert message.data.tobytes() == picture(1).tobytes()


def test_a_mask_survives():
    mask = np.arange(12, dtype=np.uint8).reshape(3, 4)
    cdr = messages.encode_image(mask, STAMP_NS, 'camera')
    np.testing.assert_array_equal(messages.decode_mask(cdr), mask)
    assert messages.decode(cdr, messages.IMAGE).encoding == 'mono8'


def test_a_colour_image_is_no_mask():
    cdr = messages.encode_image(picture(0), STAMP_NS, 'camera')
    with pytest.raises(InputError, match="encoding 'rgb8'"):
        messages.decode_mask(cdr)


def test_a_slice_of_a_larger_image_survives():
    part = picture(3)[4:20, 8:40]
    cdr = messages.encode_image(part, STAMP_NS, 'camera')
    np.testing.assert_array_equal(messages.decode_rgb(cdr, messages.IMAGE), part)


def test_a_compressed_image_holds_the_file():
    _, png = cv2.imencode('.png', picture(2)[..., ::-1])
    cdr = messages.encode_compressed(png.tobytes(), 'png', STAMP_NS, 'camera')
    message = messages.decode(cdr, messages.COMPRESSED_IMAGE)
    assert message.format == 'png'
    assert message.data.tobytes() == png.tobytes()
    np.testing.assert_array_equal(messages.decode_rgb(cdr, messages.COMPRESSED_IMAGE), picture(2))


def test_a_calibration_survives():
    info = CameraInfo(640, 480, 'rational_polynomial', tuple(range(8)), tuple(range(9)),
                      tuple(range(9)), tuple(range(12)), 2, 3, (4, 5, 6, 7))
    cdr = messages.encode_camera_info(info, STAMP_NS, 'camera')
    assert CameraInfo.from_message(messages.decode(cdr, messages.CAMERA_INFO)) == info


@pytest.mark.parametrize('cdr', [
    messages.encode_image(picture(0), STAMP_NS, 'camera'),
    messages.encode_camera_info(INFO, STAMP_NS, ''),
])
def test_the_stamp_is_read_without_decoding(cdr: bytes):
    assert header_stamp_ns(cdr) == STAMP_NS


def test_the_stamp_of_a_big_endian_message():
    cdr = b'\x00\x00\x00\x00' + (5).to_bytes(4, 'big') + (7).to_bytes(4, 'big')
    assert header_stamp_ns(cdr) == STAMP_NS


@pytest.mark.parametrize('length', [0, 3, 11])
def test_a_message_without_a_header_is_refused(length: int):
    with pytest.raises(InputError, match=f'{length} bytes'):
        header_stamp_ns(bytes(length))


@pytest.mark.parametrize('length', [0, 4, 20, 60])
def test_a_cut_message_is_refused(length: int):
    cdr = messages.encode_image(picture(0), STAMP_NS, 'camera')[:length]
    with pytest.raises(InputError, match='cannot be decoded'):
        messages.decode(cdr, messages.IMAGE)


@pytest.mark.ros
def test_rclpy_reads_what_we_write():
    serialization = pytest.importorskip('rclpy.serialization')
    sensor_msgs = pytest.importorskip('sensor_msgs.msg')
    image = serialization.deserialize_message(
        messages.encode_image(picture(4), STAMP_NS, 'camera'), sensor_msgs.Image)
    assert (image.height, image.width, image.encoding, image.step) == (48, 64, 'rgb8', 192)
    assert bytes(image.data) == picture(4).tobytes()
    info = serialization.deserialize_message(
        messages.encode_camera_info(INFO, STAMP_NS, 'camera'), sensor_msgs.CameraInfo)
    assert CameraInfo.from_message(info) == INFO
