"""Engines are found again, built once, and built anew when anything about them is wrong."""

from dataclasses import asdict
from dataclasses import fields
from dataclasses import replace
import errno
import hashlib
import json
import logging
import os
from pathlib import Path
import time

import pytest
from together import exit_statuses

from road_seg.backends.base import log_progress
from road_seg.backends.engine_cache import cache_folder
from road_seg.backends.engine_cache import CacheError
from road_seg.backends.engine_cache import EngineCache
from road_seg.backends.engine_cache import EngineKey
from road_seg.errors import BackendError
from road_seg.errors import InputError

KEY = EngineKey('ab' * 32, 'tensorrt', '10.9', 'GPU', 'sm_86', 'int8', 320, 512)
ENGINE = bytes(range(256)) * 40


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    """Return a cache that holds the engine."""
    cache = EngineCache(tmp_path / 'engines')
    cache.get(KEY, lambda: ENGINE, log_progress)
    return cache


def _not_called() -> bytes:
    raise AssertionError('built again')


def test_a_stored_engine_is_not_built_again(cache: EngineCache) -> None:
    assert cache.get(KEY, _not_called, log_progress) == ENGINE
    assert cache.find(KEY, log_progress) == ENGINE


def test_the_manifest_says_what_the_engine_is_of(cache: EngineCache) -> None:
    manifest = json.loads(cache.path(KEY).with_suffix('.json').read_text(encoding='utf-8'))
    assert manifest == {
        **asdict(KEY), 'engine_bytes': 10240, 'engine_sha256': hashlib.sha256(ENGINE).hexdigest()}


@pytest.mark.parametrize('field', [field.name for field in fields(EngineKey)])
def test_another_key_is_another_engine(cache: EngineCache, field: str) -> None:
    value = getattr(KEY, field)
    other = replace(KEY, **{field: value + 1 if isinstance(value, int) else f'{value}1'})
    assert cache.find(other, log_progress) is None
    assert cache.get(other, lambda: b'other', log_progress) == b'other'
    assert cache.get(KEY, _not_called, log_progress) == ENGINE


def _truncate(path: Path) -> None:
    path.write_bytes(ENGINE[:-1])


def _flip_a_bit(path: Path) -> None:
    path.write_bytes(bytes([ENGINE[0] ^ 1]) + ENGINE[1:])


def _lose_the_manifest(path: Path) -> None:
    path.with_suffix('.json').unlink()


def _break_the_manifest(path: Path) -> None:
    path.with_suffix('.json').write_text('{"flavour": ', encoding='utf-8')


def _empty_the_manifest(path: Path) -> None:
    path.with_suffix('.json').write_text('[]', encoding='utf-8')


def _take_another_gpus_engine(path: Path) -> None:
    manifest = path.with_suffix('.json')
    text = manifest.read_text(encoding='utf-8')
    manifest.write_text(text.replace('"GPU"', '"Other GPU"'), encoding='utf-8')


@pytest.mark.parametrize(('damage', 'reason'), [
    (_truncate, 'engine_bytes is 10239, its manifest says 10240'),
    (_flip_a_bit, 'engine_sha256 is '),
    (_lose_the_manifest, 'it has no readable manifest'),
    (_break_the_manifest, 'it has no readable manifest'),
    (_empty_the_manifest, 'its manifest is damaged'),
    (_take_another_gpus_engine, 'gpu is GPU, its manifest says Other GPU'),
])
def test_a_wrong_engine_is_built_again_and_the_reason_logged(
        cache: EngineCache, damage: object, reason: str,
        caplog: pytest.LogCaptureFixture) -> None:
    damage(cache.path(KEY))
    with caplog.at_level(logging.WARNING):
        assert cache.get(KEY, lambda: b'new', log_progress) == b'new'
    assert [message for message in caplog.messages if reason in message]
    assert cache.get(KEY, _not_called, log_progress) == b'new'


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> bytes:
        raise ZeroDivisionError

    cache = EngineCache(tmp_path)
    with pytest.raises(ZeroDivisionError):
        cache.get(KEY, fail, log_progress)
    assert [path.suffix for path in tmp_path.iterdir()] == ['.lock']
    assert cache.get(KEY, lambda: ENGINE, log_progress) == ENGINE


def _build_slowly(folder: Path) -> None:
    def build() -> bytes:
        with (folder / 'builds').open('a', encoding='utf-8') as file:
            file.write('x')
        time.sleep(0.5)
        return ENGINE

    assert EngineCache(folder).get(KEY, build, log_progress) == ENGINE


def test_processes_that_want_the_same_engine_build_it_once(tmp_path: Path) -> None:
    assert exit_statuses(3, _build_slowly, tmp_path) == [0, 0, 0]
    assert (tmp_path / 'builds').read_text(encoding='utf-8') == 'x'


def test_the_wait_for_another_process_can_be_ended(cache: EngineCache) -> None:
    told = []

    def stop(text: str) -> bool:
        told.append(text)
        return False

    def build_while_another_waits() -> bytes:
        with pytest.raises(BackendError, match='the wait for another process was ended'):
            cache.get(other, _not_called, stop)
        return b'other'

    other = replace(KEY, precision='fp16')
    assert cache.get(other, build_while_another_waits, log_progress) == b'other'
    assert told == ['waiting for another process that builds the engine']


def test_an_engine_is_read_where_no_lock_can_be_made(cache: EngineCache) -> None:
    lock = cache.path(KEY).with_suffix('.lock')
    lock.unlink()
    lock.mkdir()  # as root, who may write everywhere, sees a folder without permission
    assert cache.get(KEY, _not_called, log_progress) == ENGINE
    assert cache.find(KEY, log_progress) == ENGINE
    _flip_a_bit(cache.path(KEY))
    assert cache.find(KEY, log_progress) is None
    with pytest.raises(CacheError, match='found Is a directory; expected a folder that can be'):
        cache.get(KEY, _not_called, log_progress)


def test_an_engine_that_cannot_be_stored_is_not_lost(tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, 'write_bytes', full)
    with pytest.raises(CacheError, match='found No space left on device') as caught:
        EngineCache(tmp_path).get(KEY, lambda: ENGINE, log_progress)
    assert caught.value.engine == ENGINE
    assert [path.suffix for path in tmp_path.iterdir()] == ['.lock']


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write everywhere')
def test_a_folder_without_permission_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match='set XDG_CACHE_HOME'):
        EngineCache(tmp_path / 'engines').get(KEY, _not_called, log_progress)


def test_a_file_in_the_folders_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / 'engines').touch()
    with pytest.raises(InputError, match='set XDG_CACHE_HOME'):
        EngineCache(tmp_path / 'engines').get(KEY, _not_called, log_progress)


def test_the_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert cache_folder() == tmp_path / 'road_seg' / 'engines'
    monkeypatch.delenv('XDG_CACHE_HOME')
    monkeypatch.setenv('HOME', '/home/driver')
    assert cache_folder() == Path('/home/driver/.cache/road_seg/engines')
