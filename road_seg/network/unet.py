"""The segmentation network: encoder, decoder and head in one module."""

from dataclasses import asdict
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as nnf

from road_seg.errors import ConfigError
from road_seg.network.classic_encoder import ClassicEncoder
from road_seg.network.decoder import Decoder
from road_seg.network.efficientnet_lite import EfficientNetLiteEncoder
from road_seg.network.efficientnet_lite import SCALES

ENCODERS = ('classic', *SCALES)
# Sides of an input are padded to a multiple of this, the coarsest encoder stride.
SIZE_MULTIPLE = 32


@dataclass(frozen=True)
class UNetConfig:
    """
    What a network is made of; it travels with the weights.

    :param encoder: one of ENCODERS; `classic` knows no ImageNet weights.
    :param classes: number of classes.
    :param decoder_widths: channels of the four up blocks, coarsest first.
    :param classic_width: channels of the classic encoder at full resolution.
    """

    encoder: str = 'efficientnet_lite0'
    classes: int = 5
    decoder_widths: tuple[int, ...] = (128, 64, 40, 24)
    classic_width: int = 64

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        if self.encoder not in ENCODERS:
            raise ConfigError('network.encoder', found=repr(self.encoder),
                              expected=f'one of {", ".join(ENCODERS)}', fix='correct the name')
        if len(self.decoder_widths) != 4 or min(self.decoder_widths) < 1:
            raise ConfigError('network.decoder_widths', found=str(self.decoder_widths),
                              expected='four positive numbers, coarsest first',
                              fix='correct the list')

    def to_dict(self) -> dict:
        """Return the fields as a dictionary for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict) -> 'UNetConfig':
        """Read what to_dict wrote, lists for tuples."""
        return cls(**{**fields, 'decoder_widths': tuple(fields['decoder_widths'])})


class UNet(nn.Module):
    """
    U-Net (Ronneberger et al., 2015) with an exchangeable encoder.

    :param config: what to build.
    :param pretrained: start an EfficientNet-Lite encoder from ImageNet weights.
    """

    def __init__(self, config: UNetConfig, *, pretrained: bool = False) -> None:
        super().__init__()
        self.config = config
        if config.encoder == 'classic':
            self.encoder = ClassicEncoder(config.classic_width)
        else:
            self.encoder = EfficientNetLiteEncoder(config.encoder, pretrained=pretrained)
        self.decoder = Decoder(self.encoder.channels, config.decoder_widths)
        self.head = _head(config.decoder_widths[-1], config.classes, self.encoder.strides[0])

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """
        Return the class logits of RGB images.

        :param image: (N, 3, H, W), values 0..255, any float or uint8 dtype; H and W of any size.
        :return: (N, classes, H, W) float logits.
        """
        height, width = image.shape[-2:]
        # (x - 127) / 128 is the normalisation EfficientNet-Lite was trained with.
        x = (image.float() - 127.0) / 128.0
        below, right = -height % SIZE_MULTIPLE, -width % SIZE_MULTIPLE
        if below or right:
            x = nnf.pad(x, (0, right, 0, below))
        logits = self.head(self.decoder(self.encoder(x)))
        return logits[..., :height, :width] if below or right else logits


def _head(inputs: int, classes: int, stride: int) -> nn.Module:
    """
    Return the layer from the finest features to logits at full resolution.

    Its kernel is twice the stride, so that neighbouring logits share inputs: with kernel =
    stride each logit hangs on one feature vector and learns several times slower.
    """
    if stride == 1:
        return nn.Conv2d(inputs, classes, 1)
    return nn.ConvTranspose2d(inputs, classes, 2 * stride, stride=stride, padding=stride // 2)
