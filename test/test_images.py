"""Image messages as arrays."""

import array
from collections.abc import Callable
from contextlib import suppress
import struct
import zlib

import cv2
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np
import pytest

from road_seg.errors import InputError
from road_seg.images import decode_compressed
from road_seg.images import ENCODINGS
from road_seg.images import MAX_PIXELS
from road_seg.images import to_rgb
from road_seg.images import view

CHANNELS = {'rgb8': 3, 'bgr8': 3, 'rgba8': 4, 'bgra8': 4, 'mono8': 1}


class TestView:
    """Zero-copy views of a message's data."""

    def test_two_pixels_with_padded_rows(self) -> None:
        data = bytes([1, 2, 3, 4, 5, 6, 99, 99,
                      7, 8, 9, 10, 11, 12, 99, 99])
        image = view(data, height=2, width=2, encoding='rgb8', step=8)
        assert image.tolist() == [[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]]

    def test_mono_has_two_dimensions(self) -> None:
        image = view(bytes([1, 2, 0, 3, 4, 0]), height=2, width=2, encoding='mono8', step=3)
        assert image.tolist() == [[1, 2], [3, 4]]

    @pytest.mark.parametrize('buffer', [
        bytes, bytearray, memoryview, lambda data: array.array('B', data),
        lambda data: np.frombuffer(data, np.uint8)])
    def test_shares_the_memory_of_any_buffer(self, buffer: Callable) -> None:
        data = buffer(bytes(range(24)))
        image = view(data, height=2, width=3, encoding='rgba8', step=12)
        assert np.shares_memory(image, np.frombuffer(data, np.uint8))
        assert image[1, 2].tolist() == [20, 21, 22, 23]

    @given(height=st.integers(1, 20), width=st.integers(1, 20), padding=st.integers(0, 9),
           surplus=st.integers(0, 9), encoding=st.sampled_from(ENCODINGS), seed=st.integers(0, 99))
    def test_every_pixel_is_where_the_message_says(
            self, height: int, width: int, padding: int, surplus: int, encoding: str,
            seed: int) -> None:
        channels = CHANNELS[encoding]
        step = width * channels + padding
        data = np.random.default_rng(seed).integers(0, 256, step * height + surplus, np.uint8)
        image = view(data, height=height, width=width, encoding=encoding, step=step)
        assert np.shares_memory(image, data)
        expected = [[[data[row * step + column * channels + channel]
                      for channel in range(channels)] for column in range(width)]
                    for row in range(height)]
        np.testing.assert_array_equal(image.reshape(height, width, channels), expected)

    @pytest.mark.parametrize(('changes', 'message'), [
        ({'encoding': 'bayer_rggb8'}, "image encoding: found 'bayer_rggb8'; expected one of rgb8"),
        ({'encoding': 'x' * 81}, "image encoding: found 'x{80}'; expected one of rgb8"),
        ({'height': 0}, 'image size: found 2 x 0'),
        ({'width': 0, 'step': 0}, 'image size: found 0 x 2'),
        ({'height': 1 << 16, 'width': 1 << 11, 'step': 1 << 13}, 'image size: found 2048 x 65536'),
        ({'step': 5}, 'image step: found 5 bytes; expected at least 2'),
        ({'step': 7}, 'image data: found 12 bytes; expected at least step . height = 14'),
        ({'height': 3}, 'image data: found 12 bytes; expected at least step . height = 18'),
    ])
    def test_refuses(self, changes: dict, message: str) -> None:
        arguments = {'height': 2, 'width': 2, 'encoding': 'rgb8', 'step': 6, **changes}
        with pytest.raises(InputError, match=message):
            view(bytes(12), **arguments)

    def test_largest_size_is_64_megapixels(self) -> None:
        assert MAX_PIXELS == 67_108_864


