"""Model files from anywhere: thousands of damaged ones, and ones that claim too much."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
import tracemalloc

import onnx
from onnx import helper
import pytest
from tiny_model import write_tiny_model

from road_seg.backends import open_backend
from road_seg.backends import read_model
from road_seg.backends.model_file import ModelFile
from road_seg.errors import BackendError
from road_seg.errors import ModelError

COUNT = 5000
# What reading a file of two thousand bytes may take, bytes, and what an error may say, characters.
MOST_BYTES, LONGEST_TEXT = 1 << 20, 2000
VARINTS = (b'\xff' * 9 + b'\x01', b'\xff' * 9 + b'\x7f', b'\xff' * 12, b'\x80' * 9 + b'\0',
           b'\xff\xff\xff\xff\x0f', b'\xff\xff\xff\xff\x07', b'\x80\x80\x80\x80\x80\x20', b'\0')
VALUES = ('', '[]', 'null', '{}', '"', '[' * 50_000, '9' * 50_000, 'x' * 50_000, 'NaN', '1e400',
          '{"height": 64, "width": 1e99}', '{"height": 8192, "width": 8193}',
          '{"height": 4611686018427387904, "width": 96}', '{"height": true, "width": "96"}',
          '{"height": [64], "width": NaN}', '{"height": 8192, "width": 8192}',
          '{"names": "ab", "colours": [[0, 0, 0], [255, 255, 255]], "drivable": "a"}',
          '{"names": ["\\ud800", "b"], "colours": [[0, 0, 0], [1, 1, 1]], "drivable": ["b"]}',
          '{"names": ["a", "b"], "colours": [[0, 0, 0], [1, 1, -1e308]], "drivable": ["a"]}',
          '{"names": ["a", "b"], "colours": [[0, 0, 0], [1, 1, "x"]], "drivable": ["a"]}',
          '{"names": ["' + 'n' * 50_000 + '"], "colours": [], "drivable": []}')


def damaged(content: bytes, rng: Random) -> bytes:
    """Return a file with one to three changes of its bytes."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(content) + 1)
        last = min(len(content), at + rng.choice((1, 2, 30, 500)))
        content = rng.choice((
            content[:at], content[at:], content[:at] + content[last:],
            content[:at] + content[at:last] + content[at:],
            content[:at] + rng.randbytes(last - at) + content[last:],
            content[:at] + rng.choice(VARINTS) + content[last:],
            content[:at] + rng.choice(VARINTS) + content[at:]))
    return content


def malformed_models(folder: Path, rng: Random) -> Iterator[bytes]:
    """Yield files: damaged ones, and whole ones with other metadata."""
    whole = write_tiny_model(folder / 'whole.onnx', 64, 96).read_bytes()
    model = onnx.load(folder / 'whole.onnx')
    for _ in range(COUNT):
        if rng.random() < 0.7:
            yield damaged(whole, rng)
            continue
        changed = onnx.ModelProto()
        changed.CopyFrom(model)
        for prop in rng.choices(changed.metadata_props, k=rng.choice((1, 2))):
            prop.value = rng.choice(VALUES)
        yield changed.SerializeToString()


def read(path: Path) -> tuple[ModelFile | None, str]:
    """Return what a file says about itself, or None and why it is refused."""
    try:
        return read_model(path), ''
    except ModelError as error:
        return None, str(error)


def test_a_damaged_file_is_a_model_error_or_a_sensible_model(tmp_path: Path) -> None:
    path, rng, counts = tmp_path / 'malformed.onnx', Random(1), Counter()
    tracemalloc.start()
    for number, content in enumerate(malformed_models(tmp_path, rng)):
        path.unlink(missing_ok=True)  # some file systems flush what is overwritten
        path.write_bytes(content)
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        model, text = read(path)
        _, peak = tracemalloc.get_traced_memory()
        assert peak - before < MOST_BYTES, f'file {number}'
        assert len(text) <= LONGEST_TEXT, f'file {number}: {text[:300]}'
        counts[model is None] += 1
        if model:
            assert 1 <= model.height <= 8192, f'file {number}'
            assert 1 <= model.width <= 8192, f'file {number}'
            assert 2 <= len(model.labels.names) <= 255, f'file {number}'
            '\n'.join(model.labels.names).encode()
    tracemalloc.stop()
    assert min(counts.values()) > COUNT // 20, counts


def test_more_fields_than_a_model_has_are_refused(tmp_path: Path) -> None:
    """An ONNX file has some thirty fields, not one every three bytes."""
    path = tmp_path / 'fields.onnx'
    fields = b''.join(bytes((0x80 | number & 0x78, 0x80 | number >> 7 & 0x7F, number >> 14, 0))
                      for number in range(1 << 7, 1 << 21, 8))
    path.write_bytes(fields)
    tracemalloc.start()
    with pytest.raises(ModelError, match='more than 10000 fields'):
        read_model(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


def test_more_than_a_megabyte_of_metadata_is_refused(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / 'metadata.onnx', training='x' * (1 << 20))
    with pytest.raises(ModelError, match='more than 1 MiB of metadata'):
        read_model(path)


@pytest.mark.parametrize('shape', [[1, 2**31, 2**31, 3], [1, 2**62, 1, 3], [1, 0, 0, 3],
                                   [1, 32, 96, 3], []])
def test_a_model_that_declares_another_input_is_not_activated(tmp_path: Path,
                                                              shape: list[int]) -> None:
    pytest.importorskip('onnxruntime')
    path = write_tiny_model(tmp_path / 'shape.onnx')
    model = onnx.load(path)
    model.graph.input[0].CopyFrom(
        helper.make_tensor_value_info('image', onnx.TensorProto.UINT8, shape))
    onnx.save(model, path)
    backend = open_backend(read_model(path), 'onnxruntime', threads=1)
    with pytest.raises(BackendError, match='expected a model with input image'):
        backend.activate()
