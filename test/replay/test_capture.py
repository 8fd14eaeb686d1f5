"""Hard frames of a replay as a data set."""

import csv
from dataclasses import replace
import json
from pathlib import Path

import cv2
from drives import HEIGHT
from drives import WIDTH
import numpy as np
import pytest
from tiny_model import expected_classes
from tiny_model import write_tiny_model

from road_seg.bags import messages
from road_seg.bags.drive import Drive
from road_seg.bags.reader import BagReader
from road_seg.bags.sample import record
from road_seg.bags.sources import world
from road_seg.bags.track import read_track
from road_seg.bags.writer import create_bag
from road_seg.cli.main import main
from road_seg.data.adapter import DatasetAdapter
from road_seg.labels import ROAD_LABELS
from road_seg.parameters import checked_parameters
from road_seg.replay.driven import Driven

S = 10**9
COUNT = 12


def scene(index: int) -> np.ndarray:
    """Return a picture (48, 64, 3) of its own, of which the model is the less sure the later."""
    small = np.random.default_rng(index).integers(0, 160, (6, 8, 3), np.uint8)
    small[..., 1] = 255
    small.reshape(-1, 3)[:2 * index, 1] = 9
    return np.kron(small, np.ones((8, 8, 1), np.uint8))


def write_scenes(bag: Path, *, labelled: int = 0, is_compressed: bool = False) -> Path:
    """Write a drive of scenes 2 s apart; the truth of the first ones is wrong in places."""
    with create_bag(bag) as writer:
        for index in range(COUNT):
            stamp, rgb = (1000 + 2 * index) * S, scene(index)
            if is_compressed:
                writer.write('/image/compressed', messages.COMPRESSED_IMAGE, stamp,
                             messages.encode_compressed(jpeg(rgb), 'jpeg', stamp, 'camera'))
            else:
                writer.write('/image', messages.IMAGE, stamp,
                             messages.encode_image(rgb, stamp, 'camera'))
            if index < labelled:
                truth = expected_classes(rgb)
                truth[:, :2 * index] = (truth[:, :2 * index] + 1) % 5
                writer.write('/road_mask/truth', messages.IMAGE, stamp,
                             messages.encode_image(truth, stamp, 'camera'))
    return bag


def jpeg(rgb: np.ndarray) -> bytes:
    """Return a picture as a JPEG file."""
    return cv2.imencode('.jpg', rgb[..., ::-1])[1].tobytes()


def capture(bag: Path, *words: str, mode: str = '--in-process', name: str = 'hard') -> int:
    """Replay a bag and capture into a folder beside it."""
    model = write_tiny_model(bag.parent / 'model.onnx', HEIGHT, WIDTH)
    return main(['replay', str(bag), mode, '--backend', 'onnxruntime', '--model', str(model),
                 '--report', str(bag.parent / f'report_{name}'), '--capture',
                 str(bag.parent / name), '--json', str(bag.parent / 'summary.json'), *words])


def manifest(folder: Path) -> list[dict[str, str]]:
    """Return the lines of a manifest."""
    with (folder / 'manifest.csv').open(encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file))


