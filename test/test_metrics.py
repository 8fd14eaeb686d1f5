"""Scores against references written as plain loops."""

from collections.abc import Iterable
import math

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np
import pytest

from road_seg.errors import InputError
from road_seg.metrics import BoundaryF1
from road_seg.metrics import ConfusionMatrix
from road_seg.metrics import ExpectedCalibrationError

N = 3
seeds = st.integers(0, 10_000)


def _masks(seed: int, *, height: int = 9, width: int = 11) -> tuple[np.ndarray, np.ndarray]:
    """Return a blocky truth with unlabelled pixels and a similar prediction."""
    random = np.random.default_rng(seed)
    truth = random.choice([0, 1, 2, 255], (3, 4), p=[0.3, 0.3, 0.2, 0.2])
    truth = truth.repeat(3, axis=0).repeat(3, axis=1)[:height, :width].astype(np.uint8)
    prediction = np.roll(truth, random.integers(-2, 3, 2), axis=(0, 1))
    noise = random.random((height, width)) < 0.1
    prediction = np.where(noise | (prediction == 255), random.integers(0, N, truth.shape),
                          prediction)
    return truth, prediction.astype(np.uint8)


def _array(*rows: Iterable[int]) -> np.ndarray:
    return np.array(rows, np.uint8)


class TestConfusionMatrix:
    """Pixels by true and predicted class."""

    def test_literal(self) -> None:
        matrix = ConfusionMatrix(3)
        matrix.update(_array([0, 0, 1, 1, 255]), _array([0, 1, 1, 1, 2]))
        assert matrix.counts.tolist() == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
        assert matrix.counts.dtype == np.int64
        np.testing.assert_allclose(matrix.iou(), [1 / 2, 2 / 3, math.nan])
        assert matrix.miou() == pytest.approx((1 / 2 + 2 / 3) / 2)

    def test_class_only_predicted_has_iou_zero(self) -> None:
        matrix = ConfusionMatrix(2)
        matrix.update(_array([0, 0]), _array([0, 1]))
        assert matrix.iou().tolist() == [0.5, 0.0]

    def test_nothing_is_nan(self) -> None:
        assert np.isnan(ConfusionMatrix(2).iou()).all()
        assert math.isnan(ConfusionMatrix(2).miou())

    def test_is_of_the_data_set_not_of_the_images(self) -> None:
        matrix = ConfusionMatrix(2)
        matrix.update(_array([0] * 9 + [1]), _array([0] * 10))
        matrix.update(_array([1] * 10), _array([1] * 10))
        np.testing.assert_allclose(matrix.iou(), [9 / 10, 10 / 11])

    @given(seeds)
    def test_agrees_with_loops(self, seed: int) -> None:
        truth, prediction = _masks(seed)
        matrix = ConfusionMatrix(N)
        matrix.update(truth, prediction)
        for class_id, iou in enumerate(matrix.iou()):
            intersection = union = 0
            for t, p in zip(truth.flat, prediction.flat, strict=True):
                if t == 255:
                    continue
                intersection += t == class_id and p == class_id
                union += t == class_id or p == class_id
            assert iou == pytest.approx(intersection / union if union else math.nan, nan_ok=True)

    @given(seeds, seeds)
    def test_sum_is_both(self, first: int, second: int) -> None:
        parts = [ConfusionMatrix(N), ConfusionMatrix(N)]
        whole = ConfusionMatrix(N)
        for part, seed in zip(parts, (first, second), strict=True):
            part.update(*_masks(seed))
            whole.update(*_masks(seed))
        assert (parts[0] + parts[1]).counts.tolist() == whole.counts.tolist()

    def test_takes_as_many_classes_as_there_are_ids(self) -> None:
        every = np.arange(255, dtype=np.uint8)[np.newaxis]
        matrix = ConfusionMatrix(255)
        matrix.update(every, every)
        assert (matrix.counts == np.eye(255)).all()

    @pytest.mark.parametrize(('truth', 'prediction', 'message'), [
        (_array([0, 1]), _array([0, 2]), r'class ids \[2\]; expected ids below 2'),
        (_array([7, 1]), _array([0, 1]), r'class ids \[7\]; expected ids below 2'),
        (_array([0, 1]), _array([0, 255]), r'class ids \[255\]'),
        (_array([0, 1]), _array([0, 1, 1]), r'found uint8 \(1, 3\); expected .* \(1, 2\)'),
        (_array([0, 1]), np.array([[0, 1]]), r'found int64 \(1, 2\)'),
    ])
    def test_refuses(self, truth: np.ndarray, prediction: np.ndarray, message: str) -> None:
        matrix = ConfusionMatrix(2)
        with pytest.raises(InputError, match=message):
            matrix.update(truth, prediction)
        assert not matrix.counts.any()

    def test_unlabelled_truth_excuses_any_prediction(self) -> None:
        matrix = ConfusionMatrix(2)
        matrix.update(_array([255]), _array([9]))
        assert not matrix.counts.any()


