"""`road-seg check` finds everything that is wrong with a data set at once."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from road_seg.cli.main import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write four images of IDD's layout: half road, half "background or sidewalk"."""
    for kind in ('images', 'masks'):
        (tmp_path / 'train' / kind).mkdir(parents=True)
    ids = np.zeros((20, 30), np.uint8)
    ids[:10] = 1
    for name in 'abcd':
        cv2.imwrite(str(tmp_path / f'train/images/{name}.jpg'), np.full((20, 30, 3), 90, np.uint8))
        cv2.imwrite(str(tmp_path / f'train/masks/{name}.png'), ids)
    return tmp_path


def test_a_sound_data_set(folder: Path, capsys: pytest.CaptureFixture) -> None:
    sheet = folder / 'sheet.png'
    assert main(['check', str(folder), '--adapter', 'idd_lite', '--sheet', str(sheet)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        'road                          50.00 % of the pixels',
        'background or sidewalk        50.00 % of the pixels',
        '4 images to use, 0 with a problem']
    picture = cv2.imread(str(sheet))
    assert picture.shape == (160, 6 * 240, 3)
    # 0.55 of the grey 90 and 0.45 of the road's colour (128, 64, 128), blue first
    assert np.abs(picture[130, 120].astype(int) - (107, 78, 107)).max() <= 2


def test_every_problem_is_listed(folder: Path, capsys: pytest.CaptureFixture) -> None:
    (folder / 'train/masks/a.png').unlink()
    cv2.imwrite(str(folder / 'train/masks/b.png'), np.full((20, 30), 77, np.uint8))
    cv2.imwrite(str(folder / 'train/masks/c.png'), np.zeros((10, 30), np.uint8))
    (folder / 'train/images/d.jpg').write_bytes(b'no picture')
    assert main(['check', str(folder), '--adapter', 'idd_lite']) == 1
    lines = capsys.readouterr().out.splitlines()
    for line, finding in zip(lines, ('a.png: found no mask', 'b.png: found ids [77]',
                                     'c.png: found uint8 (10, 30)',
                                     'd.jpg: found an unreadable image'), strict=False):
        assert finding in line
    assert lines[4:] == ['0 images to use, 4 with a problem']
