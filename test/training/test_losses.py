"""The loss against PyTorch's own and against hand-computed values."""

import math

import pytest
import torch

from road_seg.training.losses import partial_cross_entropy
from road_seg.training.losses import soft_jaccard_loss


def tables(*rows: dict[int, tuple[int, ...]]) -> torch.Tensor:
    """Return (N, 256, 3) allowed tables from {truth id: classes} per image."""
    table = torch.zeros(len(rows), 256, 3, dtype=torch.bool)
    for index, row in enumerate(rows):
        for truth, classes in row.items():
            table[index, truth, list(classes)] = True
    return table


PLAIN = {0: (0,), 1: (1,), 2: (2,)}


def test_equals_cross_entropy_on_plain_labels() -> None:
    """With one class a pixel, ignored pixels left out, it is the usual loss."""
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 5, 7)
    truth = torch.randint(0, 3, (2, 5, 7)).byte()
    truth[0, 0] = 255
    expected = torch.nn.functional.cross_entropy(logits, truth.long(), ignore_index=255)
    loss = partial_cross_entropy(logits, truth, tables(PLAIN, PLAIN))
    torch.testing.assert_close(loss, expected)


def test_partial_label_asks_for_the_sum() -> None:
    """Probabilities 0.5, 0.3, 0.2 and classes 0 or 2 allowed: -log 0.7."""
    logits = torch.tensor([0.5, 0.3, 0.2]).log().view(1, 3, 1, 1)
    truth = torch.tensor([[[3]]], dtype=torch.uint8)
    loss = partial_cross_entropy(logits, truth, tables({3: (0, 2)}))
    assert loss.item() == pytest.approx(-math.log(0.7), abs=1e-6)


def test_each_image_uses_its_own_table() -> None:
    """The same id can mean different sets in different data sets."""
    logits = torch.tensor([0.5, 0.3, 0.2]).log().view(1, 3, 1, 1).repeat(2, 1, 1, 1)
    truth = torch.full((2, 1, 1), 3, dtype=torch.uint8)
    loss = partial_cross_entropy(logits, truth, tables({3: (0, 2)}, {3: (0, 1)}))
    assert loss.item() == pytest.approx(-(math.log(0.7) + math.log(0.8)) / 2, abs=1e-6)


def test_unlabelled_images_give_zero_loss_and_gradient() -> None:
    """No division by zero, no NaN."""
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    truth = torch.full((1, 4, 4), 255, dtype=torch.uint8)
    loss = partial_cross_entropy(logits, truth, tables(PLAIN))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().max() == 0


def test_extreme_logits_stay_finite() -> None:
    """Sums of probabilities are taken in log space."""
    logits = torch.tensor([1000.0, -1000.0, -1000.0]).view(1, 3, 1, 1).requires_grad_()
    truth = torch.tensor([[[3]]], dtype=torch.uint8)
    loss = partial_cross_entropy(logits, truth, tables({3: (1, 2)}))
    loss.backward()
    assert loss.item() == pytest.approx(2000 - math.log(2), rel=1e-6)
    assert torch.isfinite(logits.grad).all()


def test_soft_jaccard_by_hand() -> None:
    """Two pixels of class 0 and 1, probabilities 0.6/0.4 and 0.3/0.7; a third is uncertain."""
    probabilities = torch.tensor([[0.6, 0.3, 0.5], [0.4, 0.7, 0.5], [1e-9, 1e-9, 1e-9]])
    truth = torch.tensor([[[0, 1, 3]]], dtype=torch.uint8)
    loss = soft_jaccard_loss(probabilities.log().view(1, 3, 1, 3), truth,
                             tables({**PLAIN, 3: (0, 1)}))
    # class 0: 0.6 / (0.9 + 1 - 0.6), class 1: 0.7 / (1.1 + 1 - 0.7); class 2 is absent
    assert loss.item() == pytest.approx(1 - (0.6 / 1.3 + 0.7 / 1.4) / 2, abs=1e-6)


def test_soft_jaccard_of_certain_predictions_is_one_minus_miou() -> None:
    """With probabilities of 0 and 1 it is the IoU of the confusion matrix."""
    truth = torch.tensor([[[0, 0, 0, 1, 1, 2]]], dtype=torch.uint8)
    predicted = torch.tensor([0, 0, 1, 1, 1, 0])
    logits = 100.0 * torch.nn.functional.one_hot(predicted, 3).T.reshape(1, 3, 1, 6)
    loss = soft_jaccard_loss(logits, truth, tables(PLAIN))
    assert loss.item() == pytest.approx(1 - (2 / 4 + 2 / 3 + 0) / 3, abs=1e-6)
    assert soft_jaccard_loss(logits, truth.fill_(255), tables(PLAIN)).item() == 0
