"""Reading a model file's metadata."""

from contextlib import suppress
import hashlib
import json
from pathlib import Path

from hypothesis import given
from hypothesis import HealthCheck
from hypothesis import settings
from hypothesis import strategies as st
import onnx
import pytest
from tiny_model import tiny_metadata
from tiny_model import write_tiny_model

from road_seg.backends import default_model
from road_seg.backends import read_model
from road_seg.errors import ModelError
from road_seg.labels import ROAD_LABELS


def test_reads_what_the_onnx_package_reads(tiny_model_path: Path) -> None:
    model = read_model(tiny_model_path)
    reference = onnx.load(tiny_model_path)
    assert model.metadata == {prop.key: prop.value for prop in reference.metadata_props}
    assert model.metadata == tiny_metadata()


def test_fields(tiny_model_path: Path) -> None:
    model = read_model(str(tiny_model_path))
    assert model.path == tiny_model_path
    assert model.sha256 == hashlib.sha256(tiny_model_path.read_bytes()).hexdigest()
    assert model.labels == ROAD_LABELS
    assert (model.height, model.width) == (64, 96)


@settings(max_examples=50, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(props=st.dictionaries(st.text(max_size=20), st.text(max_size=300), max_size=8))
def test_reads_any_metadata(tmp_path: Path, props: dict[str, str]) -> None:
    path = write_tiny_model(tmp_path / 'any.onnx')
    model = onnx.load(path)
    expected = {**props, **tiny_metadata()}
    onnx.helper.set_model_props(model, expected)
    onnx.save(model, path)
    assert read_model(path).metadata == expected


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r'none\.onnx: found no such file'):
        read_model(tmp_path / 'none.onnx')


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match='Is a directory'):
        read_model(tmp_path)


@pytest.mark.parametrize('content', [
    b'', b'\x00', b'\x08', b'\x08\x08', b'not a model', b'\x89PNG\r\n\x1a\n' + bytes(100),
    b'\xff' * 40,
    b'\x3a\x00',          # a graph, no IR version
    b'\x08\x08\x3a\x05',  # a graph that breaks off
    b'\x08\x08\x0b',      # a group, which protobuf 3 does not have
])
def test_not_onnx(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'wrong.onnx'
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r'wrong\.onnx: found no complete ONNX file'):
        read_model(path)


def test_missing_keys_are_named(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / 'keys.onnx', labels=None, commit=None)
    with pytest.raises(ModelError, match=r'no metadata road_seg\.labels, road_seg\.commit; '
                                         r'.*road-seg export.*set_model_props'):
        read_model(path)


def test_another_format(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / 'format.onnx', format='2')
    with pytest.raises(ModelError, match="found format '2'; expected format '1'"):
        read_model(path)
    path = write_tiny_model(tmp_path / 'format.onnx', format='2' * 81)
    with pytest.raises(ModelError, match=r"found format '2{80}'; expected format '1'"):
        read_model(path)


@pytest.mark.parametrize('text', [
    '', '[]', '{}', '{"height": 64}', '{"height": 0, "width": 96}', '{"height": -1, "width": 9}',
    '{"height": 64, "width": 1e9}', '{"height": Infinity, "width": 9}', '[' * 100_000,
    '{"height": null, "width": 9}',
])
def test_wrong_input_size(tmp_path: Path, text: str) -> None:
    path = write_tiny_model(tmp_path / 'input.onnx', input=text)
    with pytest.raises(ModelError, match=r'input\.onnx road_seg\.input'):
        read_model(path)


def test_wrong_labels_name_the_file(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / 'labels.onnx', labels='{"names": []}')
    with pytest.raises(ModelError, match=r'labels\.onnx: label map: found '):
        read_model(path)


def test_every_truncation_is_refused_or_harmless(tiny_model_path: Path, tmp_path: Path) -> None:
    content = tiny_model_path.read_bytes()
    path = tmp_path / 'cut.onnx'
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(ModelError):
            read_model(path)


@settings(max_examples=300, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_bytes_raise_nothing_else(tiny_model_path: Path, tmp_path: Path,
                                          data: st.DataObject) -> None:
    content = bytearray(tiny_model_path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] = data.draw(st.integers(0, 255))
    path = tmp_path / 'mutated.onnx'
    path.write_bytes(content)
    with suppress(ModelError):
        assert read_model(path).metadata['road_seg.format'] == '1'


@settings(max_examples=200, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_any_bytes_raise_nothing_else(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'bytes.onnx'
    path.write_bytes(content)
    with pytest.raises(ModelError):
        read_model(path)


def test_default_model_is_in_the_package() -> None:
    assert default_model().parts[-3:] == ('road_seg', 'models', 'road_unet.onnx')


def test_a_shipped_model_is_found_by_its_name(tmp_path: Path, monkeypatch) -> None:
    """Unless a file of that name lies here."""
    monkeypatch.chdir(tmp_path)
    assert read_model('road_unet').path == default_model()
    (tmp_path / 'road_unet').write_bytes(b'mine')
    with pytest.raises(ModelError, match='no complete ONNX file'):
        read_model('road_unet')


def test_the_permissive_model_names_no_data_for_research_only() -> None:
    """Companies choose it by its licences."""
    research, permissive = (
        [item['licence'] for item in json.loads(read_model(name).metadata['road_seg.training'])[
            'data']] for name in ('road_unet', 'road_unet_permissive'))
    assert any('non-commercial' in licence for licence in research)
    assert len(permissive) == 4
    for licence in permissive:
        assert any(words in licence for words in ('MIT', 'CC BY 4.0', 'drawn by road-seg'))
        assert 'non-commercial' not in licence
        assert 'NC' not in licence
