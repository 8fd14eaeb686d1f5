"""Two models over the same frames."""

import json
from pathlib import Path

from drives import HEIGHT
from drives import PERIOD_NS
from drives import START_NS
from drives import WIDTH
from drives import write_drive
import numpy as np
import pytest
from tiny_model import write_tiny_model

from road_seg.cli.main import main
from road_seg.errors import InputError
from road_seg.labels import LabelMap
from road_seg.replay.agreement import Agreement

LABELS = LabelMap(('ground', 'road', 'bus'), ((0, 0, 0), (9, 9, 9), (20, 20, 20)), ('road',))


def test_shares_and_iou_literally() -> None:
    agreement = Agreement(LABELS)
    assert agreement.update(1, np.array([[0, 0, 1, 1]], np.uint8),
                            np.array([[0, 1, 1, 1]], np.uint8)) == 0.75
    assert agreement.update(2, np.array([[1, 1, 1, 1]], np.uint8),
                            np.array([[1, 1, 0, 0]], np.uint8)) == 0.5
    assert agreement.summary() == {
        'frames': 2, 'share': 0.625, 'miou': (1 / 4 + 4 / 7) / 2,
        'iou': {'ground': 1 / 4, 'road': 4 / 7, 'bus': None},
        'by_frame': [{'stamp_ns': 1, 'share': 0.75}, {'stamp_ns': 2, 'share': 0.5}]}


def test_no_frames() -> None:
    assert Agreement(LABELS).summary() == {
        'frames': 0, 'share': None, 'miou': None, 'iou': dict.fromkeys(LABELS.names),
        'by_frame': []}


def test_masks_of_other_sizes_are_refused() -> None:
    with pytest.raises(InputError):
        Agreement(LABELS).update(1, np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8))


def replay(bag: Path, *words: str) -> int:
    """Replay a bag in this process."""
    return main(['replay', str(bag), '--in-process', '--backend', 'onnxruntime', '--report',
                 str(bag.parent / 'report'), *words])


def test_command_without_truth(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    bag = write_drive(tmp_path / 'drive', with_truth=False)
    model = write_tiny_model(tmp_path / 'model.onnx', HEIGHT, WIDTH)
    # Half as many columns: it sees the mean of two, and of two red values 3 apart.
    second = write_tiny_model(tmp_path / 'second.onnx', HEIGHT, WIDTH // 2)
    path = tmp_path / 'summary.json'
    assert replay(bag, '--model', str(model), '--second-model', str(second), '--json',
                  str(path)) == 0
    agreement = json.loads(path.read_text())['agreement']
    red = np.arange(WIDTH) * 3 % 160
    mean = (red.reshape(-1, 2).sum(axis=1) + 1) // 2
    expected = np.mean(red // 32 == np.repeat(mean // 32, 2))
    assert 0.5 < expected < 1.0
    assert agreement['share'] == pytest.approx(expected)
    assert agreement['model'] == str(second)
    assert [frame['stamp_ns'] for frame in agreement['by_frame']] == [
        START_NS + index * PERIOD_NS for index in range(3)]
    sentence = f'agreement with second: {100 * expected:.2f} % of the pixels'
    assert sentence in capsys.readouterr().out
    assert sentence in next(tmp_path.rglob('report.html')).read_text()


def test_a_model_of_other_classes_is_refused(tmp_path: Path,
                                             capsys: pytest.CaptureFixture) -> None:
    bag = write_drive(tmp_path / 'drive')
    model = write_tiny_model(tmp_path / 'model.onnx', HEIGHT, WIDTH)
    second = write_tiny_model(tmp_path / 'second.onnx', HEIGHT, WIDTH, labels=LABELS.to_json())
    assert replay(bag, '--model', str(model), '--second-model', str(second)) == 2
    assert 'found the classes ground, road, bus' in capsys.readouterr().err