class TestToRgb:
    """Conversion to RGB."""

    def test_rgb_is_not_copied(self) -> None:
        image = np.zeros((2, 2, 3), np.uint8)
        assert to_rgb(image, 'rgb8') is image

    @pytest.mark.parametrize(('encoding', 'pixel', 'expected'), [
        ('bgr8', [1, 2, 3], [3, 2, 1]),
        ('rgba8', [1, 2, 3, 4], [1, 2, 3]),
        ('bgra8', [1, 2, 3, 4], [3, 2, 1]),
        ('mono8', 7, [7, 7, 7]),
    ])
    def test_pixel(self, encoding: str, pixel: object, expected: list[int]) -> None:
        assert to_rgb(np.array([[pixel]], np.uint8), encoding).tolist() == [[expected]]

    @pytest.mark.parametrize('encoding', ['bgr8', 'rgba8', 'bgra8', 'mono8'])
    def test_writes_into_out_from_padded_read_only_rows(self, encoding: str) -> None:
        step = 4 * CHANNELS[encoding] + 5
        data = np.random.default_rng(0).integers(0, 256, 3 * step, np.uint8).tobytes()
        image = view(data, height=3, width=4, encoding=encoding, step=step)
        out = np.zeros((3, 4, 3), np.uint8)
        assert to_rgb(image, encoding, out) is out
        np.testing.assert_array_equal(out, to_rgb(image.copy(), encoding))


