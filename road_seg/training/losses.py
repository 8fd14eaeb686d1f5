"""
The loss: cross-entropy that accepts partially labelled pixels, and a soft Jaccard index.

Where several processes train as one, both are those of the whole batch, in every process.
"""

import torch

from road_seg.training.distributed import total


def partial_cross_entropy(logits: torch.Tensor, truth: torch.Tensor,
                          allowed: torch.Tensor) -> torch.Tensor:
    """
    Return the mean of -log(sum of the allowed classes' probabilities) over labelled pixels.

    With one allowed class that is the cross-entropy. The sum over candidate labels is the
    likelihood of Jin and Ghahramani, "Learning with Multiple Labels" (2002).

    :param logits: (N, C, H, W) float.
    :param truth: (N, H, W) uint8 truth ids.
    :param allowed: (N, 256, C) bool, classes each truth id of each image allows; none = ignored.
    :return: scalar; 0 where no pixel is labelled.
    """
    mask = _allowed_classes(truth, allowed)
    labelled = mask.any(1)
    mask = mask | ~labelled.unsqueeze(1)
    log_sum = logits.masked_fill(~mask, -torch.inf).logsumexp(1)
    loss = logits.logsumexp(1) - log_sum
    summed, count = total(torch.stack(((loss * labelled).sum(), labelled.sum())))
    return summed / count.clamp_min(1)


def soft_jaccard_loss(logits: torch.Tensor, truth: torch.Tensor,
                      allowed: torch.Tensor) -> torch.Tensor:
    """
    Return 1 - the mean soft IoU of the classes present in the batch.

    Probabilities take the place of the 0 and 1 of the IoU: Rahman and Wang, "Optimizing
    Intersection-Over-Union in Deep Neural Networks for Image Segmentation" (2016). It weighs a
    class by its own extent, so that small ones count. Pixels that several classes are allowed
    for do not enter.

    :param logits: (N, C, H, W) float.
    :param truth: (N, H, W) uint8 truth ids.
    :param allowed: (N, 256, C) bool, as in partial_cross_entropy.
    :return: scalar; 0 where no pixel is labelled.
    """
    mask = _allowed_classes(truth, allowed)
    target = mask * (mask.sum(1, keepdim=True) == 1)
    predicted = logits.softmax(1) * target.any(1, keepdim=True)
    both, covered, extent = total(torch.stack(
        [part.sum((0, 2, 3)) for part in (predicted * target, predicted, target)]))
    iou = both / (covered + extent - both).clamp_min(1e-6)
    present = extent > 0
    return ((1 - iou) * present).sum() / present.sum().clamp_min(1)


def _allowed_classes(truth: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    """Return (N, C, H, W) bool: the class is allowed at the pixel."""
    count, _, classes = allowed.shape
    rows = truth.long() + 256 * torch.arange(count, device=truth.device).view(-1, 1, 1)
    return allowed.reshape(-1, classes)[rows].permute(0, 3, 1, 2)