def _boundary_pixels(mask: np.ndarray, truth: np.ndarray, class_id: int) -> list[tuple[int, int]]:
    """Return the labelled pixels of a class beside labelled pixels of other classes."""
    height, width = mask.shape
    pixels = []
    for row in range(height):
        for column in range(width):
            if mask[row, column] != class_id or truth[row, column] == 255:
                continue
            for r, c in ((row - 1, column), (row + 1, column), (row, column - 1),
                         (row, column + 1)):
                if (0 <= r < height and 0 <= c < width and truth[r, c] != 255
                        and mask[r, c] != class_id):
                    pixels.append((row, column))
                    break
    return pixels


class TestBoundaryF1:
    """Boundaries within a tolerance."""

    @pytest.mark.parametrize(('shift', 'tolerance', 'score'), [
        (0, 0, 1.0), (1, 0, 0.0), (1, 1, 1.0), (2, 1, 0.0), (2, 2, 1.0), (3, 2.9, 0.0)])
    def test_shifted_edge(self, shift: int, tolerance: float, score: float) -> None:
        truth = np.zeros((4, 20), np.uint8)
        truth[:, 10:] = 1
        prediction = np.zeros((4, 20), np.uint8)
        prediction[:, 10 + shift:] = 1
        metric = BoundaryF1(3)
        metric.update(truth, prediction, tolerance)
        np.testing.assert_array_equal(metric.f1(), [score, score, math.nan])

    def test_half_of_the_edge(self) -> None:
        # The true edge of class 1 has four pixels; the predicted one is the upper two of them.
        truth = np.zeros((4, 6), np.uint8)
        truth[:, 5] = 1
        prediction = np.zeros((4, 6), np.uint8)
        prediction[:2, 5] = 1
        metric = BoundaryF1(2)
        metric.update(truth, prediction, 0)
        assert metric.counts[1].tolist() == [2, 2, 2, 4]
        assert metric.f1()[1] == pytest.approx(2 / 3)  # precision 1, recall 1/2

    def test_border_of_the_image_is_no_boundary(self) -> None:
        metric = BoundaryF1(2)
        metric.update(np.ones((4, 4), np.uint8), np.ones((4, 4), np.uint8), 1)
        assert np.isnan(metric.f1()).all()

    def test_border_of_the_unlabelled_is_no_boundary(self) -> None:
        truth = _array([1, 1, 255, 0, 0])
        metric = BoundaryF1(2)
        metric.update(truth, _array([1, 1, 1, 0, 0]), 1)
        assert np.isnan(metric.f1()).all()

    def test_invented_boundary_scores_zero(self) -> None:
        metric = BoundaryF1(2)
        metric.update(_array([0, 0, 0, 0]), _array([0, 0, 1, 1]), 1)
        assert metric.f1().tolist() == [0.0, 0.0]

    @settings(max_examples=50, deadline=None)
    @given(seeds, st.sampled_from([0.0, 1.0, 1.5, 2.0, 3.0]))
    def test_agrees_with_loops(self, seed: int, tolerance: float) -> None:
        truth, prediction = _masks(seed)
        metric = BoundaryF1(N)
        metric.update(truth, prediction, tolerance)
        for class_id, f1 in enumerate(metric.f1()):
            true = _boundary_pixels(truth, truth, class_id)
            predicted = _boundary_pixels(prediction, truth, class_id)
            true_hits = sum(any(math.dist(a, b) <= tolerance for b in predicted) for a in true)
            hits = sum(any(math.dist(a, b) <= tolerance for b in true) for a in predicted)
            if not true and not predicted:
                assert math.isnan(f1)
                continue
            precision = hits / len(predicted) if predicted else 0.0
            recall = true_hits / len(true) if true else 0.0
            total = precision + recall
            assert f1 == pytest.approx(2 * precision * recall / total if total else 0.0)

    def test_sum_is_both(self) -> None:
        parts = [BoundaryF1(N), BoundaryF1(N)]
        whole = BoundaryF1(N)
        for seed, part in enumerate(parts):
            # Images of two sizes have two tolerances.
            part.update(*_masks(seed), 1 + seed)
            whole.update(*_masks(seed), 1 + seed)
        np.testing.assert_array_equal((parts[0] + parts[1]).f1(), whole.f1())

    def test_refuses_other_shapes(self) -> None:
        with pytest.raises(InputError, match='mask: found'):
            BoundaryF1(2).update(_array([0, 1]), _array([0, 1, 1]), 1)


