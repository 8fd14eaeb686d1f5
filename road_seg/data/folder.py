"""Writing images and masks as a data set in folders."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
import os
from pathlib import Path

import cv2
import numpy as np

from road_seg.files import atomic_write

# (stem, (H, W, 3) uint8 RGB, (H, W) uint8 ids)
AddSample = Callable[[str, np.ndarray, np.ndarray], None]


@contextmanager
def create_data_set(folder: str | os.PathLike, jpeg_quality: int) -> Iterator[AddSample]:
    """
    Yield what adds images as train/images/STEM.jpg and masks as train/masks/STEM.png.

    :param folder: to make; it appears when the block succeeds, else nothing remains.
    :param jpeg_quality: 0..100.
    :raises InputError: the folder exists or cannot be made.
    """
    with atomic_write(folder) as temporary:
        images, masks = temporary / 'train' / 'images', temporary / 'train' / 'masks'
        images.mkdir(parents=True)
        masks.mkdir()

        def add(stem: str, rgb: np.ndarray, ids: np.ndarray) -> None:
            write_picture(images / f'{stem}.jpg', cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR),
                          (cv2.IMWRITE_JPEG_QUALITY, jpeg_quality))
            write_picture(masks / f'{stem}.png', ids)

        yield add


def write_picture(path: Path, picture: np.ndarray, options: Sequence[int] = ()) -> None:
    """
    Write a picture in the format of its suffix.

    :param picture: (H, W, 3) uint8 BGR or (H, W) uint8.
    :param options: OpenCV's IMWRITE flags and their values.
    :raises OSError: it cannot be written; cv2.imwrite would say so only by what it returns.
    """
    _, data = cv2.imencode(path.suffix, picture, options)
    path.write_bytes(data)
