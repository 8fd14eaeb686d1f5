"""Convolution blocks that the encoders and the decoder share."""

from typing import Any

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
        if self.extra:
            x = nnf.pad(x, self.extra)
        if self.groups > 1 and torch.is_autocast_enabled('cpu') and x.device.type == 'cpu':
            return _MixedDepthwise.apply(x, self.weight, self.stride, self.padding)
        return super().forward(x)


class _MixedDepthwise(torch.autograd.Function):
    """
    A depthwise convolution on CPUs in bfloat16, its gradients in float32.

    oneDNN computes the bfloat16 gradients of strided and of 5x5 depthwise convolutions up to 17
    times slower than the float32 ones.
    """

    @staticmethod
    @torch.amp.custom_fwd(device_type='cpu', cast_inputs=torch.bfloat16)
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, stride: tuple[int, int],
                padding: tuple[int, int]) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return nnf.conv2d(x, weight, None, stride, padding, groups=len(weight))

    @staticmethod
    @torch.amp.custom_bwd(device_type='cpu')
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        # The last three: transposed or not, output padding, groups.
        of_x, of_weight, _ = torch.ops.aten.convolution_backward(
            gradient.float(), x.float(), weight.float(), None, ctx.stride, ctx.padding, (1, 1),
            False, (0, 0), len(weight), (True, True, False))
        return of_x.to(x.dtype), of_weight, None, None


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