def test_the_least_sure_frames_with_the_masks_of_the_model(
        tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    bag = write_scenes(tmp_path / 'drive')
    assert capture(bag, '--max', '3') == 0
    lines = manifest(tmp_path / 'hard')
    assert [line['image'] for line in lines] == [
        f'drive_{1000 + 2 * index}000000000.jpg' for index in (9, 10, 11)]
    # 2 * 11 of 48 squares are of low confidence.
    assert lines[2] == {
        'image': 'drive_1022000000000.jpg', 'bag': str(bag), 'frame': '11',
        'stamp_ns': str(1022 * S), 'mask': 'prediction', 'reason': 'unsure',
        'unsure': f'{22 / 48:.4f}', 'flicker': '', 'truth': '', 'second_model': '', 'driven': ''}
    assert '3 hard frames kept: unsure 3' in capsys.readouterr().out
    summary = json.loads((tmp_path / 'summary.json').read_text())
    assert summary['capture'] == {'frames': 3, 'by_reason': {
        'unsure': 3, 'flicker': 0, 'truth': 0, 'second_model': 0, 'driven': 0}}
    files = {str(path.relative_to(tmp_path / 'hard')) for path in (tmp_path / 'hard').rglob('*')}
    assert files == {'captured.yaml', 'manifest.csv', 'sheet.png', 'train', 'train/images',
                     'train/masks', *(f'train/images/{line["image"]}' for line in lines),
                     *(f'train/masks/{Path(line["image"]).stem}.png' for line in lines)}


def test_it_is_a_data_set_without_edits(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert capture(write_scenes(tmp_path / 'drive', labelled=6)) == 0
    folder = tmp_path / 'hard'
    assert main(['check', str(folder), '--adapter', str(folder / 'captured.yaml')]) == 0
    assert f'{len(manifest(folder))} images to use, 0 with a problem' in capsys.readouterr().out
    adapter = DatasetAdapter.load(str(folder / 'captured.yaml'))
    shipped = DatasetAdapter.load('world')
    for sample, line in zip(adapter.samples(folder, 'train'), manifest(folder), strict=True):
        index = int(line['frame'])
        _, truth = adapter.read(sample)
        expected = expected_classes(scene(index))
        if line['mask'] == 'truth':
            assert index < 6
            expected[:, :2 * index] = (expected[:, :2 * index] + 1) % 5
        np.testing.assert_array_equal(truth, expected)
        np.testing.assert_array_equal(shipped.read(sample)[1], truth)
    assert {line['mask'] for line in manifest(folder)} == {'truth', 'prediction'}


def test_recorded_jpeg_files_are_kept_byte_by_byte(tmp_path: Path) -> None:
    assert capture(write_scenes(tmp_path / 'drive', is_compressed=True)) == 0
    for line in manifest(tmp_path / 'hard'):
        image = tmp_path / 'hard' / 'train' / 'images' / line['image']
        assert image.read_bytes() == jpeg(scene(int(line['frame'])))


def test_errors_and_the_second_model_are_reasons(tmp_path: Path) -> None:
    second = write_tiny_model(tmp_path / 'second.onnx', HEIGHT, WIDTH // 2)
    assert capture(write_scenes(tmp_path / 'drive', labelled=COUNT), '--second-model',
                   str(second)) == 0
    for line in manifest(tmp_path / 'hard'):
        # Each column of 8 pixels is one square: 2 columns an index of 64 are wrong.
        assert line['truth'] == f'{2 * int(line["frame"]) / 64:.4f}'
        assert float(line['second_model']) < 1.0


def test_an_easy_drive_gives_an_empty_capture(tmp_path: Path,
                                              capsys: pytest.CaptureFixture) -> None:
    with create_bag(tmp_path / 'drive') as writer:
        writer.write('/image', messages.IMAGE, S, messages.encode_image(scene(0), S, 'camera'))
    assert capture(tmp_path / 'drive') == 0
    assert '0 hard frames kept\n' in capsys.readouterr().out
    assert manifest(tmp_path / 'hard') == []


def test_nothing_is_overwritten_unasked(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    bag = write_scenes(tmp_path / 'drive')
    assert capture(bag, '--max', '3') == 0
    assert capture(bag, '--max', '2') == 2
    assert 'add --force to replace a capture' in capsys.readouterr().err
    assert len(manifest(tmp_path / 'hard')) == 3
    assert capture(bag, '--max', '2', '--force') == 0
    assert len(manifest(tmp_path / 'hard')) == 2
    (tmp_path / 'other').mkdir()
    assert capture(bag, name='other') == 0  # an empty folder is no loss
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'notes.txt').touch()
    assert capture(bag, '--force', name='mine') == 2
    assert 'something else than a capture' in capsys.readouterr().err
    assert [path.name for path in (tmp_path / 'mine').iterdir()] == ['notes.txt']


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    bag = tmp_path / 'drive'
    with create_bag(bag) as writer:
        for index, data in enumerate((jpeg(scene(9)), b'no picture')):
            writer.write('/image/compressed', messages.COMPRESSED_IMAGE, index,
                         messages.encode_compressed(data, 'jpeg', index, 'camera'))
    assert capture(bag) == 2
    assert not list(tmp_path.glob('*hard*'))


def test_what_the_vehicle_drove_over_is_a_reason(tmp_path: Path) -> None:
    bag = tmp_path / 'drive'
    record(world('straight', 25, 1), bag)
    # The tiny model finds road in few places, so the vehicle drives over what is blocked.
    rules = tmp_path / 'rules.yaml'
    rules.write_text('road_seg: {ros__parameters: {grid.confidence_threshold: 0.0, '
                     'grid.pitch_uncertainty_deg: 0.0}}')
    assert capture(bag, '--params-file', str(rules)) == 0
    driven = [float(line['driven']) for line in manifest(tmp_path / 'hard') if line['driven']]
    assert driven
    assert max(driven) > 0.2


def test_a_vehicle_ahead_that_drives_on_is_no_reason(tmp_path: Path) -> None:
    bag = tmp_path / 'drive'
    record(world('straight', 25, 1), bag)
    with BagReader(bag) as reader:
        drive = Drive(reader)
        frame = next(drive.frames())
        track = read_track(reader, 'base_link')
    truth = messages.decode_mask(frame.truth)
    grid = messages.decode_grid(frame.grid_truth, frame.reasons_truth)
    parameters = checked_parameters({})
    known, unknown = (Driven(track, drive, parameters, labels) for labels in (
        ROAD_LABELS, replace(ROAD_LABELS, names=('background', 'road', 'sidewalk', 'bus', 'cow'))))
    assert known.blocked_share(frame, truth, grid) == 0.0
    assert unknown.blocked_share(frame, truth, grid) > 0.03


@pytest.mark.ros
def test_the_live_node_gives_the_same_capture(tmp_path: Path) -> None:
    pytest.importorskip('rclpy', reason='needs ROS 2')
    bag = write_scenes(tmp_path / 'drive', labelled=4)
    assert capture(bag, '--max', '5') == 0
    assert capture(bag, '--max', '5', mode='--lockstep', name='live') == 0
    here, live = (sorted(path for path in (tmp_path / name).rglob('*') if path.is_file())
                  for name in ('hard', 'live'))
    assert [path.read_bytes() for path in here] == [path.read_bytes() for path in live]
