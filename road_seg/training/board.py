"""Curves and pictures of a run, for TensorBoard."""

from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter


class Board:
    """
    Write what TensorBoard shows of one run.

    :param folder: of its event files; `tensorboard --logdir` takes it.
    :param step: step the run goes on from; what an interrupted run wrote beyond it is hidden.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._writer = SummaryWriter(str(folder), purge_step=step)

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Add a point to each curve, NaN left out."""
        for name, value in values.items():
            if np.isfinite(value):
                self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def picture(self, step: int, name: str, rgb: np.ndarray) -> None:
        """Add a picture, (H, W, 3) uint8."""
        self._writer.add_image(name, rgb, step, dataformats='HWC')
