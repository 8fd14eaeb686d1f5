"""What is wrong with a labelled data set, and what is in it."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
import math
from pathlib import Path

import cv2
import numpy as np

from road_seg.data.adapter import DatasetAdapter
from road_seg.errors import InputError
from road_seg.files import atomic_write
from road_seg.labels import UNLABELLED
from road_seg.overlay import draw_overlay

_TILE = (240, 160)  # (width, height) of a picture on the sheet
_COLUMNS = 6
_ROWS = 6


@dataclass
class Findings:
    """
    What was found.

    :param problems: a line for each image that cannot be used.
    :param images: images that can be used.
    :param pixels: by truth id, (256,) int64.
    """

    problems: list[str] = field(default_factory=list)
    images: int = 0
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))

    def shares(self, adapter: DatasetAdapter) -> dict[str, float]:
        """Return the share of the pixels, 0..1, of each class and set of classes there is."""
        names = [*adapter.labels.names,
                 *(' or '.join(adapter.labels.names[index] for index in classes)
                   for classes in adapter.partial_sets)]
        by_name = {**dict(zip(names, self.pixels.tolist(), strict=False)),
                   'ignored': int(self.pixels[UNLABELLED])}
        total = max(1, int(self.pixels.sum()))
        return {name: count / total for name, count in by_name.items() if count}


def check_data_set(adapter: DatasetAdapter, root: Path, split: str, sheet: Path | None = None,
                   progress: Callable[[int, int], None] = lambda done, total: None,
                   keep: Callable[[Path, Path], None] | None = None) -> Findings:
    """
    Read every image of a split with its mask.

    :param sheet: PNG file for a contact sheet of images spread over the split.
    :param keep: called with the files of each image that can be used.
    :param progress: called with the numbers of images read and in all.
    :raises InputError: there is no image at all, or the sheet cannot be written.
    """
    pairs = adapter.pairs(root, split)
    findings = Findings()
    step = math.ceil(len(pairs) / (_COLUMNS * _ROWS))
    tiles = []
    for index, sample in enumerate(pairs):
        try:
            sample.check()
            rgb, truth = adapter.read(sample)
        except InputError as error:
            findings.problems.append(str(error))
        else:
            if keep:
                keep(sample.image, sample.mask)
            findings.images += 1
            findings.pixels += np.bincount(truth.ravel(), minlength=256)
            if index % step == 0:
                tiles.append(_tile(adapter, rgb, truth))
        progress(index + 1, len(pairs))
    if sheet is not None and tiles:
        _write_sheet(sheet, tiles)
    return findings


def _tile(adapter: DatasetAdapter, rgb: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return a small overlay; partial labels in the mixed colour of their classes."""
    palette = adapter.labels.palette.copy()
    for index, classes in enumerate(adapter.partial_sets):
        palette[len(adapter.labels.names) + index] = palette[list(classes)].mean(axis=0)
    small = cv2.resize(truth, _TILE, interpolation=cv2.INTER_NEAREST)
    return draw_overlay(cv2.resize(rgb, _TILE, interpolation=cv2.INTER_AREA), small, palette)


def _write_sheet(path: Path, tiles: list[np.ndarray]) -> None:
    tiles = [*tiles, *[np.zeros_like(tiles[0])] * (-len(tiles) % _COLUMNS)]
    rows = [np.hstack(tiles[first:first + _COLUMNS]) for first in range(0, len(tiles), _COLUMNS)]
    with atomic_write(path) as temporary:
        _, data = cv2.imencode('.png', np.vstack(rows)[..., ::-1])
        temporary.write_bytes(data.tobytes())
