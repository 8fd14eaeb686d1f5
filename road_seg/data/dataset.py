"""The stream of training crops."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from road_seg.data.adapter import DatasetAdapter
from road_seg.data.adapter import Sample
from road_seg.data.augmentation import augment
from road_seg.data.augmentation import Augmentation
from road_seg.labels import LabelMap
from road_seg.labels import UNLABELLED


@dataclass(frozen=True)
class Source:
    """One data set in the mixture: its adapter, its samples and its share of the crops."""

    adapter: DatasetAdapter
    samples: Sequence[Sample]
    weight: float


class CropStream(Dataset):
    """
    Item n is the n-th crop of training, a function of the seed and n alone.

    That makes a resumed run see the crops an uninterrupted one would.

    :param sources: the mixture.
    :param augmentation: how crops are changed.
    :param network: (height, width) of the network input.
    :param crop: (height, width) of the crops.
    :param seed: seed of the stream.
    :param start: number of the first crop.
    :param stop: number of the first crop after the last.
    """

    def __init__(self, sources: Sequence[Source], augmentation: Augmentation, *,
                 network: tuple[int, int], crop: tuple[int, int], seed: int, start: int,
                 stop: int) -> None:
        self.sources = sources
        self.augmentation = augmentation
        self.network = network
        self.crop = crop
        self.seed = seed
        self.start = start
        self.stop = stop
        weights = np.array([source.weight for source in sources], float)
        self.shares = weights / weights.sum()

    def __len__(self) -> int:
        """Return the number of crops left."""
        return self.stop - self.start

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return image (3, h, w) uint8, truth (h, w) uint8 and its allowed table (256, C)."""
        if index >= len(self):
            raise IndexError(index)
        rng = np.random.default_rng((self.seed, self.start + index))
        source = self.sources[rng.choice(len(self.sources), p=self.shares)]
        sample = source.samples[rng.integers(len(source.samples))]
        rgb, truth = augment(rng, self.augmentation, *source.adapter.read(sample),
                             network=self.network, crop=self.crop,
                             ego_id=_ego_id(source.adapter.labels))
        return (torch.from_numpy(rgb).permute(2, 0, 1), torch.from_numpy(truth),
                torch.from_numpy(source.adapter.allowed))


def _ego_id(labels: LabelMap) -> int:
    """Return the truth id of the own vehicle's bonnet: nothing anybody could drive on."""
    return labels.names.index('background') if 'background' in labels.names else UNLABELLED
