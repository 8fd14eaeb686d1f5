"""Scores on drawn drives."""

import json
from pathlib import Path

import pytest

from road_seg.backends import Backend
from road_seg.cli.main import main
from road_seg.grid import GridRules
from road_seg.replay.world import score_world


def test_true_masks_of_a_flat_road_give_the_true_grid() -> None:
    exact = GridRules(pitch_uncertainty_deg=0.0)
    done = []
    summary = score_world('straight', 2, 1, None, exact,
                          progress=lambda index, total: done.append((index, total)))
    assert summary['frames'] == 2
    assert done == [(1, 2), (2, 2)]
    assert summary['grid']['agreement'] > 0.97
    assert summary['grid']['coverage'] > 0.95
    assert summary['grid']['false_free_within_30'] < 0.01
    assert summary['model_sha256'] is None


def test_wrong_pitch_gives_obstacles_as_free_and_the_margin_prevents_it() -> None:
    def false_free(uncertainty: float, error: float) -> float:
        rules = GridRules(pitch_uncertainty_deg=uncertainty)
        summary = score_world('straight', 1, 1, None, rules, error)
        return summary['grid']['false_free_within_20']

    assert false_free(0.0, -2.0) > 2.0 * false_free(1.5, -2.0)


def test_network_in_place_of_the_true_mask(tiny_backend: Backend) -> None:
    summary = score_world('straight', 1, 1, tiny_backend, GridRules())
    assert summary.keys() >= {'miou', 'iou', 'boundary_f1', 'ece', 'grid', 'model_sha256'}
    assert summary['iou'].keys() == {'background', 'road', 'sidewalk', 'vehicle', 'person'}
    assert summary['backend'] == 'onnxruntime'


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / 'score.json'
    assert main(['score', '--world', 'straight', '--frames', '1', '--seed', '3', '--true-mask',
                 '--pitch-error', '0.5', '--pitch-uncertainty', '1', '--json', str(path)]) == 0
    summary = json.loads(path.read_text())
    assert summary['pitch_error_deg'] == 0.5
    assert summary['grid']['false_free'].keys() == {'0-10', '10-20', '20-30', '30-50'}
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ['range,', '0-10', '10-20', '20-30', '30-50',
                                                   '0-20', '0-30']


@pytest.mark.parametrize(('words', 'found'), [
    ([], 'neither'), (['x', '--world', 'straight'], 'both'), (['x'], 'a folder without'),
    (['--world', 'nowhere'], 'no such scene')])
def test_one_thing_to_score(words: list[str], found: str,
                            capsys: pytest.CaptureFixture) -> None:
    assert main(['score', *words]) == 2
    assert f'found {found}' in capsys.readouterr().err
