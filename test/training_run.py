"""A training run small enough for tests."""

from pathlib import Path

from road_sets import write_road_set

CONFIG = """
network: {encoder: classic, classic_width: 4, decoder_widths: [16, 12, 8, 6]}
pretrained: false
seed: 3
batch_size: 2
precision: float32
workers: 0
validate_every: 6
phases:
  - {steps: 4, learning_rate: 0.01, warmup_steps: 2, input: [32, 64], crop: [32, 32]}
  - {steps: 2, learning_rate: 0.005, input: [64, 64], crop: [32, 64]}
datasets: [{adapter: camvid, root: set, split: train, licence: generated}]
validation: [{adapter: camvid, root: set, split: train}]
"""


def write_run(folder: Path) -> Path:
    """Write four labelled images and return the configuration."""
    write_road_set(folder / 'set', 4, (32, 64), horizon=(8, 24), noise=20)
    (folder / 'run.yaml').write_text(CONFIG)
    return folder / 'run.yaml'
