"""The expansive path: transposed convolutions and skip connections."""

from collections.abc import Sequence

import torch
from torch import nn

from road_seg.network.blocks import DoubleConv


class UpBlock(nn.Module):
    """Double the resolution by a transposed convolution, join the skip, convolve twice."""

    def __init__(self, inputs: int, skip: int, outputs: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, outputs, 2, stride=2)
        self.conv = DoubleConv(outputs + skip, outputs)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """Map (N, inputs, H, W) and a skip (N, skip, 2H, 2W) to (N, outputs, 2H, 2W)."""
        return self.conv(torch.cat((self.up(x), skip), 1))


class Decoder(nn.Module):
    """
    U-Net's expansive path from the coarsest encoder feature to the finest.

    :param channels: the encoder's feature channels, finest first.
    :param widths: output channels of each up block, coarsest first; one fewer than channels.
    """

    def __init__(self, channels: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        inputs = (channels[-1], *widths)
        skips = tuple(reversed(channels[:-1]))
        self.blocks = nn.ModuleList(
            UpBlock(*sizes) for sizes in zip(inputs, skips, widths, strict=False))

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        """Return the finest feature map (N, widths[-1], H, W) of features, finest first."""
        x = features[-1]
        for block, skip in zip(self.blocks, reversed(features[:-1]), strict=True):
            x = block(x, skip)
        return x
