"""The contracting path of the original U-Net, trained from scratch."""

import torch
from torch import nn

from road_seg.network.blocks import DoubleConv


class ClassicEncoder(nn.Module):
    """
    Double convolutions with max pooling between (Ronneberger et al., 2015).

    :param width: channels at full resolution (64 in the paper), doubled at each of 4 halvings.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.strides = (1, 2, 4, 8, 16)
        self.channels = tuple(width * stride for stride in self.strides)
        self.levels = nn.ModuleList(
            DoubleConv(inputs, outputs)
            for inputs, outputs in zip((3, *self.channels), self.channels, strict=False))
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return features, finest first, of an image (N, 3, H, W) with values in -1..1."""
        features = [self.levels[0](x)]
        for level in self.levels[1:]:
            features.append(level(self.pool(features[-1])))
        return features
