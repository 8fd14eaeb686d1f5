"""Checkpoints: safetensors files, written atomically, that resume exactly."""

from dataclasses import dataclass
import json
from pathlib import Path

from safetensors import safe_open
from safetensors import SafetensorError
from safetensors.torch import save
import torch

from road_seg.errors import in_words
from road_seg.errors import InputError
from road_seg.files import atomic_write
from road_seg.network.unet import UNet
from road_seg.network.unet import UNetConfig
from road_seg.resources import shipped


@dataclass(frozen=True)
class Checkpoint:
    """
    Everything a run continues from.

    :param step: finished optimiser steps.
    :param tensors: `model.*`, `ema.*` and `optimizer.<parameter>.<slot>`.
    :param metadata: network, digest of the configuration, loss history and more, as JSON values.
    """

    step: int
    tensors: dict[str, torch.Tensor]
    metadata: dict

    def part(self, prefix: str) -> dict[str, torch.Tensor]:
        """Return the tensors of one part, its prefix removed."""
        return {key.removeprefix(f'{prefix}.'): value for key, value in self.tensors.items()
                if key.startswith(f'{prefix}.')}

    def weights(self) -> 'Checkpoint':
        """Return the averaged weights alone, kernels in half precision, to start runs from."""
        averaged = {f'ema.{key}': value.half() if value.ndim > 1 else value
                    for key, value in self.part('ema').items()}
        return Checkpoint(self.step, averaged, {**self.metadata, 'digest': None, 'history': []})

    def save(self, path: Path) -> None:
        """Write the checkpoint; the file appears whole or not at all."""
        text = json.dumps({'step': self.step, **self.metadata})
        with atomic_write(path) as temporary:
            # Not save_file: its files may be read by their owner only.
            temporary.write_bytes(save(
                {key: value.contiguous() for key, value in self.tensors.items()},
                {'road_seg': text}))

    @classmethod
    def load(cls, path: Path | str) -> 'Checkpoint':
        """
        Read a checkpoint.

        :param path: the file, or the bare name of shipped weights (`road_unet`).
        :raises InputError: the file is missing, damaged or not a road_seg checkpoint.
        """
        path = shipped(path, '.safetensors')
        try:
            with safe_open(str(path), 'pt') as file:
                metadata = json.loads(file.metadata()['road_seg'])
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise InputError(path, found=in_words(error),
                             expected='a checkpoint written by `road-seg train`',
                             fix="name a run's checkpoint.safetensors") from error
        return cls(metadata.pop('step'), tensors, metadata)

    def network(self) -> UNet:
        """Return the network with its averaged weights, in evaluation mode."""
        network = UNet(UNetConfig.from_dict(self.metadata['network']))
        network.load_state_dict(self.part('ema'))
        return network.eval()


def mean_weights(shares: dict[Path, float]) -> dict[str, torch.Tensor]:
    """
    Return the mean of the averaged weights of checkpoints of one network.

    Means of what one run passes through can score better than any of it: Izmailov et al.,
    "Averaging Weights Leads to Wider Optima and Better Generalization" (2018).

    :param shares: checkpoint files and their shares, which sum to 1.
    :raises InputError: a file is missing, damaged or no checkpoint.
    """
    parts = [(Checkpoint.load(path).part('ema'), share) for path, share in shares.items()]
    return {key: sum(share * part[key].float() for part, share in parts)
            if value.is_floating_point() else value for key, value in parts[-1][0].items()}


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Return the optimiser's state as named tensors."""
    return {f'optimizer.{index}.{slot}': value
            for index, state in optimizer.state_dict()['state'].items()
            for slot, value in state.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer,
                      tensors: dict[str, torch.Tensor]) -> None:
    """Put back what optimizer_tensors returned, the prefix `optimizer.` removed."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        index, slot = key.split('.')
        state.setdefault(int(index), {})[slot] = value
    optimizer.load_state_dict({**optimizer.state_dict(), 'state': state})
    for parameter, slots in optimizer.state.items():
        for slot, value in slots.items():
            if value.shape == parameter.shape:
                # Files know one memory format; a fused optimiser wants the parameter's.
                slots[slot] = torch.empty_like(parameter).copy_(value)
