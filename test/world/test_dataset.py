"""The drawn world as training images."""

from pathlib import Path

import numpy as np
import pytest

from road_seg.data.adapter import DatasetAdapter
from road_seg.errors import InputError
from road_seg.world.dataset import write_dataset
from road_seg.world.drive import drive


def test_the_adapter_reads_what_was_written(tmp_path: Path):
    done: list[int] = []
    write_dataset(tmp_path / 'world', 'mixed', 2, seed=3, progress=done.append)
    adapter = DatasetAdapter.load('world')
    samples = adapter.samples(tmp_path / 'world', 'train')
    assert [sample.image.name for sample in samples] == ['000000.jpg', '000001.jpg']
    for sample, frame in zip(samples, drive('mixed', 2, seed=3), strict=True):
        rgb, truth = adapter.read(sample)
        np.testing.assert_array_equal(truth, frame.mask)
        assert np.abs(rgb.astype(int) - frame.rgb).mean() < 4.0
    assert done == [1, 2]


def test_an_existing_folder_is_not_touched(tmp_path: Path):
    (tmp_path / 'kept').write_text('')
    with pytest.raises(InputError, match='a folder'):
        write_dataset(tmp_path, 'straight', 1)
    assert [entry.name for entry in tmp_path.iterdir()] == ['kept']
