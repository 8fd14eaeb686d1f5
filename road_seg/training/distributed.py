"""One training run in several processes, as torchrun starts them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
import gc
import os

import torch
from torch import distributed
from torch import nn
from torch.distributed.nn import functional as differentiable

# The other processes wait while the first one validates.
_TIMEOUT = timedelta(hours=1)


@contextmanager
def process_group() -> Iterator[None]:
    """
    Join the processes that torchrun has started; do nothing outside torchrun.

    Nothing that the block has made with `replicate` may be referred to when it ends.
    """
    if int(os.environ.get('WORLD_SIZE', 1)) == 1:
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ['LOCAL_RANK']))
    distributed.init_process_group('nccl' if torch.cuda.is_available() else 'gloo',
                                   timeout=_TIMEOUT)
    try:
        yield
    finally:
        # A DistributedDataParallel that outlives the group ends it under the interpreter's lock,
        # which gloo's threads wait for: neither side goes on.
        gc.collect()
        distributed.destroy_process_group()


def rank() -> int:
    """Return the number of this process, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def size() -> int:
    """Return the number of processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def cpus() -> int:
    """Return this process's share of the machine's CPUs, at least 1."""
    return max(1, len(os.sched_getaffinity(0)) // int(os.environ.get('LOCAL_WORLD_SIZE', 1)))


def wait() -> None:
    """Wait until every process is here."""
    if size() > 1:
        distributed.barrier()


def total(value: torch.Tensor) -> torch.Tensor:
    """Return the sum over all processes; gradients flow back to each."""
    return differentiable.all_reduce(value) if size() > 1 else value


def local_share(items: int, batch_size: int) -> list[int]:
    """
    Return which items of whole batches this process takes: its part of each batch.

    :param items: number of items, a multiple of batch_size.
    :param batch_size: items of a batch in all processes, a multiple of their number.
    """
    share = batch_size // size()
    return [item for item in range(items) if item % batch_size // share == rank()]


def replicate(network: nn.Module) -> nn.Module:
    """
    Return what to call instead of the network so that all processes train as one.

    The loss must be the same in every process (made of `total`): its gradient reaches a process
    once for each of them, and DistributedDataParallel's mean takes that factor out again.
    """
    if size() == 1:
        return network
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.__class__ = GlobalBatchNorm2d  # same parameters, other sums
    return nn.parallel.DistributedDataParallel(network, broadcast_buffers=False)


class GlobalBatchNorm2d(nn.BatchNorm2d):
    """
    Batch normalisation with the statistics of all processes' batches.

    PyTorch's SyncBatchNorm does the same on CUDA devices only.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise (N, C, H, W)."""
        if not self.training:
            return super().forward(x)
        count = torch.full_like(self.running_mean, x.numel() / x.shape[1])
        first, second, count = total(torch.stack(
            (x.sum((0, 2, 3)), x.square().sum((0, 2, 3)), count)))
        mean = first / count
        variance = second / count - mean.square()
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - mean * scale
        return x * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)
