"""Convolution blocks that the encoders and the decoder share."""

import torch
from torch import nn
from torch.nn import functional as nnf

# Of the reference EfficientNet (tensorflow/tpu, efficientnet_builder.py), used throughout so
# that one rule holds for pretrained and new layers: momentum 0.99 there is 0.01 here.
BATCH_NORM = {'eps': 1e-3, 'momentum': 0.01}


class SamePadConv2d(nn.Conv2d):
    """
    A convolution padded as TensorFlow's ``SAME``: odd padding goes right and below.

    Pretrained EfficientNet-Lite weights expect this; for even input sizes the padding of a
    kernel k with stride s is max(k - s, 0) in all.
    """

    def __init__(self, inputs: int, outputs: int, kernel_size: int, *, stride: int = 1,
                 groups: int = 1) -> None:
        before, odd = divmod(kernel_size - stride, 2)
        super().__init__(inputs, outputs, kernel_size, stride=stride, groups=groups, bias=False,
                         padding=0 if odd else before)
        self.extra = (before, before + 1) * 2 if odd else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve (N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        return super().forward(nnf.pad(x, self.extra) if self.extra else x)


class ConvBlock(nn.Sequential):
    """Convolution, batch normalisation and, unless `linear`, ReLU6."""

    def __init__(self, inputs: int, outputs: int, kernel_size: int = 3, *, stride: int = 1,
                 groups: int = 1, linear: bool = False) -> None:
        layers = [SamePadConv2d(inputs, outputs, kernel_size, stride=stride, groups=groups),
                  nn.BatchNorm2d(outputs, **BATCH_NORM)]
        super().__init__(*layers, *([] if linear else [nn.ReLU6(inplace=True)]))


class DoubleConv(nn.Sequential):
    """Two 3x3 convolution blocks, the building block of Ronneberger et al. (2015)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(ConvBlock(inputs, outputs), ConvBlock(outputs, outputs))
