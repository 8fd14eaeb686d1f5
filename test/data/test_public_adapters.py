"""Adapters of public data sets, on tiny trees in the layouts their authors ship."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from road_seg.data.adapter import DatasetAdapter
from road_seg.errors import ConfigError
from road_seg.errors import InputError


def write(path: Path, image: np.ndarray) -> None:
    """Write an image, RGB where it has channels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image[..., ::-1] if image.ndim == 3 else image)


def pair(root: Path, image: str, mask: str, ids: np.ndarray) -> None:
    """Write a grey image and its mask."""
    write(root / image, np.full((*ids.shape[:2], 3), 128, np.uint8))
    write(root / mask, ids)


def truth(root: Path, adapter: DatasetAdapter, split: str) -> list[list[int]]:
    """Return the first row of the truth of each image of a split."""
    return [adapter.read(sample)[1][0].tolist() for sample in adapter.samples(root, split)]


def test_cityscapes(tmp_path: Path) -> None:
    for city in ('aachen', 'zurich'):
        stem = f'{city}_000000_000019'
        pair(tmp_path, f'leftImg8bit/train/{city}/{stem}_leftImg8bit.png',
             f'gtFine/train/{city}/{stem}_gtFine_labelIds.png',
             np.array([[7, 8, 26, 24, 25, 11, 23, 3, 9]], np.uint8))
    adapter = DatasetAdapter.load('cityscapes')
    assert truth(tmp_path, adapter, 'train') == [[1, 2, 3, 4, 4, 0, 0, 255, 5]] * 2
    assert adapter.partial_sets == ((0, 1),)  # parking


def test_bdd100k(tmp_path: Path) -> None:
    pair(tmp_path, 'images/10k/val/0a0a-1.jpg', 'labels/sem_seg/masks/val/0a0a-1.png',
         np.array([[0, 1, 13, 11, 12, 10, 255]], np.uint8))
    assert truth(tmp_path, DatasetAdapter.load('bdd100k'), 'val') == [[1, 2, 3, 4, 4, 0, 255]]


def test_comma10k(tmp_path: Path) -> None:
    colours = np.array([[(64, 32, 32), (255, 0, 0), (128, 128, 96), (0, 255, 102),
                         (204, 0, 255)]], np.uint8)
    for name in ('0001_a_18.png', '0002_b_19.png', '0003_c_20.png'):
        pair(tmp_path, f'imgs/{name}', f'masks/{name}', colours)
    adapter = DatasetAdapter.load('comma10k')
    assert truth(tmp_path, adapter, 'val') == [[1, 1, 5, 6, 255]]
    assert len(truth(tmp_path, adapter, 'train')) == 2
    assert adapter.partial_sets == ((0, 2), (3, 4))
    with pytest.raises(ConfigError, match=r"split 'test': found no such split .* train, val"):
        adapter.samples(tmp_path, 'test')
    write(tmp_path / 'masks/0002_b_19.png', colours + 1)
    with pytest.raises(InputError, match='found other colours; expected colours #402020'):
        truth(tmp_path, adapter, 'val')


def test_labelmefacade(tmp_path: Path) -> None:
    colours = np.array([[(128, 64, 0), (128, 128, 128), (128, 0, 128), (0, 128, 128), (128, 0, 0),
                         (0, 0, 0)]], np.uint16)
    # Its masks have 16 bits a channel and an opaque alpha channel.
    mask = np.dstack((colours * 257, np.full(colours.shape[:2], 65535, np.uint16)))
    pair(tmp_path, 'images/street_1.jpg', 'labels/street_1.png', colours)
    assert cv2.imwrite(str(tmp_path / 'labels/street_1.png'), mask[..., [2, 1, 0, 3]])
    adapter = DatasetAdapter.load('labelmefacade')
    assert truth(tmp_path, adapter, 'all') == [[1, 2, 3, 0, 5, 255]]
    assert adapter.partial_sets == ((0, 4),)  # people before a house are not labelled


def test_mapillary_vistas(tmp_path: Path) -> None:
    instances = np.array([[13 * 256, 15 * 256 + 1, 55 * 256 + 2, 19 * 256 + 255, 27 * 256,
                           64 * 256]], np.uint16)
    pair(tmp_path, 'training/images/abc.jpg', 'training/v1.2/instances/abc.png', instances)
    assert truth(tmp_path, DatasetAdapter.load('mapillary_vistas'), 'training') == [
        [1, 2, 3, 4, 0, 255]]


def test_colours_and_ids_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / 'mixed.yaml'
    path.write_text("images: '*.jpg'\nmasks: '{stem}.png'\nids: {'#402020': road, 3: sidewalk}\n")
    with pytest.raises(ConfigError, match='found id 3; expected up to 255 colours'):
        DatasetAdapter.load(str(path))
