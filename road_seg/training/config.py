"""The validated configuration of a training run."""

from dataclasses import dataclass
from dataclasses import field
from dataclasses import fields
from dataclasses import replace
from hashlib import sha256
import json
import math
from pathlib import Path

import yaml

from road_seg.data.augmentation import Augmentation
from road_seg.errors import ConfigError
from road_seg.network.unet import SIZE_MULTIPLE
from road_seg.network.unet import UNetConfig

PRECISIONS = ('auto', 'float32', 'bfloat16')


@dataclass(frozen=True)
class DatasetSpec:
    """
    One data set of a run.

    :param adapter: adapter name or YAML path.
    :param root: folder, relative to the data root.
    :param split: split of the adapter.
    :param weight: share of the training crops, in any unit.
    :param licence: source and licence, kept in the model's metadata.
    :param first_phase: number of the first phase that trains on it, from 0.
    """

    adapter: str
    root: str
    split: str
    weight: float = 1.0
    licence: str = 'not stated'
    first_phase: int = 0


@dataclass(frozen=True)
class Phase:
    """
    One stretch of training with a learning-rate cycle and crops of its own.

    :param steps: optimiser steps.
    :param learning_rate: peak rate of AdamW; linear warm-up, then half a cosine to zero.
    :param warmup_steps: steps of the warm-up.
    :param input: (height, width) the network runs at, multiples of 32.
    :param crop: (height, width) of training crops, multiples of 32.
    :param augmentation: how crops are changed.
    :param ema_decay: decay a step of the averaged weights.
    :param mean: phases from 0 up to this one, and shares that sum to 1: this phase ends with that
        mean of the averaged weights they ended with. Empty: with its own averaged weights.
    """

    steps: int
    learning_rate: float = 1e-3
    warmup_steps: int = 0
    input: tuple[int, int] = (320, 512)
    crop: tuple[int, int] = (224, 352)
    augmentation: Augmentation = field(default_factory=Augmentation)
    ema_decay: float = 0.998
    mean: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse values no run can use."""
        _check_positive(self, ('steps', 'learning_rate'))
        if not 0 <= self.ema_decay < 1:
            raise ConfigError('ema_decay', found=str(self.ema_decay), expected='0 <= value < 1',
                              fix='correct the value')
        for name in ('input', 'crop'):
            size = getattr(self, name)
            if len(size) != 2 or any(side < 1 or side % SIZE_MULTIPLE for side in size):
                raise ConfigError(name, found=str(size), fix='correct the value',
                                  expected=f'height and width, multiples of {SIZE_MULTIPLE}')

    def rate(self, step: int) -> float:
        """Return the learning rate of the phase's `step`-th step, from 0."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


