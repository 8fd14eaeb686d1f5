"""A training run small enough for tests."""

from pathlib import Path

import cv2
import numpy as np

CONFIG = """
network: {encoder: classic, classic_width: 4, decoder_widths: [16, 12, 8, 6]}
pretrained: false
seed: 3
batch_size: 2
workers: 0
validate_every: 6
phases:
  - {steps: 4, learning_rate: 0.01, warmup_steps: 2, input: [32, 64], crop: [32, 32]}
  - {steps: 2, learning_rate: 0.005, input: [64, 64], crop: [32, 64]}
datasets: [{adapter: camvid, root: set, split: train, licence: generated}]
validation: [{adapter: camvid, root: set, split: train}]
"""


def write_run(folder: Path) -> Path:
    """Write four images, road below and background above, and return the configuration."""
    rng = np.random.default_rng(0)
    for kind in ('images', 'masks'):
        (folder / 'set/train' / kind).mkdir(parents=True)
    for index in range(4):
        ids = np.zeros((32, 64), np.uint8)
        ids[rng.integers(8, 24):] = 3
        rgb = np.where(ids[..., None] == 3, 90, 180) + rng.integers(-20, 20, (32, 64, 3))
        cv2.imwrite(str(folder / f'set/train/images/{index}.jpg'), rgb.astype(np.uint8))
        cv2.imwrite(str(folder / f'set/train/masks/{index}.png'), ids)
    (folder / 'run.yaml').write_text(CONFIG)
    return folder / 'run.yaml'
