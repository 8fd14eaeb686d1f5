"""Bags by path, list, pattern or URL."""

from pathlib import Path

import fsspec
import pytest

from road_seg.bags import stored
from road_seg.bags.stored import bag_names
from road_seg.bags.stored import local_copy
from road_seg.bags.stored import stored_bag
from road_seg.errors import InputError


@pytest.fixture
def memory() -> fsspec.AbstractFileSystem:
    """Return a store in memory with a bag that is a folder and one that is a file."""
    files = fsspec.filesystem('memory')
    files.pipe({'/drives/one/one.mcap': b'12345', '/drives/one/metadata.yaml': b'12',
                '/drives/two.mcap': b'123'})
    yield files
    files.rm('/drives', recursive=True)


def test_a_list_with_comments_and_repetitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'list.txt').write_text(
        '# all drives\n\none  # good\ns3://bucket/a.mcap\n/abs/two.mcap\none\n')
    expected = [str(tmp_path / 'one'), 's3://bucket/a.mcap', '/abs/two.mcap']
    assert bag_names('list.txt') == expected
    assert bag_names(f'file://{tmp_path}/list.txt') == expected


def test_patterns_of_paths_and_urls(tmp_path: Path, memory: fsspec.AbstractFileSystem):
    for name in ('b.mcap', 'a.mcap', 'c.txt'):
        (tmp_path / name).touch()
    assert bag_names(f'{tmp_path}/*.mcap') == [f'{tmp_path}/a.mcap', f'{tmp_path}/b.mcap']
    assert bag_names('memory://drives/*') == ['memory:///drives/one', 'memory:///drives/two.mcap']


@pytest.mark.parametrize('source', ['no.txt', 'none*.mcap', 'nosuch://bucket/*.mcap'])
def test_nothing_to_replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r'expected|at least one'):
        bag_names(source)


def test_copies_live_as_long_as_their_use(memory: fsspec.AbstractFileSystem):
    one, two = map(stored_bag, bag_names('memory://drives/*'))
    assert (one.is_remote, one.size, two.size) == (True, 7, 3)
    with local_copy(one) as path:
        assert path.name == 'one'
        assert {file.name: file.read_bytes() for file in path.iterdir()} == {
            'one.mcap': b'12345', 'metadata.yaml': b'12'}
    assert not path.parent.exists()
    with local_copy(two) as path:
        assert path.name == 'two.mcap'
        assert path.read_bytes() == b'123'


def test_a_local_bag_is_read_in_place(tmp_path: Path):
    (tmp_path / 'a.mcap').write_bytes(b'1234')
    bag = stored_bag(str(tmp_path / 'a.mcap'))
    with local_copy(bag) as path:
        assert path == tmp_path / 'a.mcap'
    assert path.exists()
    (tmp_path / 'a.mcap').write_bytes(b'12345')
    assert stored_bag(bag.name) != bag


def test_what_cannot_be_fetched_may_be_tried_again(memory: fsspec.AbstractFileSystem):
    bag = stored_bag('memory://drives/two.mcap')
    memory.rm('/drives/two.mcap')
    with pytest.raises(OSError, match=r'two\.mcap: could not be fetched'), local_copy(bag):
        pass
    with pytest.raises(InputError, match=r'two\.mcap: found '):
        stored_bag('memory://drives/two.mcap')


def test_copies_of_the_dead_are_removed_and_of_the_living_kept(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: fsspec.AbstractFileSystem):
    monkeypatch.setattr(stored.tempfile, 'tempdir', str(tmp_path))
    orphan = tmp_path / 'road_seg_copy_dead'
    orphan.mkdir()
    (orphan / 'a.mcap').touch()
    bag = stored_bag('memory://drives/two.mcap')
    with local_copy(bag) as first, local_copy(bag) as second:
        assert not orphan.exists()
        assert first.exists()
        assert second.exists()
    assert not list(tmp_path.iterdir())
