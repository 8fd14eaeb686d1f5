"""Labelled images that calibrate or judge an exported model."""

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from road_seg.backends.model_file import ModelFile
from road_seg.data.adapter import DatasetAdapter
from road_seg.data.adapter import Sample


@dataclass(frozen=True)
class LabelledSet:
    """
    One split of a data set.

    :param name: adapter and split, as metadata names them.
    :param adapter: reads the samples.
    :param samples: the labelled images.
    """

    name: str
    adapter: DatasetAdapter
    samples: Sequence[Sample]

    @classmethod
    def open(cls, adapter: str, root: Path | str, split: str, model: ModelFile) -> 'LabelledSet':
        """
        Find the samples of a split.

        :param adapter: name of an adapter or path of its YAML file.
        :param root: folder of the data set.
        :param split: name of the split.
        :param model: the model whose classes the ids are mapped to.
        :raises RoadSegError: there is no such adapter, or no labelled image.
        """
        loaded = DatasetAdapter.load(adapter, model.labels)
        return cls(f'{loaded.name} {split}', loaded, loaded.samples(root, split))


def network_images(sets: Sequence[LabelledSet], count: int,
                   model: ModelFile) -> Iterator[np.ndarray]:
    """
    Yield images spread evenly over the sets, at the model's size.

    :param sets: an equal share comes from each, fewer where a set is small.
    :param count: number of images in all.
    :return: (1, H, W, 3) uint8 RGB each.
    """
    for labelled in sets:
        chosen = np.unique(np.linspace(0, len(labelled.samples) - 1,
                                       -(-count // len(sets))).astype(int))
        for index in chosen:
            rgb, _ = labelled.adapter.read(labelled.samples[index])
            yield stretched(rgb, model)


def stretched(rgb: np.ndarray, model: ModelFile) -> np.ndarray:
    """Return an image as the network's input (1, H, W, 3) uint8."""
    return cv2.resize(rgb, (model.width, model.height), interpolation=cv2.INTER_AREA)[np.newaxis]
