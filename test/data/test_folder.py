"""Tests of data sets written as folders."""

from pathlib import Path
import resource

import cv2
import numpy as np
import pytest

from road_seg.data.folder import create_data_set

RGB = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
IDS = RGB[..., 0] % 5


def test_pictures_and_masks_lie_in_train(tmp_path: Path) -> None:
    with create_data_set(tmp_path / 'mine', 95) as add:
        add('first', RGB, IDS)
    picture = cv2.imread(str(tmp_path / 'mine/train/images/first.jpg'))
    assert picture.shape == (64, 96, 3)
    mask = cv2.imread(str(tmp_path / 'mine/train/masks/first.png'), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(mask, IDS)


def test_a_picture_that_cannot_be_written_whole_leaves_nothing(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match='File too large'), \
                create_data_set(tmp_path / 'mine', 95) as add:
            add('first', RGB, IDS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []
