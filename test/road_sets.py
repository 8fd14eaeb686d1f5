"""Small labelled sets that tests write."""

from pathlib import Path

import cv2
import numpy as np


def write_road_set(root: Path, count: int, size: tuple[int, int], horizon: tuple[int, int],
                   noise: int) -> None:
    """
    Write images in CamVid's layout, split train: dark road below, bright background above.

    :param size: (height, width) of the images.
    :param horizon: first and end row of those the road may begin at.
    :param noise: largest change of a pixel.
    """
    rng = np.random.default_rng(0)
    for kind in ('images', 'masks'):
        (root / 'train' / kind).mkdir(parents=True)
    for index in range(count):
        ids = np.zeros(size, np.uint8)
        ids[rng.integers(*horizon):] = 3
        rgb = np.where(ids[..., None] == 3, 90, 180) + rng.integers(-noise, noise, (*size, 3))
        cv2.imwrite(str(root / f'train/images/{index}.jpg'), rgb.astype(np.uint8))
        cv2.imwrite(str(root / f'train/masks/{index}.png'), ids)
