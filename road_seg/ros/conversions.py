"""ROS messages to arrays and back."""

import array
from functools import cache
import hashlib
from typing import Any

from builtin_interfaces.msg import Time
from nav_msgs.msg import OccupancyGrid
import numpy as np
from sensor_msgs.msg import CameraInfo as CameraInfoMessage
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from road_seg.calibration import CameraInfo
from road_seg.errors import InputError
from road_seg.errors import quoted
from road_seg.grid import DrivableGrid
from road_seg.images import decode_compressed
from road_seg.images import ENCODINGS
from road_seg.images import to_rgb
from road_seg.images import view

NS_PER_S = 1_000_000_000

_LONGEST_FORMAT = 80


def stamp_ns(stamp: Time) -> int:
    """Return a message's time, ns."""
    return stamp.sec * NS_PER_S + stamp.nanosec


def encoding_of(message: Image | CompressedImage) -> str:
    """Return the encoding of an image, or the beginning of the format of a compressed one."""
    if isinstance(message, CompressedImage):
        return message.format[:_LONGEST_FORMAT]
    return message.encoding


class RgbReader:
    """Read image messages one after the other into the same memory."""

    def __init__(self) -> None:
        self._buffer: np.ndarray | None = None

    def read(self, message: Image | CompressedImage) -> np.ndarray:
        """
        Return a message's pixels, for rgb8 without copying them.

        :return: (H, W, 3) uint8 RGB, valid until the next call.
        :raises InputError: the message is damaged or nothing here can read its encoding.
        """
        if isinstance(message, CompressedImage):
            return decode_compressed(message.data)
        if message.encoding not in ENCODINGS:
            return _through_cv_bridge(message)
        pixels = view(message.data, height=message.height, width=message.width,
                      encoding=message.encoding, step=message.step)
        if message.encoding == 'rgb8':
            return pixels
        # OpenCV takes other memory if the size has changed.
        self._buffer = to_rgb(pixels, message.encoding, out=self._buffer)
        return self._buffer


def calibration_id(info: CameraInfo) -> str:
    """Return a short text that differs between calibrations of different content."""
    return hashlib.sha256(repr(info).encode()).hexdigest()[:12]


def camera_info_message(header: Header, info: CameraInfo) -> CameraInfoMessage:
    """Return the message of a calibration; region of interest and binning are left out."""
    return CameraInfoMessage(
        header=header, width=info.width, height=info.height, d=info.d, k=info.k, r=info.r,
        p=info.p, distortion_model=info.distortion_model)


class ImageMessage:
    """
    An Image message that is filled again and again without allocating.

    :param encoding: its encoding, one of images.ENCODINGS.
    """

    def __init__(self, encoding: str) -> None:
        self._message = Image(encoding=encoding)
        self._pixels = np.empty((0, 0), np.uint8)

    def buffer(self, shape: tuple[int, ...]) -> np.ndarray:
        """
        Return the message's pixels to write into.

        :param shape: (H, W) or (H, W, channels).
        :return: uint8 array of that shape in the message's own memory.
        """
        if self._pixels.shape != shape:
            message = self._message
            message.height, message.width = shape[:2]
            message.step = message.width * (shape[2] if len(shape) == 3 else 1)
            message.data = array.array('B', bytes(message.step * message.height))
            self._pixels = np.frombuffer(message.data, np.uint8).reshape(shape)
        return self._pixels

    def stamped(self, header: Header) -> Image:
        """Return the message with a header; it is valid until the next call of buffer."""
        self._message.header = header
        return self._message

    def filled(self, header: Header, image: np.ndarray) -> Image:
        """
        Return the message with a header and a copy of an image.

        :param image: (H, W) or (H, W, channels) uint8.
        """
        self.buffer(image.shape)[...] = image
        return self.stamped(header)


class GridMessage:
    """
    An OccupancyGrid message that is filled again and again without allocating.

    :param frame_id: the frame the grid lies in.
    """

    def __init__(self, frame_id: str) -> None:
        self._message = OccupancyGrid()
        self._message.header.frame_id = frame_id
        self._message.info.origin.orientation.w = 1.0
        self._spec: object = None
        self._cells = np.empty((0, 0), np.int8)

    def filled(self, stamp: Time, grid: DrivableGrid) -> OccupancyGrid:
        """
        Return the message of a grid; it is valid until the next call.

        :param stamp: time of acquisition of the image behind the grid.
        :param grid: the grid.
        """
        message = self._message
        if self._spec != grid.spec:
            info = message.info
            info.resolution, info.width, info.height = (
                grid.spec.resolution, grid.spec.width, grid.spec.height)
            info.origin.position.x, info.origin.position.y = grid.spec.x_min, grid.spec.y_min
            message.data = array.array('b', bytes(info.width * info.height))
            self._cells = np.frombuffer(message.data, np.int8).reshape(info.height, info.width)
            self._spec = grid.spec
        self._cells[...] = grid.values
        message.header.stamp = stamp
        return message


@cache
def _cv_bridge() -> Any:
    """Return a CvBridge, or None where cv_bridge is not installed or does not load."""
    try:
        from cv_bridge import CvBridge
    except Exception:  # builds for another NumPy fail with more than ImportError
        return None
    return CvBridge()


def _through_cv_bridge(message: Image) -> np.ndarray:
    """
    Return the pixels of an encoding that road_seg itself does not read.

    :return: (H, W, 3) uint8 RGB.
    :raises InputError: cv_bridge is missing or cannot convert the message.
    """
    bridge = _cv_bridge()
    expected = f'one of {", ".join(ENCODINGS)}'
    if bridge is None:
        raise InputError('image encoding', found=quoted(message.encoding), expected=expected,
                         fix='convert the image at its source or install cv_bridge')
    try:
        return bridge.imgmsg_to_cv2(message, desired_encoding='rgb8')
    except Exception as error:  # CvBridgeError, and TypeError where the data is too short
        raise InputError('image encoding', found=f'{quoted(message.encoding)}, which cv_bridge '
                         f'cannot convert ({" ".join(str(error).split())})', expected=expected,
                         fix='convert the image at its source') from error
