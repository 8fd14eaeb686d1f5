"""What is wrong with a labelled data set, and what is in it."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
import math
from pathlib import Path

import numpy as np

from road_seg.data.adapter import DatasetAdapter
from road_seg.data.sheet import COLUMNS
from road_seg.data.sheet import draw_tile
from road_seg.data.sheet import ROWS
from road_seg.data.sheet import write_sheet
from road_seg.errors import InputError
from road_seg.histogram import histogram
from road_seg.labels import UNLABELLED


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
    step = math.ceil(len(pairs) / (COLUMNS * ROWS))
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
            findings.pixels += histogram(truth)
            if index % step == 0:
                tiles.append(_tile(adapter, rgb, truth))
        progress(index + 1, len(pairs))
    if sheet is not None and tiles:
        write_sheet(sheet, tiles)
    return findings


def _tile(adapter: DatasetAdapter, rgb: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return a small overlay; partial labels in the mixed colour of their classes."""
    palette = adapter.labels.palette.copy()
    for index, classes in enumerate(adapter.partial_sets):
        palette[len(adapter.labels.names) + index] = palette[list(classes)].mean(axis=0)
    return draw_tile(rgb, truth, palette)
