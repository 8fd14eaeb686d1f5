"""Files that appear only when they are complete."""

import os
from pathlib import Path

import pytest

from road_seg.errors import InputError
from road_seg.files import atomic_write
from road_seg.files import replacing_folder


def _write_half_a_file(target: Path, error: type[BaseException]) -> None:
    with atomic_write(target) as temporary:
        temporary.write_text('half')
        raise error


def _write_half_a_folder(target: Path) -> None:
    with atomic_write(target) as temporary:
        temporary.mkdir()
        (temporary / 'drive.mcap').write_bytes(b'1')
        raise ValueError('half')


def test_file_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / 'report.html'
    with atomic_write(target) as temporary:
        temporary.write_text('done')
        assert temporary.parent == tmp_path
        assert temporary.suffix == '.html'
        assert not target.exists()
    assert target.read_text() == 'done'
    assert os.listdir(tmp_path) == ['report.html']


def test_file_has_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / 'usual').write_text('')
    with atomic_write(tmp_path / 'ours') as temporary:
        temporary.write_text('')
    assert (tmp_path / 'ours').stat().st_mode == (tmp_path / 'usual').stat().st_mode


def test_file_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / 'scores.json'
    target.write_text('old')
    with atomic_write(str(target)) as temporary:
        temporary.write_text('new')
    assert target.read_text() == 'new'


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
def test_nothing_changes_on_an_error(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / 'scores.json'
    target.write_text('old')
    with pytest.raises(error):
        _write_half_a_file(target, error)
    assert target.read_text() == 'old'
    assert os.listdir(tmp_path) == ['scores.json']


def test_error_before_the_file_is_made(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='early'), atomic_write(tmp_path / 'a'):
        raise ValueError('early')
    assert os.listdir(tmp_path) == []


def test_folder_appears_at_the_end(tmp_path: Path) -> None:
    with atomic_write(tmp_path / 'drive') as temporary:
        (temporary / 'sub').mkdir(parents=True)
        (temporary / 'sub' / 'drive.mcap').write_bytes(b'1')
        assert not (tmp_path / 'drive').exists()
    assert (tmp_path / 'drive' / 'sub' / 'drive.mcap').read_bytes() == b'1'


def test_folder_is_removed_on_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='half'):
        _write_half_a_folder(tmp_path / 'drive')
    assert os.listdir(tmp_path) == []


def test_missing_parents_are_made(tmp_path: Path) -> None:
    with atomic_write(tmp_path / 'a' / 'b' / 'c') as temporary:
        temporary.write_text('x')
    assert (tmp_path / 'a' / 'b' / 'c').read_text() == 'x'


def test_impossible_folder_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match='expected a folder that can be written to'), \
            atomic_write(tmp_path / 'file' / 'below'):
        pass


@pytest.mark.parametrize('kind', ['file', 'folder'])
def test_existing_folder_is_not_replaced(tmp_path: Path, kind: str) -> None:
    target = tmp_path / 'drive'
    target.mkdir()
    (target / 'keep').write_text('')
    with pytest.raises(InputError, match='drive: found a folder'), atomic_write(target) as path:
        path.mkdir() if kind == 'folder' else path.write_text('')
    assert os.listdir(tmp_path) == ['drive']
    assert os.listdir(target) == ['keep']


def test_a_folder_is_replaced_when_the_new_one_is_complete(tmp_path: Path) -> None:
    target = tmp_path / 'drive'
    for name in ('old', 'new'):
        with replacing_folder(target) as temporary:
            temporary.mkdir()
            (temporary / name).write_text('')
            assert name == 'old' or os.listdir(target) == ['old']
    assert os.listdir(target) == ['new']
    assert os.listdir(tmp_path) == ['drive']


def test_a_folder_stays_when_its_successor_fails(tmp_path: Path) -> None:
    target = tmp_path / 'drive'
    target.mkdir()
    (target / 'keep').write_text('')
    with pytest.raises(ValueError, match='half'), replacing_folder(target):
        raise ValueError('half')
    assert os.listdir(tmp_path) == ['drive']
    assert os.listdir(target) == ['keep']
