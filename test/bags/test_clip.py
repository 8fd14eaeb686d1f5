"""Where the sample clip comes from, with a real web server on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
import functools
import hashlib
from http.server import SimpleHTTPRequestHandler
from http.server import ThreadingHTTPServer
from pathlib import Path
import threading

from drives import write_video
import pytest

from road_seg.bags.clip import cache_dir
from road_seg.bags.clip import PublicClip
from road_seg.bags.clip import sample_clip
from road_seg.bags.clip import UDACITY
from road_seg.resources import data_dir


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Yield the address under which a folder is served."""
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *values: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f'http://127.0.0.1:{server.server_port}'
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PublicClip:
    """Return a clip in an empty world: no cache, no data folder, a server that is not there."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('ROAD_SEG_DATA', str(tmp_path / 'data'))
    (tmp_path / 'web').mkdir()
    content = write_video(tmp_path / 'web' / 'clip.mp4.avi').read_bytes()
    return PublicClip('http://127.0.0.1:9/clip.mp4.avi', hashlib.sha256(content).hexdigest(),
                      len(content), 'local.mp4', UDACITY.calibration, UDACITY.extrinsics, 'test')


def at(clip: PublicClip, address: str) -> PublicClip:
    """Return the clip served under an address."""
    return PublicClip(f'{address}/clip.mp4.avi', clip.sha256, clip.size, clip.local,
                      clip.calibration, clip.extrinsics, clip.credit)


def test_without_anything_a_clip_is_drawn_and_it_says_so(clip: PublicClip):
    source, notes = sample_clip(clip)
    assert source.description == 'a drawn road, not a real one (scene curve, seed 0)'
    assert 'not downloaded' in notes[0]
    assert 'ROAD_SEG_DATA' in notes[1]
    assert 'drawn by this program' in notes[2]


def test_the_data_folder_is_taken_when_there_is_no_network(clip: PublicClip, tmp_path: Path):
    (tmp_path / 'data').mkdir()
    (tmp_path / 'web' / 'clip.mp4.avi').rename(tmp_path / 'data' / 'local.mp4')
    source, notes = sample_clip(clip)
    assert source.count == 10
    assert 'from the data folder' in notes[1]
    assert source.camera_info.k[0] == 1155.9478


def test_a_download_is_kept_for_the_next_time(clip: PublicClip, tmp_path: Path):
    with served(tmp_path / 'web') as address:
        _, notes = sample_clip(at(clip, address))
    assert notes == [f'sample clip downloaded from {address}/clip.mp4.avi']
    source, notes = sample_clip(clip)
    assert 'from the cache' in notes[0]
    assert len(list(source.frames())) == 10


@pytest.mark.parametrize('change', [lambda content: content[:-1], lambda content: content + b'x',
                                    lambda content: b'x' + content[1:], lambda content: b''])
def test_a_changed_download_is_not_kept(clip: PublicClip, tmp_path: Path, change: object):
    file = tmp_path / 'web' / 'clip.mp4.avi'
    file.write_bytes(change(file.read_bytes()))
    with served(tmp_path / 'web') as address:
        source, notes = sample_clip(at(clip, address))
    assert 'SHA-256' in notes[0]
    assert source.description.startswith('a drawn road')
    assert not cache_dir().exists() or not list(cache_dir().iterdir())


def test_a_damaged_cache_is_not_used(clip: PublicClip):
    cache_dir().mkdir(parents=True)
    (cache_dir() / f'{clip.sha256[:16]}.mp4').write_bytes(bytes(clip.size))
    assert 'not downloaded' in sample_clip(clip)[1][0]


@pytest.mark.data
def test_the_pinned_clip_is_the_one_in_the_data_folder():
    path = data_dir() / UDACITY.local
    if not path.exists():
        pytest.skip(f'no {path}')
    assert path.stat().st_size == UDACITY.size
    assert hashlib.sha256(path.read_bytes()).hexdigest() == UDACITY.sha256
