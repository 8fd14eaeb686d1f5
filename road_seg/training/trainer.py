"""The training loop."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import copy
from pathlib import Path
import time

import cv2
import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from road_seg.data.adapter import DatasetAdapter
from road_seg.data.adapter import Sample
from road_seg.data.dataset import CropStream
from road_seg.data.dataset import Source
from road_seg.errors import ConfigError
from road_seg.labels import LabelMap
from road_seg.labels import ROAD_LABELS
from road_seg.network.blocks import BATCH_NORM
from road_seg.network.unet import UNet
from road_seg.overlay import draw_overlay
from road_seg.training import distributed
from road_seg.training.board import Board
from road_seg.training.checkpoint import Checkpoint
from road_seg.training.checkpoint import mean_weights
from road_seg.training.checkpoint import optimizer_tensors
from road_seg.training.checkpoint import restore_optimizer
from road_seg.training.config import DatasetSpec
from road_seg.training.config import TrainingConfig
from road_seg.training.losses import partial_cross_entropy
from road_seg.training.losses import soft_jaccard_loss
from road_seg.training.machine import bfloat16_is_faster
from road_seg.training.machine import release_memory
from road_seg.training.validation import validate

_REPORT_STEPS = 20
_PICTURES = 3  # of each validation set, for TensorBoard


class Trainer:
    """
    One run in one folder, resumed from its checkpoint where there is one.

    :param config: the run.
    :param data_roots: folders the data set roots are looked up in, one after the other.
    :param folder: where `checkpoint.safetensors` is kept, and as `phase_0.safetensors` and so on
        the averaged weights that each phase ended with.
    :param report: receives one line of text at a time.
    :raises ConfigError: the folder holds a checkpoint of another configuration, or a batch
        cannot be shared among the processes.
    """

    def __init__(self, config: TrainingConfig, data_roots: Sequence[Path], folder: Path, *,
                 labels: LabelMap = ROAD_LABELS,
                 report: Callable[[str], None] = print) -> None:
        if config.batch_size % distributed.size():
            raise ConfigError('batch_size', found=str(config.batch_size),
                              expected=f'a multiple of the {distributed.size()} processes',
                              fix='correct it, or start another number of processes')
        # Threads that OpenCV started would be missing in forked workers, which then wait for them.
        cv2.setNumThreads(0)
        torch.manual_seed(config.seed)
        self.config = config
        self.data_roots = tuple(data_roots)
        self.path = folder / 'checkpoint.safetensors'
        self.labels = labels
        self.report = report if distributed.rank() == 0 else lambda line: None
        self.device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
        self._on_gpu = self.device.type == 'cuda'
        torch.backends.cudnn.benchmark = self._on_gpu
        self._workers = config.workers or (distributed.cpus() if self._on_gpu else 1)
        self._mixed = config.precision == 'bfloat16' or (
            config.precision == 'auto' and bfloat16_is_faster(self.device))
        self.step = 0
        self.history: list[list[float]] = []
        self.scores: dict = {}
        self.seconds = 0.0
        self._data = [{'adapter': item.adapter, 'split': item.split, 'licence': item.licence}
                      for item in config.datasets]
        self.network = self._start().to(self.device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network).eval().requires_grad_(requires_grad=False)
        shares = {'encoder': config.encoder_rate, 'decoder': 1.0, 'head': config.head_rate}
        self.optimizer = torch.optim.AdamW(
            [{'params': list(getattr(self.network, part).parameters()), 'share': share}
             for part, share in shares.items()],
            weight_decay=config.weight_decay, fused=self._on_gpu)
        folder.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            self._resume()
        self._replica = distributed.replicate(self.network)
        self._norms = [module for module in self.network.modules()
                       if isinstance(module, nn.BatchNorm2d)]
        self._board = Board(folder / 'tensorboard', self.step) if distributed.rank() == 0 else None

    def _start(self) -> UNet:
        """Return the network as the first step finds it."""
        config = self.config
        if not isinstance(config.pretrained, str):
            return UNet(config.network, pretrained=config.pretrained)
        checkpoint = Checkpoint.load(config.pretrained)
        network = checkpoint.network()
        if network.config != config.network:
            raise ConfigError('pretrained', found=f'{config.pretrained} of {network.config}',
                              expected=str(config.network), fix='make them the same')
        self._data += [item for item in checkpoint.metadata['data'] if item not in self._data]
        return network

    def run(self, stop: int | None = None) -> None:
        """
        Train to the last step, or to `stop`, and write the checkpoint.

        :raises InputError: a data set is unusable.
        """
        config = self.config
        stop = min(stop or config.steps, config.steps)
        torch.set_num_threads(config.threads)
        started, saved, first = time.monotonic(), time.monotonic(), self.step
        before = self.seconds
        for batch in self._batches(stop):
            loss = self._train_step(*batch)
            self.step += 1
            self._keep_phase()
            now = time.monotonic()
            self.seconds = before + now - started
            if self.step % _REPORT_STEPS == 0:
                self._record(loss.item(), (now - started) / (self.step - first), stop)
            if self.step % config.validate_every == 0 and self.step < config.steps:
                self._validate()
            if now - saved > 60 * config.checkpoint_minutes:
                self.save()
                saved = time.monotonic()
        if self.step == config.steps:
            self._validate()
        self.save()

    def _record(self, loss: float, seconds: float, stop: int) -> None:
        """Keep and report the loss, the seconds a step takes and the time left."""
        self.history.append([self.step, round(loss, 5)])
        self.report(f'step {self.step}/{stop}  loss {loss:.4f}  {seconds:.2f} s/step  '
                    f'{seconds * (stop - self.step) / 60:.0f} min left')
        if self._board:
            rate = self.optimizer.param_groups[1]['lr']
            self._board.scalars(self.step, {'loss': loss, 'learning rate': rate})

    def save(self) -> None:
        """Write the checkpoint."""
        if distributed.rank() == 0:
            self._checkpoint().save(self.path)

    def _keep_phase(self) -> None:
        """Where a phase has just ended, take the mean it asks for and keep its weights."""
        number, first = self.config.phase_at(self.step - 1)
        phase = self.config.phases[number]
        if self.step < first + phase.steps:
            return
        self._save_phase(number)
        if phase.mean:
            weights = mean_weights({self._phase_path(earlier): share
                                    for earlier, share in phase.mean.items()})
            self.network.load_state_dict(weights)
            self.average.load_state_dict(weights)
            distributed.wait()
            self._save_phase(number)

    def _save_phase(self, number: int) -> None:
        if distributed.rank() == 0:
            self._checkpoint().weights().save(self._phase_path(number))
        distributed.wait()

    def _phase_path(self, number: int) -> Path:
        return self.path.with_name(f'phase_{number}.safetensors')

    def _checkpoint(self) -> Checkpoint:
        tensors = {f'model.{key}': value for key, value in self.network.state_dict().items()}
        tensors |= {f'ema.{key}': value for key, value in self.average.state_dict().items()}
        tensors |= optimizer_tensors(self.optimizer)
        return Checkpoint(self.step, tensors, {
            'network': self.config.network.to_dict(), 'input': list(self.config.input),
            'labels': self.labels.to_json(), 'digest': self.config.digest(self.step),
            'history': self.history, 'scores': self.scores, 'seconds': round(self.seconds),
            'data': self._data})

    def _resume(self) -> None:
        checkpoint = Checkpoint.load(self.path)
        if checkpoint.metadata['digest'] != self.config.digest(checkpoint.step):
            raise ConfigError(self.path, found='a checkpoint of another configuration',
                              expected='this configuration or an empty folder',
                              fix='choose another --out or remove the checkpoint')
        self.network.load_state_dict(checkpoint.part('model'))
        self.average.load_state_dict(checkpoint.part('ema'))
        restore_optimizer(self.optimizer, checkpoint.part('optimizer'))
        self.step = checkpoint.step
        self.history = checkpoint.metadata['history']
        self.scores = checkpoint.metadata['scores']
        self.seconds = checkpoint.metadata['seconds']
        self.report(f'resumed at step {self.step}')

    def _batches(self, stop: int) -> Iterator[list[torch.Tensor]]:
        """Yield the batches of the steps up to `stop`, phase by phase."""
        while self.step < stop:
            number, first = self.config.phase_at(self.step)
            end = first + self.config.phases[number].steps
            crops = self._crops(number, self.step, min(stop, end))
            size = self.config.batch_size
            release_memory()
            yield from DataLoader(crops, size // distributed.size(),
                                  sampler=distributed.local_share(len(crops), size),
                                  num_workers=self._workers, pin_memory=self._on_gpu)

    def _crops(self, number: int, start: int, stop: int) -> CropStream:
        """Return the crops of phase `number` for the steps from `start` up to `stop`."""
        config, phase = self.config, self.config.phases[number]
        sources = []
        for item in config.datasets:
            if item.first_phase > number:
                continue
            adapter = DatasetAdapter.load(item.adapter, self.labels)
            sources.append(Source(adapter, self._samples(adapter, item), item.weight))
        return CropStream(sources, phase.augmentation, network=phase.input, crop=phase.crop,
                          seed=config.seed, start=start * config.batch_size,
                          stop=stop * config.batch_size)

    def _samples(self, adapter: DatasetAdapter, item: DatasetSpec) -> list[Sample]:
        """List a data set of the first of the roots that has its folder."""
        folders = [root / item.root for root in self.data_roots]
        return adapter.samples(next(filter(Path.is_dir, folders), folders[0]), item.split)

    def _train_step(self, image: torch.Tensor, truth: torch.Tensor,
                    allowed: torch.Tensor) -> torch.Tensor:
        image, truth, allowed = (tensor.to(self.device, non_blocking=True)
                                 for tensor in (image, truth, allowed))
        number, first = self.config.phase_at(self.step)
        phase = self.config.phases[number]
        for group in self.optimizer.param_groups:
            group['lr'] = group['share'] * phase.rate(self.step - first)
        self.network.train()
        for norm in self._norms:
            norm.momentum = max(BATCH_NORM['momentum'], 1 - _ramp(self.step))
        image = image.to(torch.float32, memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._mixed):
            logits = self._replica(image)
        loss = self._loss(logits.float(), truth, allowed)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self._update_average(phase.ema_decay)
        return loss.detach()

    def _loss(self, logits: torch.Tensor, truth: torch.Tensor,
              allowed: torch.Tensor) -> torch.Tensor:
        loss = partial_cross_entropy(logits, truth, allowed)
        if self.config.jaccard_weight:
            loss = loss + self.config.jaccard_weight * soft_jaccard_loss(logits, truth, allowed)
        return loss

    @torch.no_grad()
    def _update_average(self, decay: float) -> None:
        decay = min(decay, _ramp(self.step))
        pairs = list(zip(self.average.state_dict().values(),
                         self.network.state_dict().values(), strict=True))
        means, values = zip(*(pair for pair in pairs if pair[0].is_floating_point()), strict=True)
        get_ema_multi_avg_fn(decay)(means, values, None)
        for count, value in pairs:
            if not count.is_floating_point():
                count.copy_(value)

    def _validate(self) -> None:
        """Score the averaged weights on every validation set, in the first process."""
        if self._board:
            for item in self.config.validation:
                self._score(item, self._board)
        distributed.wait()

    def _score(self, item: DatasetSpec, board: Board) -> None:
        """Keep and report the IoU on one validation set."""
        name = f'{item.adapter} {item.split}'
        adapter = DatasetAdapter.load(item.adapter, self.labels)

        def show(index: int, rgb: np.ndarray, classes: np.ndarray) -> None:
            if index < _PICTURES:
                board.picture(self.step, f'{name}/{index}',
                              draw_overlay(rgb, classes, self.labels.palette))

        matrix = validate(self.average, adapter, self._samples(adapter, item), self.config.input,
                          show)
        rows = zip(self.labels.names, matrix.iou().round(4).tolist(), adapter.named, strict=True)
        iou = {label: value for label, value, named in rows if named}
        self.scores[name] = {'step': self.step, 'iou': iou}
        board.scalars(self.step, {f'{name}/{label}': value for label, value in iou.items()})
        self.report(f'step {self.step}  {name}  ' + '  '.join(
            f'{label} {value:.4f}' for label, value in iou.items()))


def _ramp(step: int) -> float:
    """
    Return the most an average may keep of what it was before a step.

    It keeps the first steps, close to chance, out of the averages of the weights and of the
    statistics of batch normalisation: the `num_updates` of TensorFlow's
    `ExponentialMovingAverage`.
    """
    return (1 + step) / (10 + step)
