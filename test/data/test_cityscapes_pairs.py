"""The script that gives pix2pix's pairs the layout of Cityscapes."""

from pathlib import Path
from subprocess import run
import sys

import cv2
import numpy as np

from road_seg.data.adapter import DatasetAdapter

SCRIPT = Path(__file__).parents[2] / 'scripts/cityscapes_pairs.py'
# RGB: road, sidewalk, car, rider, void.
COLOURS = [(128, 64, 128), (244, 35, 232), (0, 0, 142), (255, 0, 0), (0, 0, 0)]


def converted(pairs: Path, out: Path) -> tuple[int, str]:
    """Return the script's exit status and what it said."""
    result = run([sys.executable, SCRIPT, pairs, out], capture_output=True, text=True, timeout=60)
    return result.returncode, result.stderr


def test_pairs_are_read_as_cityscapes(tmp_path) -> None:
    """JPEG changes the colours a little, and mixes them at edges, which are ignored."""
    label = np.repeat(np.array(COLOURS, np.uint8), 32, axis=0)[None].repeat(32, axis=0)
    picture = np.full_like(label, 200)
    for split in ('train', 'val'):
        (tmp_path / 'pairs' / split).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / 'pairs' / split / '1.jpg'),
                    np.hstack([picture, label])[:, :, ::-1])
    assert converted(tmp_path / 'pairs', tmp_path / 'out') == (0, '')
    adapter = DatasetAdapter.load('cityscapes')
    for split in ('train', 'val'):
        [sample] = adapter.samples(tmp_path / 'out', split)
        image, truth = adapter.read(sample)
        assert image.shape == (32, 160, 3)
        assert (image[:, :144] == 200).all()
        assert truth[:, 16::32].tolist() == [[1, 2, 3, 4, 255]] * 32
        assert set(np.unique(truth[:, 24:40])) == {1, 2, 255}


def test_what_is_wrong_is_said(tmp_path) -> None:
    """Nothing there, no picture, and a folder that is in use."""
    pairs = tmp_path / 'pairs'
    (pairs / 'train').mkdir(parents=True)
    status, message = converted(pairs, tmp_path / 'out')
    assert status == 2
    assert message.endswith('train has no .jpg; expected train/1.jpg, ...\n')
    (pairs / 'train/1.jpg').write_bytes(b'nothing')
    status, message = converted(pairs, tmp_path / 'out')
    assert status == 2
    assert message.endswith('1.jpg is no picture beside a label of its size\n')
    assert list(tmp_path.iterdir()) == [pairs]
    status, message = converted(pairs, tmp_path)
    assert status == 2
    assert message.endswith(f'{tmp_path} exists; remove it or name another folder\n')
