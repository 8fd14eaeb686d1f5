"""Turn pix2pix's picture|label pairs of Cityscapes into the data set's own layout."""

import argparse
from pathlib import Path

import cv2
import numpy as np

from road_seg.data.folder import write_picture
from road_seg.files import atomic_write

# Colour and id of each class: helpers/labels.py of cityscapesScripts.
PALETTE = {
    (0, 0, 0): 0, (111, 74, 0): 5, (81, 0, 81): 6, (128, 64, 128): 7, (244, 35, 232): 8,
    (250, 170, 160): 9, (230, 150, 140): 10, (70, 70, 70): 11, (102, 102, 156): 12,
    (190, 153, 153): 13, (180, 165, 180): 14, (150, 100, 100): 15, (150, 120, 90): 16,
    (153, 153, 153): 17, (250, 170, 30): 19, (220, 220, 0): 20, (107, 142, 35): 21,
    (152, 251, 152): 22, (70, 130, 180): 23, (220, 20, 60): 24, (255, 0, 0): 25, (0, 0, 142): 26,
    (0, 0, 70): 27, (0, 60, 100): 28, (0, 0, 90): 29, (0, 0, 110): 30, (0, 80, 100): 31,
    (0, 0, 230): 32, (119, 11, 32): 33,
}
# JPEG mixes the colours where two classes meet. What is farther than this from all of them, as
# the sum over the channels, is unlabelled.
LARGEST_DISTANCE = 40


def nearest_ids() -> np.ndarray:
    """Return the id of the nearest colour for every colour: 256 x 256 x 256 (RGB), uint8."""
    steps = np.arange(256, dtype=np.int16)
    ids = np.zeros((256, 256, 256), np.uint8)
    nearest = np.full(ids.shape, LARGEST_DISTANCE + 1, np.int16)
    for colour, class_id in PALETTE.items():
        red, green, blue = (np.abs(steps - value) for value in colour)
        distance = red[:, None, None] + green[:, None] + blue
        ids[distance < nearest] = class_id
        np.minimum(nearest, distance, out=nearest)
    return ids


def main() -> None:
    """Write every pair of the folders train and val, picture left and label right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('pairs', type=Path, help='folder with train/1.jpg, ... and val/1.jpg, ...')
    parser.add_argument('out', type=Path, help='new folder')
    arguments = parser.parse_args()
    if arguments.out.exists():
        parser.error(f'{arguments.out} exists; remove it or name another folder')
    ids = nearest_ids()
    with atomic_write(arguments.out) as out:
        for split in ('train', 'val'):
            paths = sorted((arguments.pairs / split).glob('*.jpg'))
            if not paths:
                parser.error(f'{arguments.pairs / split} has no .jpg; expected {split}/1.jpg, ...')
            pictures, labels = (out / kind / split / 'pairs' for kind in ('leftImg8bit', 'gtFine'))
            pictures.mkdir(parents=True)
            labels.mkdir(parents=True)
            for path in paths:
                pair = cv2.imread(str(path))
                if pair is None or pair.shape[1] % 2:
                    parser.error(f'{path} is no picture beside a label of its size')
                picture, label = np.hsplit(pair, 2)
                blue, green, red = np.moveaxis(label, -1, 0)
                write_picture(pictures / f'{path.stem}_leftImg8bit.png', picture)
                write_picture(labels / f'{path.stem}_gtFine_labelIds.png', ids[red, green, blue])


if __name__ == '__main__':
    main()
