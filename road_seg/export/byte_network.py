"""The network as deployed: bytes in, bytes out."""

import torch
from torch import nn

from road_seg.labels import LabelMap
from road_seg.network.unet import UNet


class ByteNetwork(nn.Module):
    """
    A U-Net with everything around it that the vehicle would otherwise compute.

    :param network: the trained network.
    :param labels: its classes.
    """

    def __init__(self, network: UNet, labels: LabelMap) -> None:
        super().__init__()
        self.network = network
        drivable = torch.from_numpy(labels.is_drivable[:len(labels.names)])
        self.register_buffer('drivable_classes', drivable.float().view(1, -1, 1, 1))

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """
        Segment RGB images.

        :param image: (N, H, W, 3) uint8.
        :return: class ids, probability of the drivable set and probability of the class, each
            (N, H, W) uint8, probabilities as 0..255.
        """
        logits = self.network(image.permute(0, 3, 1, 2))
        probability = logits.softmax(1)
        return (logits.argmax(1).to(torch.uint8),
                _byte((probability * self.drivable_classes).sum(1)), _byte(probability.amax(1)))


def _byte(share: torch.Tensor) -> torch.Tensor:
    return (share * 255 + 0.5).clamp(0, 255).to(torch.uint8)
