"""Cross-entropy that accepts partially labelled pixels."""

import torch


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
    count, classes = logits.shape[:2]
    rows = truth.long() + 256 * torch.arange(count, device=truth.device).view(-1, 1, 1)
    mask = allowed.reshape(-1, classes)[rows].permute(0, 3, 1, 2)
    labelled = mask.any(1)
    mask = mask | ~labelled.unsqueeze(1)
    log_sum = logits.masked_fill(~mask, -torch.inf).logsumexp(1)
    loss = logits.logsumexp(1) - log_sum
    return (loss * labelled).sum() / labelled.sum().clamp_min(1)
