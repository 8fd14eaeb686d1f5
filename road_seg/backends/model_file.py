"""The ONNX model file: its metadata, read without the onnx package."""

from collections.abc import Iterator
from dataclasses import dataclass
import hashlib
import json
import mmap
import os
from pathlib import Path

from road_seg.errors import ModelError
from road_seg.errors import quoted
from road_seg.labels import LabelMap
from road_seg.resources import MODELS
from road_seg.resources import shipped

FORMAT_VERSION = '1'
REQUIRED_KEYS = ('road_seg.format', 'road_seg.labels', 'road_seg.input', 'road_seg.training',
                 'road_seg.scores', 'road_seg.commit')

_HOW_TO_ADD = ('export the model with `road-seg export`, or add the keys with '
               'onnx.helper.set_model_props')
_MAX_EDGE = 8192
# Files from anywhere must not take long, nor much memory, to be read: a model has some thirty
# fields and a few kilobytes of metadata.
_MAX_FIELDS, _MAX_METADATA = 10_000, 1 << 20
# Field numbers of onnx.proto3: ModelProto and StringStringEntryProto.
_IR_VERSION, _GRAPH, _METADATA_PROPS = 1, 7, 14
_KEY, _VALUE = 1, 2
# Wire types of the protobuf encoding and the sizes of its fixed ones.
_VARINT, _LENGTH_DELIMITED = 0, 2
_FIXED_SIZES = {1: 8, 5: 4}


@dataclass(frozen=True)
class ModelFile:
    """
    What a model file says about itself.

    :param path: the file.
    :param sha256: its digest, hexadecimal.
    :param labels: the meaning of its class ids.
    :param height: rows of its input image.
    :param width: columns of its input image.
    :param metadata: all of its metadata_props.
    """

    path: Path
    sha256: str
    labels: LabelMap
    height: int
    width: int
    metadata: dict[str, str]


def default_model() -> Path:
    """Return the path of the shipped model."""
    return MODELS / 'road_unet.onnx'


def read_model(path: str | os.PathLike) -> ModelFile:
    """
    Read the metadata of an ONNX file.

    :param path: the file, or the bare name of a shipped model (`road_unet_permissive`).
    :raises ModelError: it is missing, no complete ONNX file, or lacks metadata.
    """
    path = shipped(path, '.onnx')
    sha256, metadata = _scan(path)
    missing = [key for key in REQUIRED_KEYS if key not in metadata]
    if missing:
        raise ModelError(path, found=f'no metadata {", ".join(missing)}',
                         expected='a model exported for road_seg', fix=_HOW_TO_ADD)
    if metadata['road_seg.format'] != FORMAT_VERSION:
        raise ModelError(path, found=f'format {quoted(metadata["road_seg.format"])}',
                         expected=f'format {FORMAT_VERSION!r}',
                         fix='export the model again with this version of road_seg')
    height, width = _input_size(path, metadata['road_seg.input'])
    try:
        labels = LabelMap.from_json(metadata['road_seg.labels'])
    except ModelError as error:
        raise error.within(path) from error
    return ModelFile(path, sha256, labels, height, width, metadata)


def _scan(path: Path) -> tuple[str, dict[str, str]]:
    """Return the SHA-256 and the metadata_props of an ONNX file."""
    try:
        with path.open('rb') as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as content:
            return hashlib.sha256(content).hexdigest(), _metadata(content)
    except FileNotFoundError as error:
        raise ModelError(path, found='no such file', expected='an ONNX model file',
                         fix='correct the path or train a model with `road-seg train`') from error
    except OSError as error:
        raise ModelError(path, found=error.strerror or str(error),
                         expected='a readable ONNX model file',
                         fix='correct the path or the permissions') from error
    except ValueError as error:
        raise ModelError(path, found=f'no complete ONNX file ({error})',
                         expected='an ONNX model file',
                         fix='copy or export the model again') from error


def _metadata(content: mmap.mmap) -> dict[str, str]:
    """Return the metadata_props of a ModelProto; ValueError says why it is none."""
    metadata = {}
    present = set()
    size = 0
    for count, (number, wire_type, start, end) in enumerate(_fields(content, 0, len(content)), 1):
        present.add((number, wire_type))
        if count > _MAX_FIELDS:
            raise ValueError(f'more than {_MAX_FIELDS} fields')
        if (number, wire_type) == (_METADATA_PROPS, _LENGTH_DELIMITED):
            size += end - start
            if size > _MAX_METADATA:
                raise ValueError(f'more than {_MAX_METADATA >> 20} MiB of metadata')
            entry = {inner: content[first:last].decode()
                     for inner, kind, first, last in _fields(content, start, end)
                     if kind == _LENGTH_DELIMITED}
            metadata[entry.get(_KEY, '')] = entry.get(_VALUE, '')
    if not {(_IR_VERSION, _VARINT), (_GRAPH, _LENGTH_DELIMITED)} <= present:
        raise ValueError('no IR version or no graph')
    return metadata


def _fields(content: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (field number, wire type, start, end) of each field of a protobuf message."""
    while start < end:
        tag, start = _varint(content, start, end)
        number, wire_type = tag >> 3, tag & 7
        first = start
        if wire_type == _VARINT:
            _, start = _varint(content, start, end)
        elif wire_type == _LENGTH_DELIMITED:
            size, first = _varint(content, start, end)
            start = first + size
        elif wire_type in _FIXED_SIZES:
            start += _FIXED_SIZES[wire_type]
        else:
            raise ValueError(f'wire type {wire_type} at byte {first}')
        if number == 0 or start > end:
            raise ValueError(f'it breaks off or is damaged at byte {first}')
        yield number, wire_type, first, start


def _varint(content: mmap.mmap, start: int, end: int) -> tuple[int, int]:
    """Return (value, next position) of a protobuf variable-length integer."""
    value = 0
    for position in range(start, min(end, start + 10)):
        byte = content[position]
        value |= (byte & 0x7F) << 7 * (position - start)
        if byte < 0x80:
            return value, position + 1
    raise ValueError(f'it breaks off or is damaged at byte {start}')


def _input_size(path: Path, text: str) -> tuple[int, int]:
    """Return (height, width) from the metadata road_seg.input."""
    try:
        fields = json.loads(text)
        height, width = int(fields['height']), int(fields['width'])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        height = width = 0
    if not (1 <= height <= _MAX_EDGE and 1 <= width <= _MAX_EDGE):
        raise ModelError(f'{path} road_seg.input', found=quoted(text),
                         expected=f'{{"height": ..., "width": ...}}, 1 to {_MAX_EDGE} each',
                         fix=_HOW_TO_ADD)
    return height, width