def _picture(height: int = 24, width: int = 32) -> np.ndarray:
    """Return a smooth RGB picture, which JPEG keeps almost as it is."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack((rows * 8, columns * 6, 200 - rows * 4), axis=2).astype(np.uint8)


def _encoded(suffix: str, picture: np.ndarray | None = None) -> bytes:
    """Return the picture as a compressed file."""
    picture = _picture() if picture is None else picture
    return cv2.imencode(suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()


def _png_header(width: int, height: int) -> bytes:
    """Return a PNG that promises a size and holds no pixels."""
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (struct.pack('>I', len(content)) + kind + content
                + struct.pack('>I', zlib.crc32(kind + content)))
    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IEND', b'')


class TestDecodeCompressed:
    """Decoding of JPEG and PNG."""

    def test_png_is_exact(self) -> None:
        np.testing.assert_array_equal(decode_compressed(_encoded('.png')), _picture())

    def test_jpeg_is_close(self) -> None:
        decoded = decode_compressed(_encoded('.jpg'))
        assert np.abs(decoded.astype(int) - _picture()).max() < 12

    @pytest.mark.parametrize('buffer', [bytearray, lambda data: array.array('B', data),
                                        lambda data: np.frombuffer(data, np.uint8)])
    def test_takes_any_buffer(self, buffer: Callable) -> None:
        np.testing.assert_array_equal(decode_compressed(buffer(_encoded('.png'))), _picture())

    def test_writes_into_out(self) -> None:
        out = np.zeros((24, 32, 3), np.uint8)
        assert decode_compressed(_encoded('.png'), out) is out
        np.testing.assert_array_equal(out, _picture())

    def test_grey_becomes_rgb(self) -> None:
        grey = cv2.imencode('.png', np.full((2, 2), 9, np.uint8))[1].tobytes()
        assert decode_compressed(grey).tolist() == [[[9, 9, 9]] * 2] * 2

    def test_exif_orientation_is_ignored(self) -> None:
        exif = (b'Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01'
                b'\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00')
        plain = _encoded('.jpg')
        turned = plain[:2] + b'\xff\xe1' + struct.pack('>H', len(exif) + 2) + exif + plain[2:]
        assert cv2.imdecode(np.frombuffer(turned, np.uint8), 1).shape == (32, 24, 3)
        np.testing.assert_array_equal(decode_compressed(turned), decode_compressed(plain))

    def test_progressive_jpeg(self) -> None:
        content = cv2.imencode('.jpg', _picture(), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1]
        assert decode_compressed(content).shape == (24, 32, 3)

    def test_padding_after_the_end_is_accepted(self) -> None:
        assert decode_compressed(_encoded('.jpg') + bytes(512)).shape == (24, 32, 3)

    @pytest.mark.parametrize('data', [b'', b'\xff', b'\xff\xd8', b'\xff\xd8\xff', b'GIF89a' * 9,
                                      b'\x89PNG\r\n\x1a\n', b'\xff\xd8' + b'\xff' * 50,
                                      b'\xff\xd8\xff\xe0\x00\x00' + bytes(50)])
    def test_refuses_what_is_no_image(self, data: bytes) -> None:
        with pytest.raises(InputError, match='one complete JPEG or PNG image'):
            decode_compressed(data)

    def test_refuses_a_huge_size_before_decoding(self) -> None:
        with pytest.raises(InputError, match='image size: found 20000 x 20000'):
            decode_compressed(_png_header(20_000, 20_000))

    @pytest.mark.parametrize('marker', [0x01, 0xD0, 0xD7])
    def test_refuses_a_huge_size_behind_a_marker_without_length(self, marker: int) -> None:
        """A decoder passes over it; who takes FF FE for its length lands at an honest header."""
        def comment(content: bytes) -> bytes:
            return b'\xff\xfe' + struct.pack('>H', len(content) + 2) + content

        plain = _encoded('.jpg')
        at = plain.index(b'\xff\xc0')
        huge = plain[:at + 5] + struct.pack('>HH', 32_768, 32_768) + plain[at + 9:]
        trap = comment(bytes(65_000)) + comment(bytes(526) + plain[at:at + 19] + bytes(64))
        with pytest.raises(InputError, match='truncated or damaged JPEG'):
            decode_compressed(huge[:2] + bytes([0xFF, marker]) + trap + huge[2:])

    def test_refuses_more_pixels_than_the_bytes_can_hold(self) -> None:
        plain = _encoded('.jpg')
        at = plain.index(b'\xff\xc0') + 5
        with pytest.raises(InputError, match=rf'{len(plain)} bytes for 8000 x 8000 pixels'):
            decode_compressed(plain[:at] + struct.pack('>HH', 8000, 8000) + plain[at + 4:])
        with pytest.raises(InputError, match='found 45 bytes for 8000 x 8000 pixels'):
            decode_compressed(_png_header(8000, 8000))

    def test_the_emptiest_pictures_are_taken(self) -> None:
        black = np.zeros((2000, 2000, 3), np.uint8)
        for suffix, parameters in (('.jpg', []), ('.jpg', [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]),
                                   ('.png', [cv2.IMWRITE_PNG_COMPRESSION, 9]),
                                   ('.png', [cv2.IMWRITE_PNG_BILEVEL, 1])):
            content = cv2.imencode(suffix, black[..., 0], parameters)[1]
            assert decode_compressed(content).shape == (2000, 2000, 3)

    def test_refuses_a_chunk_longer_than_the_file(self) -> None:
        """The decoder would make room for it: 1 GiB."""
        content = bytearray(_encoded('.png'))
        assert content[37:41] == b'IDAT'
        content[33] = 0x40
        with pytest.raises(InputError, match='truncated or damaged PNG'):
            decode_compressed(content)

    def test_refuses_a_jpeg_without_a_frame_in_its_first_megabyte(self) -> None:
        plain = _encoded('.jpg')
        with pytest.raises(InputError, match='truncated or damaged JPEG'):
            decode_compressed(plain[:2] + b'\xff' * (1 << 20) + plain[2:])

    def test_refuses_a_png_without_pixels(self) -> None:
        with pytest.raises(InputError, match='damaged data'):
            decode_compressed(_png_header(8, 8))

    @pytest.mark.parametrize('suffix', ['.jpg', '.png'])
    def test_refuses_every_truncation(self, suffix: str) -> None:
        content = _encoded(suffix)
        for length in range(0, len(content) - 12, 5):
            with pytest.raises(InputError):
                decode_compressed(content[:length])

    @settings(max_examples=200, deadline=None)
    @given(suffix=st.sampled_from(['.jpg', '.png']), data=st.data())
    def test_mutated_bytes_raise_nothing_else(self, suffix: str, data: st.DataObject) -> None:
        content = bytearray(_encoded(suffix))
        for _ in range(data.draw(st.integers(1, 4))):
            position = data.draw(st.integers(0, len(content) - 1))
            content[position] = data.draw(st.integers(0, 255))
        with suppress(InputError):
            decoded = decode_compressed(bytes(content))
            assert decoded.dtype == np.uint8
            assert decoded.shape[2] == 3
