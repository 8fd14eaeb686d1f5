"""A run that is killed and started again is the run it would have been."""

import copy
from pathlib import Path
import subprocess
import sys
import time

import torch
from training_run import write_run

from road_seg.training.checkpoint import Checkpoint
from road_seg.training.checkpoint import optimizer_tensors
from road_seg.training.checkpoint import restore_optimizer

PATIENCE_S = 120.0


def start(folder: Path, config: Path, name: str) -> subprocess.Popen:
    """Start `road-seg train` as a process."""
    return subprocess.Popen(
        [sys.executable, '-m', 'road_seg.cli.main', 'train', str(config), '--data', str(folder),
         '--out', str(folder / name)], stdout=subprocess.PIPE, text=True)


def test_killed_and_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    config = write_run(tmp_path)
    config.write_text(config.read_text().replace('steps: 4', 'steps: 200')
                      + 'checkpoint_minutes: 0.005\n')
    checkpoint = tmp_path / 'killed' / 'checkpoint.safetensors'
    killed = start(tmp_path, config, 'killed')
    deadline = time.monotonic() + PATIENCE_S
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    killed.kill()
    killed.communicate()
    assert 0 < Checkpoint.load(checkpoint).step < 202
    out, _ = start(tmp_path, config, 'killed').communicate(timeout=PATIENCE_S)
    assert out.startswith('resumed at step ')
    start(tmp_path, config, 'whole').communicate(timeout=PATIENCE_S)
    whole = Checkpoint.load(tmp_path / 'whole' / 'checkpoint.safetensors')
    resumed = Checkpoint.load(checkpoint)
    assert resumed.step == whole.step == 202
    assert resumed.metadata['history'] == whole.metadata['history']
    assert len(whole.metadata['history']) == 10
    for key, value in whole.tensors.items():
        assert torch.equal(resumed.tensors[key], value), key


def test_restored_moments_lie_in_memory_as_their_parameters() -> None:
    layer = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(layer.parameters(), fused=True)
    layer(torch.rand(1, 3, 8, 8)).sum().backward()
    optimizer.step()
    stored = {key.removeprefix('optimizer.'): value.clone(memory_format=torch.contiguous_format)
              for key, value in optimizer_tensors(optimizer).items()}
    before = copy.deepcopy(optimizer.state[layer.weight])
    restore_optimizer(optimizer, stored)
    for slot in ('exp_avg', 'exp_avg_sq'):
        moment = optimizer.state[layer.weight][slot]
        assert moment.stride() == layer.weight.stride() == (27, 1, 9, 3)
        assert torch.equal(moment, before[slot])
    optimizer.step()
