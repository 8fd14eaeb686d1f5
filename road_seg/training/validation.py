"""Scoring a network during training as the deployed pipeline would."""

from collections.abc import Callable
from collections.abc import Sequence

import cv2
import numpy as np
import torch

from road_seg.data.adapter import DatasetAdapter
from road_seg.data.adapter import Sample
from road_seg.metrics import ConfusionMatrix
from road_seg.network.unet import UNet


@torch.no_grad()
def validate(network: UNet, adapter: DatasetAdapter, samples: Sequence[Sample],
             size: tuple[int, int],
             observe: Callable[[int, np.ndarray, np.ndarray], None] = lambda *result: None
             ) -> ConfusionMatrix:
    """
    Return one confusion matrix over all samples at their native resolution.

    Images are stretched to the network input and masks back, as at run time.

    :param network: the network in evaluation mode.
    :param size: (height, width) of the network input.
    :param observe: called with each image's number, the image (H, W, 3) uint8 and its classes
        (H, W) uint8.
    """
    device = next(network.parameters()).device
    matrix = ConfusionMatrix(len(adapter.labels.names))
    for index, sample in enumerate(samples):
        rgb, truth = adapter.read(sample)
        image = torch.from_numpy(cv2.resize(rgb, size[::-1])).permute(2, 0, 1)[None]
        logits = network(image.to(device, torch.float32, memory_format=torch.channels_last))
        classes = logits[0].argmax(0).to(torch.uint8).cpu().numpy()
        classes = cv2.resize(classes, truth.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        matrix.update(adapter.resolve(truth, classes), classes)
        observe(index, rgb, classes)
    return matrix
