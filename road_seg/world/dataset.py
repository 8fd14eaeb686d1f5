"""A drive as a labelled data set, for the adapter `world`."""

from collections.abc import Callable
from pathlib import Path

from road_seg.data.folder import create_data_set
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
    with create_data_set(folder, _JPEG_QUALITY) as add:
        for index, frame in enumerate(drive(scene, frames, seed)):
            add(f'{index:06d}', frame.rgb, frame.mask)
            progress(index + 1)