class TestExpectedCalibrationError:
    """Confidence against accuracy."""

    @pytest.mark.parametrize(('right', 'confidence', 'expected'), [
        ([True], [255], 0.0), ([False], [255], 1.0), ([False], [0], 0.0), ([True], [51], 0.8),
        ([True, False], [255, 255], 0.5),
        ([True, False], [255, 0], 0.0),      # different bins: right about both
        ([True, False], [34, 18], 0.5 - (34 + 18) / 2 / 255),  # one bin: (1/15, 2/15]
        ([True, False], [34, 17], (1 - 34 / 255 + 17 / 255) / 2),  # two bins
    ])
    def test_literal(self, right: list[bool], confidence: list[int], expected: float) -> None:
        metric = ExpectedCalibrationError()
        truth = np.zeros((1, len(right)), np.uint8)
        metric.update(truth, _array([not value for value in right]), _array(confidence))
        assert metric.ece() == pytest.approx(expected, abs=1e-12)

    def test_nothing_is_nan(self) -> None:
        metric = ExpectedCalibrationError()
        metric.update(_array([255]), _array([0]), _array([9]))
        assert math.isnan(metric.ece())
        assert all(map(math.isnan, metric.below(0.5)))
        assert metric.reliability().shape == (0, 3)

    def test_reliability_and_thresholds_literally(self) -> None:
        metric = ExpectedCalibrationError()
        # right at 0.2 and 1, wrong at 0.2 and 0.4 of 255
        metric.update(_array([0, 0, 0, 0]), _array([0, 0, 1, 1]), _array([51, 255, 51, 102]))
        assert metric.reliability().tolist() == [
            [0.2, 0.5, 0.5], [0.4, 0.0, 0.25], [1.0, 1.0, 0.25]]
        assert metric.below(0.2) == (0.0, 0.0)
        assert metric.below(0.3) == (0.5, 0.5)
        assert metric.below(0.5) == (1.0, 0.5)

    @given(seeds)
    def test_agrees_with_loops(self, seed: int) -> None:
        truth, prediction = _masks(seed)
        confidence = np.random.default_rng(seed).integers(0, 256, truth.shape, np.uint8)
        metric = ExpectedCalibrationError()
        metric.update(truth, prediction, confidence)
        bins: list[list[tuple[float, bool]]] = [[] for _ in range(15)]
        for t, p, c in zip(truth.flat, prediction.flat, confidence.flat, strict=True):
            if t != 255:
                bins[max(0, math.ceil(int(c) / 17) - 1)].append((c / 255.0, t == p))
        total = sum(map(len, bins))
        expected = sum(abs(sum(c for c, _ in members) - sum(hit for _, hit in members))
                       for members in bins) / total if total else math.nan
        assert metric.ece() == pytest.approx(expected, nan_ok=True)

    def test_sum_is_both(self) -> None:
        parts = [ExpectedCalibrationError(), ExpectedCalibrationError()]
        whole = ExpectedCalibrationError()
        for seed, part in enumerate(parts):
            truth, prediction = _masks(seed)
            for metric in (part, whole):
                metric.update(truth, prediction, truth)
        assert (parts[0] + parts[1]).ece() == whole.ece()

    def test_refuses_other_shapes(self) -> None:
        with pytest.raises(InputError, match='mask: found'):
            ExpectedCalibrationError().update(_array([0, 1]), _array([0, 1]), _array([0]))
