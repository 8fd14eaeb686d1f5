"""A drive as a labelled data set, for the adapter `world`."""

from collections.abc import Callable
from pathlib import Path

import cv2

from road_seg.files import atomic_write
from road_seg.world.drive import drive

_JPEG_QUALITY = 95


def write_dataset(folder: Path, scene: str, frames: int, seed: int = 0, *,
                  progress: Callable[[int], None] = lambda done: None) -> None:
    """
    Write train/images/NNNNNN.jpg and train/masks/NNNNNN.png; the folder appears when complete.

    :param folder: to make.
    :param scene: one of road_seg.world.drive.SCENES.
    :param seed: of all that is drawn at random.
    :param progress: called after each frame with the number of frames written.
    :raises RoadSegError: no such scene, or the folder exists or cannot be made.
    """
    with atomic_write(folder) as temporary:
        images, masks = temporary / 'train' / 'images', temporary / 'train' / 'masks'
        images.mkdir(parents=True)
        masks.mkdir()
        for index, frame in enumerate(drive(scene, frames, seed)):
            cv2.imwrite(str(images / f'{index:06d}.jpg'),
                        cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2BGR),
                        (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
            cv2.imwrite(str(masks / f'{index:06d}.png'), frame.mask)
            progress(index + 1)
