"""Image messages as arrays: zero-copy views, RGB conversion and decoding."""

import struct

import cv2
import numpy as np

from road_seg.errors import InputError

MAX_PIXELS = 64 * 1024 * 1024
ENCODINGS = ('rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8')

_CHANNELS = {'rgb8': 3, 'bgr8': 3, 'rgba8': 4, 'bgra8': 4, 'mono8': 1}
_TO_RGB = {'bgr8': cv2.COLOR_BGR2RGB, 'rgba8': cv2.COLOR_RGBA2RGB,
           'bgra8': cv2.COLOR_BGRA2RGB, 'mono8': cv2.COLOR_GRAY2RGB}
_PNG_SIGNATURE = b'\x89PNG\r\n\x1a\n'
_JPEG_START = b'\xff\xd8'
_JPEG_END = b'\xff\xd9'
# Start-of-frame markers: ITU-T T.81 table B.1 (C4, C8 and CC are not frames).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def view(data: object, *, height: int, width: int, encoding: str, step: int) -> np.ndarray:
    """
    Return the pixels of an image message without copying them.

    :param data: any buffer of bytes (bytes, array.array, uint8 ndarray).
    :param height: rows.
    :param width: columns.
    :param encoding: one of ENCODINGS.
    :param step: bytes from one row to the next.
    :return: uint8 view (height, width, channels), or (height, width) for mono8.
    :raises InputError: the encoding is unknown or the sizes do not fit the data.
    """
    channels = _CHANNELS.get(encoding)
    if channels is None:
        raise InputError('image encoding', found=repr(encoding),
                         expected=f'one of {", ".join(ENCODINGS)}',
                         fix='convert the image at its source')
    _check_size(height, width)
    if step < width * channels:
        raise InputError('image step', found=f'{step} bytes',
                         expected=f'at least {width} * {channels} = {width * channels}',
                         fix='correct the publisher of the image')
    pixels = np.frombuffer(data, np.uint8)
    if len(pixels) < step * height:
        raise InputError('image data', found=f'{len(pixels)} bytes',
                         expected=f'at least step * height = {step * height}',
                         fix='correct the publisher of the image')
    rows = pixels[:step * height].reshape(height, step)[:, :width * channels]
    return rows if channels == 1 else rows.reshape(height, width, channels)


def to_rgb(image: np.ndarray, encoding: str, out: np.ndarray | None = None) -> np.ndarray:
    """
    Return an image as RGB; an rgb8 image is returned itself, not copied.

    :param image: what view returned.
    :param encoding: its encoding, one of ENCODINGS.
    :param out: (H, W, 3) uint8 array to write into; a new one is made without it.
    :return: (H, W, 3) uint8 RGB.
    """
    if encoding == 'rgb8':
        return image
    return cv2.cvtColor(image, _TO_RGB[encoding], dst=out)


def decode_compressed(data: object, out: np.ndarray | None = None) -> np.ndarray:
    """
    Decode a JPEG or PNG image; its EXIF orientation is ignored, as calibrations expect.

    :param data: any buffer of bytes.
    :param out: (H, W, 3) uint8 array to write into; a new one is made without it.
    :return: (H, W, 3) uint8 RGB.
    :raises InputError: the data is not a complete JPEG or PNG image of a sensible size.
    """
    content = bytes(data)
    height, width = compressed_size(content)
    _check_size(height, width)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        bgr = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error as error:
        raise _undecodable('damaged data') from error
    if bgr is None or bgr.shape != (height, width, 3):
        raise _undecodable('damaged data')
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=bgr if out is None else out)


def compressed_size(content: bytes) -> tuple[int, int]:
    """
    Return (height, width) of a JPEG or PNG image without decoding it.

    :raises InputError: the data is not such an image, or lacks its end.
    """
    if content.startswith(_PNG_SIGNATURE):
        return _png_size(content)
    if content.startswith(_JPEG_START):
        return _jpeg_size(content)
    raise _undecodable(f'{len(content)} bytes starting with {content[:8].hex() or "nothing"}')


def _check_size(height: int, width: int) -> None:
    """Refuse an image without pixels or with more than MAX_PIXELS."""
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise InputError('image size', found=f'{width} x {height}',
                         expected=f'at least one and at most {MAX_PIXELS} pixels',
                         fix='correct the publisher of the image')


def _undecodable(found: str) -> InputError:
    """Return the error for data that is no usable image."""
    return InputError('compressed image', found=found, expected='one complete JPEG or PNG image',
                      fix='correct the publisher of the image')


def _png_size(content: bytes) -> tuple[int, int]:
    """Return (height, width) from a PNG's IHDR chunk, refusing a file that lacks its end."""
    if content[12:16] != b'IHDR' or len(content) < 24 or b'IEND' not in content[-4096:]:
        raise _undecodable('a truncated PNG')
    width, height = struct.unpack_from('>II', content, 16)
    return height, width


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """Return (height, width) from a JPEG's frame header, refusing a file that lacks its end."""
    position = len(_JPEG_START)
    while position + 9 <= len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker in _JPEG_FRAMES:
            if content.rfind(_JPEG_END, position) < 0:
                break
            return struct.unpack_from('>HH', content, position + 5)
        position += 2 + struct.unpack_from('>H', content, position + 2)[0]
    raise _undecodable('a truncated or damaged JPEG')
