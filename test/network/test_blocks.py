"""Convolution blocks in mixed precision."""

import pytest
import torch

from road_seg.network.blocks import SamePadConv2d


@pytest.mark.parametrize(('kernel_size', 'stride'), [(3, 1), (3, 2), (5, 1), (5, 2)])
def test_depthwise_gradients_in_mixed_precision(kernel_size: int, stride: int) -> None:
    """They are those of float32, but for the rounding of values to 8 bits (2^-8)."""
    torch.manual_seed(0)
    layer = SamePadConv2d(6, 6, kernel_size, stride=stride, groups=6)
    image = torch.randn(2, 6, 16, 24)
    results = []
    for is_mixed in (False, True):
        layer.zero_grad()
        x = image.clone().requires_grad_()
        with torch.autocast('cpu', torch.bfloat16, enabled=is_mixed):
            y = layer(x)
        y.float().square().sum().backward()
        assert y.dtype == (torch.bfloat16 if is_mixed else torch.float32)
        assert layer.weight.grad.dtype == x.grad.dtype == torch.float32
        results.append((y.detach().float(), x.grad, layer.weight.grad))
    for exact, mixed in zip(*results, strict=True):
        assert (mixed - exact).norm() < 0.01 * exact.norm()
