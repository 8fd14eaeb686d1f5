"""Two processes under torchrun train as one process does on the same batches."""

from pathlib import Path
import subprocess
import sys

import pytest
import torch
from training_run import write_run

from road_seg.training import distributed
from road_seg.training.checkpoint import Checkpoint


def train(folder: Path, config: Path, name: str, *launcher: str,
          words: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    """Run `road-seg train` in the folder and return the finished process."""
    return subprocess.run(
        [sys.executable, '-m', *launcher, 'road_seg.cli.main', 'train', str(config), '--data',
         str(folder), '--out', str(folder / name), *words],
        capture_output=True, text=True, timeout=300, check=False)


def test_two_processes_have_the_gradients_of_one(tmp_path: Path) -> None:
    config = write_run(tmp_path)
    text = config.read_text().replace('phases:', 'jaccard_weight: 0.5\nphases:')
    config.write_text(text.replace('steps: 4', 'steps: 1').replace('  - {steps: 2', '  # {'))
    one = train(tmp_path, config, 'one')
    two = train(tmp_path, config, 'two', 'torch.distributed.run', '--standalone',
                '--nproc-per-node', '2', '-m')
    assert (one.returncode, two.returncode) == (0, 0), one.stderr + two.stderr
    # One process reports.
    assert two.stdout.count('camvid train') == one.stdout.count('camvid train') == 1
    expected, found = (Checkpoint.load(tmp_path / name / 'checkpoint.safetensors')
                       for name in ('one', 'two'))
    assert expected.step == found.step == 1
    # After one step Adam's first moment is a tenth of the gradient.
    moments = [key for key in expected.tensors if key.endswith('.exp_avg')]
    assert moments
    largest = max(expected.tensors[key].abs().max() for key in moments)
    for key in moments:
        torch.testing.assert_close(found.tensors[key], expected.tensors[key], rtol=1e-3,
                                   atol=1e-5 * float(largest), msg=key)
    for key, value in expected.part('model').items():
        if 'running' in key:
            torch.testing.assert_close(found.part('model')[key], value, rtol=1e-4, atol=1e-6)


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    config = write_run(tmp_path)
    config.write_text(config.read_text().replace('batch_size: 2', 'batch_size: 3'))
    done = train(tmp_path, config, 'run', 'torch.distributed.run', '--standalone',
                 '--nproc-per-node', '2', '-m')
    assert done.returncode != 0
    assert 'batch_size: found 3; expected a multiple of the 2 processes' in done.stderr


@pytest.mark.parametrize(('size', 'rank', 'items'), [
    (1, 0, [0, 1, 2, 3, 4, 5, 6, 7]), (2, 0, [0, 1, 4, 5]), (2, 1, [2, 3, 6, 7])])
def test_the_share_of_a_process(monkeypatch: pytest.MonkeyPatch, size: int, rank: int,
                                items: list[int]) -> None:
    monkeypatch.setattr(distributed, 'size', lambda: size)
    monkeypatch.setattr(distributed, 'rank', lambda: rank)
    assert distributed.local_share(8, 4) == items
