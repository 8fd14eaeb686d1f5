"""Image messages with wrong fields, and the pixels that the message definition says they have."""

import array
from random import Random

from malformed import Case
from malformed import change_frame_id
from malformed import change_stamp
from malformed import Verdict
from malformed import wrong_text
import numpy as np
from sensor_msgs.msg import Image

# sensor_msgs/image_encodings.hpp: channels of 8 bits, and which of them are red, green, blue.
_CHANNELS = {'rgb8': (3, (0, 1, 2)), 'bgr8': (3, (2, 1, 0)), 'rgba8': (4, (0, 1, 2)),
             'bgra8': (4, (2, 1, 0)), 'mono8': (1, (0, 0, 0))}
_OTHER_ENCODINGS = ('mono16', 'rgb16', 'bgra16', '8UC1', '8UC3', '8SC3', '16UC1', '32FC1', '64FC4',
                    'bayer_rggb8', 'bayer_gbrg16', 'yuv422', 'yuv422_yuy2', 'nv12', 'nv21',
                    'RGB8', 'rgb8 ', ' rgb8', 'rgb8\n', 'rgb', 'jpeg', '8UC0', '8UC9999999999')
_SIZES = (0, 1, 2, 3, 15, 17, 4096, 16_384, 65_536, 2**31 - 1, 2**31, 2**32 - 1)


def image_of(rgb: np.ndarray, encoding: str, padding: int = 0) -> Image:
    """
    Return an Image without header.

    :param rgb: (H, W, 3) uint8.
    :param encoding: a key of _CHANNELS.
    :param padding: bytes after each row.
    """
    channels, order = _CHANNELS[encoding]
    height, width = rgb.shape[:2]
    pixels = np.full((height, width, channels), 99, np.uint8)
    pixels[..., list(order)] = rgb
    rows = np.full((height, width * channels + padding), 77, np.uint8)
    rows[:, :width * channels] = pixels.reshape(height, -1)
    return Image(height=height, width=width, encoding=encoding, step=rows.shape[1],
                 data=array.array('B', rows.tobytes()))


def judge_image(message: Image) -> Verdict:
    """Return what Image.msg says of a message; to read 8-bit RGB and grey is asked for."""
    if message.encoding not in _CHANNELS or not message.height or not message.width:
        return Verdict.BAD
    needed = message.step * message.height
    if message.step < message.width * _CHANNELS[message.encoding][0] or len(message.data) < needed:
        return Verdict.BAD
    return Verdict.GOOD if len(message.data) == needed else Verdict.OPEN


def pixels_of(message: Image) -> np.ndarray:
    """Return the pixels of a message that is not BAD, (H, W, 3) uint8 RGB."""
    channels, order = _CHANNELS[message.encoding]
    data = np.array(message.data[:message.step * message.height], np.uint8)
    rows = data.reshape(message.height, message.step)[:, :message.width * channels]
    return rows.reshape(message.height, message.width, channels)[..., list(order)]


def malformed_image(message: Image, rng: Random) -> Case:
    """
    Return a message with one to three changes.

    :param message: a good one, which is changed.
    """
    kinds = rng.choices(tuple(_CHANGES), k=rng.choice((1, 1, 1, 2, 3)))
    for kind in kinds:
        _CHANGES[kind](message, rng)
    return Case(f'Image {kinds[0]}', message, judge_image(message))


def _encoding(message: Image, rng: Random) -> None:
    """Another encoding: of the same bytes, unknown, empty, absurd."""
    message.encoding = rng.choice((rng.choice(tuple(_CHANNELS)), rng.choice(_OTHER_ENCODINGS),
                                   wrong_text(rng)))


def _size(message: Image, rng: Random) -> None:
    """Another height or width or both."""
    for name in rng.choice((('height',), ('width',), ('height', 'width'))):
        setattr(message, name, rng.choice(_SIZES))


def _step(message: Image, rng: Random) -> None:
    """Another distance of the rows."""
    message.step = rng.choice((0, 1, max(0, message.step - 1), message.step + 1,
                               message.step // 2, message.step * 2 % 2**32, *_SIZES))


def _data(message: Image, rng: Random) -> None:
    """Too few bytes, too many, none, or others."""
    data = message.data.tobytes()
    data = rng.choice((b'', data[:-1], data[:rng.randrange(len(data) + 1)], data + b'\0',
                       data + rng.randbytes(rng.randrange(1, 5000)), rng.randbytes(len(data))))
    message.data = array.array('B', data)


def _is_bigendian(message: Image, rng: Random) -> None:
    """Another order of bytes, which means nothing for bytes."""
    message.is_bigendian = rng.randrange(256)


_CHANGES = {
    'encoding': _encoding, 'size': _size, 'step': _step, 'data': _data,
    'is_bigendian': _is_bigendian,
    'stamp': lambda message, rng: change_stamp(message.header, rng),
    'frame_id': lambda message, rng: change_frame_id(message.header, rng)}
