"""Data set adapters on generated trees, and on the real data where it is present."""

import os
from pathlib import Path
import tarfile

import cv2
import numpy as np
import pytest

from road_seg.data.adapter import DatasetAdapter
from road_seg.data.adapter import Sample
from road_seg.errors import ConfigError
from road_seg.errors import InputError

DATA = Path(os.environ.get('ROAD_SEG_DATA', '../shared/data'))


def write_tree(root: Path, ids: np.ndarray, *, rgb: np.ndarray | None = None,
               stem: str = 'a') -> None:
    """Write one image and its mask in the layout the shipped adapters share."""
    for folder in ('images', 'masks'):
        (root / 'train' / folder).mkdir(parents=True, exist_ok=True)
    image = np.full((*ids.shape, 3), 200, np.uint8) if rgb is None else rgb
    cv2.imwrite(str(root / f'train/images/{stem}.jpg'), image[..., ::-1])
    cv2.imwrite(str(root / f'train/masks/{stem}.png'), ids)


@pytest.mark.parametrize(('name', 'ids', 'truth'), [
    ('camvid', [0, 2, 3, 4, 8, 9, 10, 11], [0, 0, 1, 2, 3, 4, 4, 255]),
    ('idd_lite', [0, 1, 2, 3, 4, 5, 6, 255], [1, 5, 4, 3, 0, 0, 0, 255]),
    ('lums_road', [0, 1, 2, 3, 4, 4, 4, 4], [0, 5, 1, 2, 1, 1, 1, 1]),
])
def test_shipped_adapters_map_ids(tmp_path, name: str, ids: list, truth: list) -> None:
    """Ids become class ids, partial sets from 5 on, or 255."""
    mask = np.repeat(np.array(ids, np.uint8)[None], 8, 0)
    write_tree(tmp_path, mask)
    adapter = DatasetAdapter.load(name)
    rgb, mapped = adapter.read(adapter.samples(tmp_path, 'train')[0])
    assert rgb.shape == (8, 8, 3)
    assert mapped[0].tolist() == truth


@pytest.mark.parametrize(('name', 'named'), [
    ('camvid', [True] * 5),
    ('idd_lite', [True, True, False, True, True]),      # sidewalk or verge
    ('lums_road', [True, True, True, False, False]),    # vehicle or person
])
def test_classes_that_an_id_stands_for_alone(name: str, named: list) -> None:
    assert DatasetAdapter.load(name).named.tolist() == named


def test_partial_sets_allow_their_classes() -> None:
    """IDD's non-drivable is background or sidewalk; 255 allows nothing."""
    adapter = DatasetAdapter.load('idd_lite')
    assert adapter.partial_sets == ((0, 2),)
    assert adapter.allowed[5].tolist() == [True, False, True, False, False]
    assert adapter.allowed[1].tolist() == [False, True, False, False, False]
    assert not adapter.allowed[255].any()


def test_resolve_gives_a_partial_pixel_its_prediction_where_allowed() -> None:
    """Else it counts as the first class of its set."""
    adapter = DatasetAdapter.load('idd_lite')
    truth = np.array([[5, 5, 5, 1, 255]], np.uint8)
    prediction = np.array([[0, 2, 1, 2, 1]], np.uint8)
    assert adapter.resolve(truth, prediction).tolist() == [[0, 2, 0, 1, 255]]
    assert truth.tolist() == [[5, 5, 5, 1, 255]]


def test_dark_unlabelled_corners_are_ignored(tmp_path) -> None:
    """Only what is dark, connected to a corner and labelled 0."""
    rgb = np.full((60, 80, 3), 160, np.uint8)
    rgb[:10, :10] = 8
    rgb[50:, 70:] = 8
    rgb[30:40, 30:40] = 8
    ids = np.zeros((60, 80), np.uint8)
    ids[50:, 70:] = 2
    write_tree(tmp_path, ids, rgb=rgb)
    adapter = DatasetAdapter.load('lums_road')
    truth = adapter.read(adapter.samples(tmp_path, 'train')[0])[1]
    assert (truth[:8, :8] == 255).all()
    assert (truth[30:40, 30:40] == 0).all()
    assert (truth[52:, 72:] == 1).all()


