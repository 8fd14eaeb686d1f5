"""Image messages as arrays: zero-copy views, RGB conversion and decoding."""

import struct

import cv2
import numpy as np

from road_seg.errors import InputError
from road_seg.errors import quoted

MAX_PIXELS = 64 * 1024 * 1024
ENCODINGS = ('rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8')

_CHANNELS = {'rgb8': 3, 'bgr8': 3, 'rgba8': 4, 'bgra8': 4, 'mono8': 1}
_TO_RGB = {'bgr8': cv2.COLOR_BGR2RGB, 'rgba8': cv2.COLOR_RGBA2RGB,
           'bgra8': cv2.COLOR_BGRA2RGB, 'mono8': cv2.COLOR_GRAY2RGB}
_PNG_SIGNATURE = b'\x89PNG\r\n\x1a\n'
_PNG_HEADER = _PNG_SIGNATURE + b'\0\0\0\x0dIHDR'
_PNG_FRAME = 12  # length, kind and checksum around a chunk's content
_JPEG_START = b'\xff\xd8'
_JPEG_END = b'\xff\xd9'
# Start-of-frame markers: ITU-T T.81 table B.1 (C4, C8 and CC are not frames).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# What may stand before them, all with a length: tables, application data, comments (B.2.4). A
# decoder takes what follows any other marker for the next one, where this would skip it.
_JPEG_TABLES = {0xC4, 0xCC, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE}
# The most pixels that a byte can hold: a block of 8 x 8 takes a bit at least; DEFLATE makes 258
# bytes of two bits, of 8 pixels each at one bit a pixel.
_JPEG_DENSITY, _PNG_DENSITY = 8 * 64, 4 * 258 * 8
_MAX_JPEG_HEADER = 1 << 20  # room for a preview and colour profiles


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
        raise InputError('image encoding', found=quoted(encoding),
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

    :raises InputError: the data is not such an image, lacks its end, or cannot hold as many
        pixels as it claims.
    """
    if content.startswith(_PNG_SIGNATURE):
        (height, width), density = _png_size(content), _PNG_DENSITY
    elif content.startswith(_JPEG_START):
        (height, width), density = _jpeg_size(content), _JPEG_DENSITY
    else:
        raise _undecodable(f'{len(content)} bytes starting with {content[:8].hex() or "nothing"}')
    _check_size(height, width)
    if height * width > density * len(content):
        raise _undecodable(f'{len(content)} bytes for {width} x {height} pixels')
    return height, width


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
    """
    Return (height, width) from a PNG's IHDR chunk, refusing a file that lacks its end.

    Every chunk must lie inside the file: decoders make room for the length that it claims.
    """
    position = len(_PNG_SIGNATURE)
    while content.startswith(_PNG_HEADER) and position + _PNG_FRAME <= len(content):
        size, kind = struct.unpack_from('>I4s', content, position)
        position += _PNG_FRAME + size
        if kind == b'IEND' and position <= len(content):
            width, height = struct.unpack_from('>II', content, len(_PNG_HEADER))
            return height, width
    raise _undecodable('a truncated or damaged PNG')


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """Return (height, width) from a JPEG's frame header, refusing a file that lacks its end."""
    position = len(_JPEG_START)
    end = min(len(content), _MAX_JPEG_HEADER)
    while position + 9 <= end and content[position] == 0xFF:
        marker = content[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker in _JPEG_FRAMES:
            if content.rfind(_JPEG_END, position) < 0:
                break
            return struct.unpack_from('>HH', content, position + 5)
        if marker not in _JPEG_TABLES:
            break
        position += 2 + struct.unpack_from('>H', content, position + 2)[0]
    raise _undecodable('a truncated or damaged JPEG')
