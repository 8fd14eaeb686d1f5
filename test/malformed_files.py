"""CompressedImage messages with damaged, foreign and dishonest files."""

import array
from collections.abc import Iterator
from random import Random
import struct
import zlib

import cv2
from malformed import Case
from malformed import change_frame_id
from malformed import change_stamp
from malformed import Verdict
from malformed import wrong_text
import numpy as np
from sensor_msgs.msg import CompressedImage

_MOST_PIXELS = 64 * 1024 * 1024
_SIGNATURE = b'\x89PNG\r\n\x1a\n'
_EDGES = (0, 1, 15, 17, 16_384, 60_000, 65_535)
_FORMATS = ('jpeg', 'png', 'jpg', 'JPEG', 'tiff', 'rgb8; jpeg compressed bgr8',
            'bgr8; png compressed bgr8', '16UC1; compressedDepth png', 'h264')


def files_of(rgb: np.ndarray) -> tuple[bytes, ...]:
    """Return a picture (H, W, 3) uint8 RGB as JPEG and PNG files of several kinds."""
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    alpha = np.dstack((bgr, np.full(bgr.shape[:2], 200, np.uint8)))
    forms = (('.jpg', bgr, []), ('.jpg', bgr, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
             ('.jpg', bgr, [cv2.IMWRITE_JPEG_RST_INTERVAL, 1]), ('.jpg', grey, []),
             ('.png', bgr, []), ('.png', grey, []), ('.png', alpha, []),
             ('.png', bgr.astype(np.uint16) * 257, []))
    return tuple(cv2.imencode(*form)[1].tobytes() for form in forms)


def foreign_files(rgb: np.ndarray) -> tuple[bytes, ...]:
    """Return a picture as files that are neither JPEG nor PNG."""
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    others = (cv2.imencode(suffix, bgr)[1].tobytes()
              for suffix in ('.bmp', '.webp', '.tiff', '.ppm'))
    return (*others, b'GIF89a' + bytes(40), b'%PDF-1.7', b'\0\0\0\x01\x67h264',
            b'#!/bin/sh\n', b'\x80\x04.')


def _chunk(kind: bytes, content: bytes) -> bytes:
    """Return a PNG chunk."""
    return (struct.pack('>I', len(content)) + kind + content
            + struct.pack('>I', zlib.crc32(kind + content)))


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (kind, content) of a PNG's chunks; ValueError: one is damaged."""
    position = len(_SIGNATURE)
    while position < len(content):
        size, = struct.unpack_from('>I', content.ljust(position + 4, b'\0'), position)
        kind, inside = content[position + 4:position + 8], content[position + 8:][:size]
        if content[position:position + 12 + size] != _chunk(kind, inside):
            raise ValueError(f'chunk at {position}')
        yield kind, inside
        position += 12 + size
        if kind == b'IEND':
            return


def judge_png(content: bytes, original: bytes) -> Verdict:
    """
    Return what the PNG specification says of a file, as far as its chunks tell.

    :param content: the file.
    :param original: the good file it was made of.
    """
    if not content.startswith(_SIGNATURE):
        return Verdict.BAD
    try:
        found = list(_chunks(content))
    except ValueError:
        found = []
    if found == list(_chunks(original)):
        return Verdict.GOOD
    end = len(original) - 12  # of the pixels: a damaged end may be forgiven, a missing one not
    is_whole = content[:end] == original[:end] and b'IEND' in content[end:]
    return Verdict.OPEN if is_whole else Verdict.BAD


def judge_jpeg(content: bytes, original: bytes) -> Verdict:
    """
    Return what ITU-T T.81 says of a file as a whole; it has no checksums.

    :param content: the file.
    :param original: the good file it was made of.
    """
    if content.startswith(original):  # what follows the end is not the image's
        return Verdict.GOOD
    is_whole = content.startswith(b'\xff\xd8\xff') and b'\xff\xd9' in content[2:]
    return Verdict.OPEN if is_whole else Verdict.BAD


def with_size(content: bytes, height: int, width: int) -> bytes:
    """Return a JPEG or PNG file that claims another size."""
    if content.startswith(_SIGNATURE):
        header = struct.pack('>II', width, height) + content[24:29]
        return _SIGNATURE + _chunk(b'IHDR', header) + content[33:]
    at = frame_header(content) + 5
    return content[:at] + struct.pack('>HH', height, width) + content[at + 4:]


def frame_header(content: bytes) -> int:
    """Return where a JPEG that OpenCV wrote has its frame header's marker."""
    return next(at for at in (content.find(marker) for marker in (b'\xff\xc0', b'\xff\xc2'))
                if at > 0)


def malformed_file(message: CompressedImage, foreign: tuple[bytes, ...], rng: Random) -> Case:
    """
    Return a message with one change.

    :param message: one with a good JPEG or PNG file, which is changed.
    :param foreign: files of other formats.
    """
    content = message.data.tobytes()
    is_png = content.startswith(_SIGNATURE)
    kind = rng.choice(_KINDS)
    changed, verdict, is_bomb = content, Verdict.GOOD, False
    if kind in _OTHER_FIELDS:
        verdict = _OTHER_FIELDS[kind](message, rng)
    elif kind in ('size', 'bomb'):
        changed, verdict, is_bomb = _resized(content, kind, rng)
    elif kind == 'foreign':
        changed, verdict = _foreign(content, foreign, rng), Verdict.BAD
    else:
        changed = _DAMAGES[kind](content, rng)
        verdict = judge_png(changed, content) if is_png else judge_jpeg(changed, content)
    message.data = array.array('B', changed)
    return Case(f'CompressedImage {kind}', message, verdict, is_bomb)


def _resized(content: bytes, kind: str, rng: Random) -> tuple[bytes, Verdict, bool]:
    """Return a file that claims another size, its verdict, and whether it is a bomb."""
    is_png = content.startswith(_SIGNATURE)
    edges = (2**31 - 1, 2**32 - 1) if is_png and rng.random() < 0.3 else ()
    height, width = rng.choice(_EDGES + edges), rng.choice(_EDGES + edges)
    if kind == 'bomb':
        height, width = rng.choice(((60_000, 60_000), (65_535, 65_535), (32_768, 32_768),
                                    (16_384, 16_384)))
    changed = with_size(content, height, width)
    is_bomb = height * width > _MOST_PIXELS
    if kind == 'bomb' and not is_png and rng.random() < 0.5:
        changed = _hidden(content, changed, rng)
    # Lines that are too many or, in a JPEG, too few may be forgiven.
    certain = is_bomb or not height * width or (is_png and height * width > 1000)
    return changed, Verdict.BAD if certain else Verdict.OPEN, is_bomb


def _hidden(content: bytes, bomb: bytes, rng: Random) -> bytes:
    """Return a JPEG bomb behind something a careless reader skips or believes."""
    at = frame_header(content)
    honest = content[at:at + 2 + struct.unpack_from('>H', content, at + 2)[0]]
    # A marker without a length, before comments: who takes their marker for its length lands
    # after 0xFFFE bytes, in the second comment, at an honest header.
    standalone = bytes((0xFF, rng.choice((0x01, *range(0xD0, 0xD8)))))
    comments = _comment(bytes(65_000)) + _comment(bytes(526) + honest + bytes(64))
    return rng.choice((
        bomb[:2] + standalone + comments + bomb[2:],
        bomb[:at] + standalone + bomb[at:],
        bomb[:2] + _comment(honest) + bomb[2:],
        bomb[:at] + b'\xff' * 5 + bomb[at:], bomb[:at] + honest + bomb[at:],
        content[:at + len(honest)] + bomb[at:]))


def _comment(content: bytes) -> bytes:
    """Return a JPEG comment."""
    return b'\xff\xfe' + struct.pack('>H', 2 + len(content)) + content


def _foreign(content: bytes, foreign: tuple[bytes, ...], rng: Random) -> bytes:
    """Return what is neither JPEG nor PNG, whatever it begins with."""
    noise = rng.randbytes(rng.randrange(400)).replace(b'\xff', b'\xfe')
    return rng.choice((b'', noise, content[:rng.randrange(1, 12)] + noise, content[1:],
                       b'\0' + content, rng.choice(foreign), rng.choice(foreign)))


def _truncated(content: bytes, rng: Random) -> bytes:
    """Break a file off."""
    return content[:rng.choice((rng.randrange(len(content)), len(content) - 1))]


def _ended(content: bytes, rng: Random) -> bytes:
    """Break a file off and put its end there."""
    return content[:rng.randrange(2, len(content))] + content[-12:]


def _flipped(content: bytes, rng: Random) -> bytes:
    """Flip some bits."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _spliced(content: bytes, rng: Random) -> bytes:
    """Take a piece out, or put it somewhere else."""
    first, last = sorted(rng.choices(range(len(content)), k=2))
    piece, rest = content[first:last], content[:first] + content[last:]
    at = rng.randrange(len(rest) + 1)
    return rng.choice((rest, rest[:at] + piece + rest[at:], content[:at] + piece + content[at:]))


def _extended(content: bytes, rng: Random) -> bytes:
    """Put something after the end."""
    return content + rng.choice((b'\0', bytes(512), content, rng.randbytes(100)))


def _format(message: CompressedImage, rng: Random) -> Verdict:
    """Name another format than the file's; which one counts is for the reader to say."""
    message.format = rng.choice((rng.choice(_FORMATS), wrong_text(rng)))
    return Verdict.OPEN


def _stamp(message: CompressedImage, rng: Random) -> Verdict:
    """Name another time."""
    change_stamp(message.header, rng)
    return Verdict.GOOD


def _frame_id(message: CompressedImage, rng: Random) -> Verdict:
    """Name another frame."""
    change_frame_id(message.header, rng)
    return Verdict.GOOD


_DAMAGES = {'truncated': _truncated, 'ended early': _ended, 'flipped bits': _flipped,
            'spliced': _spliced, 'extended': _extended}
_OTHER_FIELDS = {'format': _format, 'stamp': _stamp, 'frame_id': _frame_id}
_KINDS = (*_DAMAGES, *_OTHER_FIELDS, 'size', 'bomb', 'foreign')
