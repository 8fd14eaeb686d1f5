"""Paired differences, their intervals, the gate and what CI reads of it."""

import json
from pathlib import Path
from xml.etree import ElementTree

from drives import HEIGHT
from drives import picture
from drives import truth_of
from drives import WIDTH
from drives import write_drive
from html_page import check_structure
import numpy as np
import pytest
from tiny_model import write_tiny_model

from road_seg.bags import messages
from road_seg.bags.writer import create_bag
from road_seg.cli.main import main
from road_seg.errors import ConfigError
from road_seg.errors import InputError
from road_seg.replay.compare import differences
from road_seg.replay.compare import read_gate
from road_seg.replay.compare import Run
from road_seg.replay.compare import worst_regressions

NAMES = ('background', 'road')


def run_of(right: list[int], stamps: list[int] | None = None) -> Run:
    """Return a run of frames of 50 road and 50 other pixels; `right` road pixels are found."""
    counts = [[[50, 50, 100 - found], [found, 50, found]] for found in right]
    summary = {'miou': 0.5, 'iou': {'road': sum(right) / (50 * len(right))}}
    return Run(Path('run.json'), summary, tuple(stamps or range(len(right))),
               np.array(counts), NAMES)


def test_scores_are_those_of_one_confusion_matrix():
    a, b = run_of([50, 40, 30]), run_of([50, 20, 20])
    by_metric = {each.metric: each for each in differences(a, b)}
    assert by_metric['iou.road'].a == pytest.approx(120 / 150)
    assert by_metric['iou.road'].b == pytest.approx(90 / 150)
    assert by_metric['iou.background'].a == pytest.approx(150 / (150 + 30))
    assert by_metric['miou'].change == pytest.approx(
        (90 / 150 + 150 / 210 - 120 / 150 - 150 / 180) / 2)


def test_equal_runs_differ_by_nothing():
    run = run_of(list(range(50)))
    assert {(each.change, each.low, each.high) for each in differences(run, run)} == {
        (0.0, 0.0, 0.0)}
    assert worst_regressions(run, run, 5) == []


def test_the_interval_holds_the_change_and_a_constant_change_has_no_width():
    generator = np.random.default_rng(1)
    right = generator.integers(20, 41, 400)
    noisy = right + generator.integers(-4, 7, 400)
    road = differences(run_of(right.tolist()), run_of(noisy.tolist()))[2]
    assert road.low < road.change < road.high
    # The change of a frame has a standard deviation of 3.16 / 50; of 400 frames' mean 0.0032.
    assert road.high - road.low == pytest.approx(2 * 1.96 * 0.00316, rel=0.3)
    shifted = differences(run_of(right.tolist()), run_of((right + 5).tolist()))[2]
    assert (shifted.low, shifted.high) == pytest.approx((0.1, 0.1))


def test_the_worst_frames_come_first():
    a, b = run_of([50, 50, 50, 50], [7, 8, 9, 10]), run_of([50, 10, 40, 30], [7, 8, 9, 10])
    assert [stamp for stamp, _ in worst_regressions(a, b, 2)] == [8, 10]


def test_other_frames_are_refused():
    with pytest.raises(InputError, match='replay or score the same with both models'):
        differences(run_of([1, 2]), run_of([1, 2], [5, 6]))


def test_limits(tmp_path: Path):
    path = tmp_path / 'gate.yaml'
    path.write_text('- {metric: iou.road, minimum: 0.7}\n- {metric: iou.road, maximum: 0.7}\n'
                    '- {metric: iou.road, no_regression: 0.1}\n'
                    '- {metric: iou.road, no_regression: 0.3}\n')
    a, b = run_of([40]), run_of([30])
    assert [limit.failure(a, b) for limit in read_gate(path)] == [
        'iou.road is 0.6000, minimum 0.7', None,
        'iou.road fell from 0.8000 to 0.6000, by more than 0.1', None]
    path.write_text('- {metric: iou.rode, minimum: 0.7}')
    with pytest.raises(ConfigError, match=r'the metric iou\.rode'):
        read_gate(path)[0].failure(a, b)


@pytest.mark.parametrize('text', ['', '[]', 'a: 1', '- {metric: miou}', '- {minimum: 1}', '{',
                                  '- {metric: miou, above: 1}', '- {metric: miou, minimum: x}',
                                  '- {metric: miou, minimum: 1, maximum: 2}'])
