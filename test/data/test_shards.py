"""Tar shards hold what the folder holds."""

from pathlib import Path
import tarfile

import numpy as np
import pytest
from road_sets import write_road_set

from road_seg.cli.main import main
from road_seg.data import shards as module
from road_seg.data.adapter import DatasetAdapter
from road_seg.data.augmentation import Augmentation
from road_seg.data.dataset import CropStream
from road_seg.data.dataset import Source
from road_seg.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a data set of seven images, in CamVid's layout."""
    write_road_set(tmp_path / 'set', 7, (48, 80), horizon=(10, 38), noise=30)
    return tmp_path / 'set'


@pytest.fixture
def sharded(folder: Path, tmp_path: Path, monkeypatch) -> Path:
    """Return the same as shards of few images."""
    monkeypatch.setattr(module, '_SHARD_BYTES', 12_000)
    assert main(['check', str(folder), '--adapter', 'camvid', '--shards',
                 str(tmp_path / 'shards')]) == 0
    return tmp_path / 'shards'


def crops(root: Path) -> CropStream:
    """Return a stream of training crops."""
    adapter = DatasetAdapter.load('camvid')
    return CropStream([Source(adapter, adapter.samples(root, 'train'), 1.0)], Augmentation(),
                      network=(64, 96), crop=(32, 64), seed=4, start=0, stop=12)


def test_training_sees_the_same_crops(folder: Path, sharded: Path) -> None:
    assert len(list(sharded.iterdir())) > 1
    for plain, packed in zip(crops(folder), crops(sharded), strict=True):
        for expected, found in zip(plain, packed, strict=True):
            assert np.array_equal(expected, found)


def test_members_are_named_as_webdataset_has_it(folder: Path, sharded: Path) -> None:
    names = []
    for shard in sorted(sharded.iterdir()):
        with tarfile.open(shard) as tar:
            names += tar.getnames()
    stems = sorted(path.stem for path in (folder / 'train/images').iterdir())
    assert names == [f'images/{stem}.{kind}' for stem in stems
                     for kind in ('image.jpg', 'mask.png')]


def test_shards_of_others_are_read(folder: Path, tmp_path: Path) -> None:
    """KEY.jpg and KEY.png; other members of a key are passed over."""
    (tmp_path / 'other').mkdir()
    with tarfile.open(tmp_path / 'other' / 'train-0.tar', 'w') as tar:
        for image in sorted((folder / 'train/images').iterdir()):
            tar.add(image, f'{image.stem}.jpg')
            tar.add(__file__, f'{image.stem}.json')
            tar.add(folder / 'train/masks' / f'{image.stem}.png', f'{image.stem}.png')
    for plain, packed in zip(crops(folder), crops(tmp_path / 'other'), strict=True):
        assert np.array_equal(plain[0], packed[0])


@pytest.mark.parametrize('kept', [5_000, 9_000, -10_240, 0])
def test_a_truncated_shard_is_named(kept: int, sharded: Path) -> None:
    """Also if it ends between two files."""
    shard = sorted(sharded.iterdir())[0]
    shard.write_bytes(shard.read_bytes()[:kept])
    with pytest.raises(InputError, match=r'train-000000.tar: found no complete tar file'):
        DatasetAdapter.load('camvid').samples(sharded, 'train')


def test_an_image_without_a_mask_is_named(folder: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / 'train-0.tar', 'w') as tar:
        tar.add(next((folder / 'train/images').iterdir()), 'a.jpg')
    with pytest.raises(InputError, match=r'train-0.tar:a.jpg: found no mask in its shard'):
        DatasetAdapter.load('camvid').samples(tmp_path, 'train')


def test_a_damaged_image_is_left_out_of_shards(folder: Path, tmp_path: Path) -> None:
    """And no shard remains of a run that fails."""
    image = sorted((folder / 'train/images').iterdir())[2]
    image.write_bytes(b'no image')
    assert main(['check', str(folder), '--adapter', 'camvid', '--shards',
                 str(tmp_path / 'shards')]) == 1
    assert len(DatasetAdapter.load('camvid').samples(tmp_path / 'shards', 'train')) == 6
    assert main(['check', str(tmp_path / 'none'), '--adapter', 'camvid', '--shards',
                 str(tmp_path / 'more')]) == 2
    assert not (tmp_path / 'more').exists()