def test_errors_name_the_file_and_the_fix(tmp_path) -> None:
    """Missing masks, foreign ids, wrong sizes, empty folders."""
    adapter = DatasetAdapter.load('idd_lite')
    with pytest.raises(InputError, match=r'no image train/images/\*\.jpg'):
        adapter.samples(tmp_path, 'train')
    write_tree(tmp_path, np.full((8, 8), 7, np.uint8))
    sample = adapter.samples(tmp_path, 'train')[0]
    with pytest.raises(InputError, match=r'a\.png: found ids \[7\]; expected ids \[0, 1, 2'):
        adapter.read(sample)
    cv2.imwrite(str(sample.mask), np.zeros((4, 8), np.uint8))
    with pytest.raises(InputError, match=r'found uint8 \(4, 8\); expected uint8 \(8, 8\)'):
        adapter.read(sample)
    sample.mask.unlink()
    with pytest.raises(InputError, match='found no mask'):
        adapter.samples(tmp_path, 'train')


@pytest.mark.parametrize(('text', 'message'), [
    ('images: [', 'no valid YAML'),
    ('images: a\nmasks: b', 'expected the keys'),
    ('images: a\nmasks: b\nids: {0: raod}', "class 'raod': found no such class"),
    ('images: a\nmasks: b\nids: {300: road}', 'found id 300; expected ids from 0 to 255'),
    ('images: a\nmasks: b\nids: {1: road}\nexclude: b.jpg', 'found exclude: .b.jpg.; expected'),
    ('images: a\nmasks: b\nids: {1: road}\nexclude: [3]', 'expected a list of names of image'),
])
def test_malformed_adapters_are_refused(tmp_path, text: str, message: str) -> None:
    """One line says what is wrong."""
    path = tmp_path / 'mine.yaml'
    path.write_text(text)
    with pytest.raises(Exception, match=message):
        DatasetAdapter.load(str(path))


def test_excluded_images_are_left_out(tmp_path) -> None:
    """Of folders and of shards; a split that has no others is refused."""
    text = """
images: '{split}/images/*.jpg'
masks: '{split}/masks/{stem}.png'
ids: {0: background}
exclude: ['bad_*', 'worse.*']
"""
    path = tmp_path / 'mine.yaml'
    path.write_text(text)
    for stem in ('bad_1', 'good', 'worse'):
        write_tree(tmp_path, np.zeros((8, 8), np.uint8), stem=stem)
    adapter = DatasetAdapter.load(str(path))
    assert [sample.image.stem for sample in adapter.samples(tmp_path, 'train')] == ['good']
    (tmp_path / 'tars').mkdir()
    with tarfile.open(tmp_path / 'tars' / 'train-0.tar', 'w') as tar:
        for stem in ('bad_1', 'good', 'worse'):
            tar.add(tmp_path / f'train/images/{stem}.jpg', f'{stem}.image.jpg')
            tar.add(tmp_path / f'train/masks/{stem}.png', f'{stem}.mask.png')
    packed = adapter.samples(tmp_path / 'tars', 'train')
    assert [sample.image.stem for sample in packed] == ['good']
    (tmp_path / 'train/images/good.jpg').unlink()
    with pytest.raises(InputError, match='found no image'):
        adapter.samples(tmp_path, 'train')


@pytest.mark.parametrize(('before', 'after', 'follows'), [
    ('0016E5_07959', '0016E5_07961', True), ('0016E5_07959', '0016E5_07960', False),
    ('0006R0_07959', '0016E5_07961', False), ('a', 'b', False), ('1', '3', True)])
def test_frames_follow_by_the_numbers_of_their_names(before: str, after: str,
                                                     follows: bool) -> None:
    """CamVid's are every second one of a 30 Hz video."""
    first, second = (Sample(Path(f'{name}.jpg'), Path(f'{name}.png')) for name in (before, after))
    assert DatasetAdapter.load('camvid').follows(first, second) == follows
    assert not DatasetAdapter.load('idd_lite').follows(first, second)


def test_unknown_adapter_lists_the_shipped_ones() -> None:
    """The message helps to correct a typing error."""
    with pytest.raises(ConfigError, match='camvid, cityscapes, comma10k, idd_lite, labelmefacade'):
        DatasetAdapter.load('camvdi')


@pytest.mark.parametrize(('name', 'split', 'count'), [
    ('camvid', 'train', 367), ('camvid', 'val', 101), ('idd_lite', 'train', 1403),
    ('idd_lite', 'val', 204), ('lums_road', 'train', 1789), ('lums_road', 'valid', 166)])
def test_real_data_fits_its_adapter(name: str, split: str, count: int) -> None:
    """Counts of the published splits; the first and last files are readable."""
    if not DATA.is_dir():
        pytest.skip(f'no data sets at {DATA} (set ROAD_SEG_DATA)')
    adapter = DatasetAdapter.load(name)
    samples = adapter.samples(DATA / name, split)
    assert len(samples) == count
    for sample in (samples[0], samples[-1]):
        rgb, truth = adapter.read(sample)
        assert rgb.shape[:2] == truth.shape
        assert (truth == 1).any()