@dataclass(frozen=True)
class TrainingConfig:
    """
    Everything a run depends on; the same file gives the same run.

    :param network: what to build.
    :param datasets: the training mixture.
    :param phases: what is done one after the other; the last one's input is the network's.
    :param validation: sets scored during training.
    :param pretrained: true: start the encoder from ImageNet weights; a path, or the bare name of
        shipped weights: start from the averaged weights of that checkpoint, of the same network.
    :param encoder_rate: the encoder's learning rate as a share of the decoder's.
    :param head_rate: the head's learning rate as a share of the decoder's.
    :param jaccard_weight: weight of the soft Jaccard loss beside the cross-entropy.
    :param precision: of the network's layers: `float32`, `bfloat16` (mixed precision), or `auto`,
        bfloat16 on CUDA and on CPUs with AMX.
    :param validate_every: steps between validations.
    :param checkpoint_minutes: minutes between checkpoints.
    :param threads: threads of the network; results may differ in the last bits with it.
    :param workers: processes that read and augment; no effect on results. 0: one, or for a GPU
        one for each CPU.
    """

    network: UNetConfig
    datasets: tuple[DatasetSpec, ...]
    phases: tuple[Phase, ...]
    validation: tuple[DatasetSpec, ...] = ()
    pretrained: bool | str = True
    seed: int = 0
    batch_size: int = 8
    encoder_rate: float = 1.0
    head_rate: float = 1.0
    jaccard_weight: float = 0.0
    weight_decay: float = 1e-2
    precision: str = 'auto'
    validate_every: int = 1000
    checkpoint_minutes: float = 5.0
    threads: int = 1
    workers: int = 0

    def __post_init__(self) -> None:
        """Refuse values no run can use."""
        _check_positive(self, ('batch_size', 'encoder_rate', 'head_rate', 'validate_every',
                               'threads'))
        for name in ('datasets', 'phases'):
            if not getattr(self, name):
                raise ConfigError(name, found='none', expected='at least one', fix='add one')
        if self.precision not in PRECISIONS:
            raise ConfigError('precision', found=repr(self.precision),
                              expected=f'one of {", ".join(PRECISIONS)}', fix='correct the name')
        for number, phase in enumerate(self.phases):
            if phase.mean and not _are_shares(phase.mean, number):
                raise ConfigError(f'mean of phase {number}', found=str(phase.mean),
                                  expected=f'shares, summing to 1, of phases 0 to {number}',
                                  fix='correct it')
        if all(item.first_phase for item in self.datasets):
            raise ConfigError('datasets', found='none for the first phase',
                              expected='one with first_phase 0', fix='correct first_phase')

    @property
    def steps(self) -> int:
        """Optimiser steps of all phases."""
        return sum(phase.steps for phase in self.phases)

    @property
    def input(self) -> tuple[int, int]:
        """(height, width) the trained network runs at."""
        return self.phases[-1].input

    def phase_at(self, step: int) -> tuple[int, int]:
        """Return the number of the phase of a step of the run, and that phase's first step."""
        first = 0
        for number, phase in enumerate(self.phases[:-1]):
            if step < first + phase.steps:
                return number, first
            first += phase.steps
        return len(self.phases) - 1, first

    def without(self, adapter: str) -> 'TrainingConfig':
        """
        Return the run without the training sets of an adapter.

        :raises ConfigError: there is none, or no other.
        """
        kept = tuple(item for item in self.datasets if item.adapter != adapter)
        if kept == self.datasets:
            names = dict.fromkeys(item.adapter for item in kept)
            raise ConfigError('data set to leave out', found=adapter,
                              expected=f'one of {", ".join(names)}', fix='correct the name')
        return replace(self, datasets=kept)

    def digest(self, step: int) -> str:
        """
        Return a hash of what the weights after `step` steps depend on; a resume must match it.

        Phases to come and the data sets that enter with them are not part of it, so that a run can
        be given more of them.
        """
        begun = self.phase_at(max(0, step - 1))[0] + 1
        described = {item.name: repr(getattr(self, item.name)) for item in fields(self)
                     if item.name not in ('validation', 'validate_every', 'checkpoint_minutes',
                                          'workers', 'threads')}
        described['phases'] = repr(self.phases[:begun])
        described['datasets'] = repr(tuple(
            item for item in self.datasets if item.first_phase < begun))
        return sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def load_config(path: Path | str) -> TrainingConfig:
    """
    Read a training configuration.

    :raises ConfigError: the file is missing, no YAML, or has a wrong key or value.
    """
    try:
        content = yaml.safe_load(Path(path).read_text())
        return _build(TrainingConfig, content, {
            'network': lambda value: _build(UNetConfig, value, {'decoder_widths': tuple}),
            'phases': lambda value: tuple(_phase(item) for item in value),
            'datasets': _datasets, 'validation': _datasets})
    except FileNotFoundError as error:
        raise ConfigError(path, found='no file', expected='a training configuration',
                          fix='see config/train/road_unet.yaml') from error
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise ConfigError(path, found=' '.join(str(error).split()),
                          expected='a training configuration',
                          fix='see config/train/road_unet.yaml') from error


def _datasets(value: list[dict]) -> tuple[DatasetSpec, ...]:
    return tuple(_build(DatasetSpec, item, {}) for item in value)


def _phase(value: dict) -> Phase:
    return _build(Phase, value, {
        'input': tuple, 'crop': tuple,
        'augmentation': lambda fields: _build(Augmentation, fields, {'scale': tuple})})


def _are_shares(mean: dict[int, float], last: int) -> bool:
    return isinstance(mean, dict) and math.isclose(sum(mean.values()), 1) and all(
        isinstance(phase, int) and 0 <= phase <= last and share > 0
        for phase, share in mean.items())


def _check_positive(config: object, names: tuple[str, ...]) -> None:
    for name in names:
        if getattr(config, name) <= 0:
            raise ConfigError(name, found=str(getattr(config, name)),
                              expected='a positive number', fix='correct the value')


def _build(kind: type, value: dict, convert: dict) -> object:
    if not isinstance(value, dict):
        raise TypeError(f'{value!r} where keys of {kind.__name__} belong')
    known = [item.name for item in fields(kind)]
    unknown = [key for key in value if key not in known]
    if unknown:
        raise ValueError(f'unknown keys {unknown}; {kind.__name__} has {known}')
    return kind(**{key: convert.get(key, lambda x: x)(item) for key, item in value.items()})