def test_a_wrong_gate_file_is_named(tmp_path: Path, text: str):
    (tmp_path / 'gate.yaml').write_text(text)
    with pytest.raises(ConfigError, match=r'gate\.yaml: found .*; use the rules minimum'):
        read_gate(tmp_path / 'gate.yaml')


def test_from_two_replays_to_a_verdict(tmp_path: Path, capsys: pytest.CaptureFixture):
    model = write_tiny_model(tmp_path / 'model.onnx', HEIGHT, WIDTH)
    bag = write_drive(tmp_path / 'drive', count=8)
    with create_bag(tmp_path / 'shifted') as writer:  # the same stamps and truth, other pictures
        for index in range(8):
            stamp = 1_000 * 10**9 + index * 100_000_000
            moved = np.roll(picture(index), 3 if index == 5 else 1, axis=1)
            for topic, image in (('/camera/image_raw', moved),
                                 ('/road_mask/truth', truth_of(picture(index)))):
                writer.write(topic, messages.IMAGE, stamp,
                             messages.encode_image(image, stamp, 'camera'))
    for name, path in (('a', bag), ('b', tmp_path / 'shifted')):
        assert main(['replay', str(path), '--in-process', '--model', str(model), '--backend',
                     'onnxruntime', '--report', str(tmp_path / name), '--out',
                     str(tmp_path / name / 'outputs'), '--json', str(tmp_path / f'{name}.json')
                     ]) == 0
    (tmp_path / 'gate.yaml').write_text('- {metric: miou, no_regression: 0.01}\n'
                                        '- {metric: frames, minimum: 8}\n')
    words = ['--gate', str(tmp_path / 'gate.yaml'), '--json', str(tmp_path / 'c.json'),
             '--report', str(tmp_path / 'report')]
    a, b = str(tmp_path / 'a.json'), str(tmp_path / 'b.json')
    assert main(['compare', a, a, *words]) == 0
    assert main(['compare', a, b, *words]) == 1
    assert 'gate: miou fell from 1.0000 to ' in capsys.readouterr().out
    result = json.loads((tmp_path / 'c.json').read_text())
    assert result['differences'][0]['metric'] == 'miou'
    assert result['differences'][0]['high'] < 0.0
    suite = ElementTree.parse(tmp_path / 'c.xml').getroot()
    assert (suite.get('tests'), suite.get('failures')) == ('2', '1')
    assert [case.find('failure') is not None for case in suite] == [True, False]
    page = (tmp_path / 'report' / 'compare.html').read_text()
    check_structure(page)
    assert page.index('Worst regressions') < page.index('<h2 id="differences">')
    assert page.index('Frame 5: mean IoU') < page.index('Frame 0: mean IoU')
    assert page.count('errors B of Frame') == 8


def test_two_models_over_a_bag(tmp_path: Path, capsys: pytest.CaptureFixture):
    a = write_tiny_model(tmp_path / 'a.onnx', HEIGHT, WIDTH)
    b = write_tiny_model(tmp_path / 'b.onnx', HEIGHT // 2, WIDTH // 2)
    bag = write_drive(tmp_path / 'drive', count=4)
    words = ['compare', str(a), str(b), '--bag', str(bag), '--backend', 'onnxruntime',
             '--report', str(tmp_path / 'report'), '--json', str(tmp_path / 'c.json')]
    assert main(words) == 0
    result = json.loads((tmp_path / 'c.json').read_text())
    assert result['frames'] == 4
    assert result['differences'][0]['a'] == 1.0
    page = (tmp_path / 'report' / 'compare.html').read_text()
    assert str(bag) in page
    assert (tmp_path / 'report' / 'b' / 'report.html').is_file()
    assert main(words) == 2  # the bags of answers are there
    assert '--force' in capsys.readouterr().err
    assert main([*words, '--force']) == 0


def test_a_replay_without_truth_cannot_be_compared(tmp_path: Path):
    (tmp_path / 'a.json').write_text('{"labelled": [], "iou": {"road": null}}')
    with pytest.raises(InputError, match='no scores by frame'):
        Run.load(tmp_path / 'a.json')
