"""Scores of masks against truth, accumulated over a data set and never averaged per image."""

from functools import cache

import cv2
import numpy as np

from road_seg.errors import InputError
from road_seg.histogram import histogram
from road_seg.labels import UNLABELLED

_CALIBRATION_BINS = 15
_RINGS = (5, 13, 25, 45)  # pixels


class ConfusionMatrix:
    """
    Count pixels by true and predicted class.

    :param n_classes: number of classes C.
    """

    def __init__(self, n_classes: int) -> None:
        self.counts = np.zeros((n_classes, n_classes), np.int64)

    def update(self, truth: np.ndarray, prediction: np.ndarray) -> None:
        """
        Add one image.

        :param truth: (H, W) uint8 class ids; unlabelled pixels do not count.
        :param prediction: (H, W) uint8 class ids.
        :raises InputError: the shapes differ or an id is not below the number of classes.
        """
        _check_pair(truth, prediction)
        n_classes = len(self.counts)
        unequal = _set_pixels(truth != prediction)
        true, predicted = truth.reshape(-1)[unequal], prediction.reshape(-1)[unequal]
        true, predicted = (ids[true != UNLABELLED] for ids in (true, predicted))
        pixels = histogram(truth, (*range(n_classes), UNLABELLED))
        unknown = {*np.flatnonzero(pixels[n_classes:UNLABELLED]) + n_classes,
                   *predicted[predicted >= n_classes]}
        if unknown:
            raise InputError('mask', found=f'class ids {sorted(map(int, unknown))}',
                             expected=f'ids below {n_classes}',
                             fix='use a model and a label remap with the same classes')
        wrong = np.bincount(true.astype(np.intp) * n_classes + predicted,
                            minlength=n_classes**2).reshape(self.counts.shape)
        self.counts += wrong + np.diag(pixels[:n_classes] - wrong.sum(axis=1))

    def iou(self) -> np.ndarray:
        """Return the intersection over union by class (C,) float64; NaN for an absent class."""
        return iou(self.counts.diagonal(), self.counts.sum(axis=1), self.counts.sum(axis=0))

    def miou(self) -> float:
        """Return the mean IoU of the classes present; NaN if there are none."""
        return mean_of_present(self.iou())

    def __add__(self, other: 'ConfusionMatrix') -> 'ConfusionMatrix':
        merged = ConfusionMatrix(len(self.counts))
        merged.counts = self.counts + other.counts
        return merged


class BoundaryF1:
    """
    Measure how well the classes' boundaries agree within a tolerance.

    Precision is the share of predicted boundary pixels that have a true one of their class
    within the tolerance, recall the share of true ones with a predicted one: the BF score of
    Csurka et al., 'What is a good evaluation measure for semantic segmentation?', BMVC 2013,
    with the pixels of the whole data set counted together. A boundary pixel of a class has a
    labelled 4-neighbour of another class; pixels unlabelled in the truth do not count in either
    mask.

    :param n_classes: number of classes C.
    """

    def __init__(self, n_classes: int) -> None:
        # Columns: predicted boundary pixels matched, all; true boundary pixels matched, all.
        self.counts = np.zeros((n_classes, 4), np.int64)

    def update(self, truth: np.ndarray, prediction: np.ndarray, tolerance: float) -> None:
        """
        Add one image.

        :param truth: (H, W) uint8 class ids; unlabelled pixels do not count.
        :param prediction: (H, W) uint8 class ids.
        :param tolerance: largest distance that still matches, pixels.
        :raises InputError: the shapes differ.
        """
        _check_pair(truth, prediction)
        margin = (int(tolerance) + 1,) * 4
        truth = cv2.copyMakeBorder(truth, *margin, cv2.BORDER_CONSTANT, value=UNLABELLED)
        prediction = cv2.copyMakeBorder(prediction, *margin, cv2.BORDER_REPLICATE)
        true, predicted = (_boundaries(ids, truth) for ids in (truth, prediction))
        for column, (edges, other) in ((0, (predicted, true)), (2, (true, predicted))):
            self.counts[:, column:column + 2] += _matched(edges, other, tolerance,
                                                          len(self.counts))

    def f1(self) -> np.ndarray:
        """Return the F1 score by class (C,) float64; NaN for a class without boundaries."""
        predicted_hits, predicted, true_hits, true = self.counts.T
        precision = np.nan_to_num(_ratio(predicted_hits, predicted))
        recall = np.nan_to_num(_ratio(true_hits, true))
        scores = np.nan_to_num(_ratio(2.0 * precision * recall, precision + recall))
        return np.where(predicted + true > 0, scores, np.nan)

    def __add__(self, other: 'BoundaryF1') -> 'BoundaryF1':
        merged = BoundaryF1(len(self.counts))
        merged.counts = self.counts + other.counts
        return merged


class ExpectedCalibrationError:
    """
    Measure how far confidence is from accuracy.

    Guo et al., 'On calibration of modern neural networks', ICML 2017: pixels are binned by
    confidence into 15 intervals of equal width, ((b - 1) / 15, b / 15].
    """

    def __init__(self) -> None:
        # Rows: confidence 0..255; columns: wrong, right.
        self.counts = np.zeros((256, 2), np.int64)

    def update(self, truth: np.ndarray, prediction: np.ndarray, confidence: np.ndarray) -> None:
        """
        Add one image.

        :param truth: (H, W) uint8 class ids; unlabelled pixels do not count.
        :param prediction: (H, W) uint8 class ids.
        :param confidence: (H, W) uint8 probability of the predicted class, 0..255.
        :raises InputError: the shapes differ.
        """
        _check_pair(truth, prediction)
        _check_pair(truth, confidence)
        not_right = _set_pixels((truth != prediction) | (truth == UNLABELLED))
        true, level = truth.reshape(-1)[not_right], confidence.reshape(-1)[not_right]
        self.counts[:, 0] += np.bincount(level[true != UNLABELLED], minlength=256)
        self.counts[:, 1] += histogram(confidence) - np.bincount(level, minlength=256)

    def ece(self) -> float:
        """Return the expected calibration error, 0..1; NaN without pixels."""
        pixels, confidence, right = self._bins()
        total = pixels.sum()
        return float(np.abs(right - confidence).sum() / total) if total else float('nan')

    def reliability(self) -> np.ndarray:
        """Return mean confidence, accuracy and share of pixels of each non-empty bin (B, 3)."""
        pixels, confidence, right = self._bins()
        filled = pixels > 0
        return np.stack([confidence[filled] / pixels[filled], right[filled] / pixels[filled],
                         pixels[filled] / pixels.sum()], axis=1)

    def below(self, threshold: float) -> tuple[float, float]:
        """
        Return what calling less sure pixels unknown does.

        :param threshold: confidence 0..1 below which a pixel is unknown.
        :return: share of the wrong pixels it catches and of the right ones it gives up; NaN
            where there are none.
        """
        low = self.counts[np.arange(256) < threshold * 255.0].sum(axis=0)
        caught, given_up = _ratio(low, self.counts.sum(axis=0))
        return float(caught), float(given_up)

    def _bins(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return pixels, sum of their confidences and right pixels by bin, (15,) float64 each."""
        level = np.arange(256)
        bins = np.maximum(level - 1, 0) * _CALIBRATION_BINS // 255
        total = self.counts.sum(axis=1)
        return tuple(np.bincount(bins, weights) for weights in (
            total, total * level / 255.0, self.counts[:, 1]))

    def __add__(self, other: 'ExpectedCalibrationError') -> 'ExpectedCalibrationError':
        merged = ExpectedCalibrationError()
        merged.counts = self.counts + other.counts
        return merged


def iou(hits: np.ndarray, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """
    Return the intersection over union by class (C,) float64; NaN for an absent class.

    :param hits: (C,) pixels whose class is right.
    :param truth: (C,) pixels of the truth.
    :param predicted: (C,) pixels of the prediction.
    """
    return _ratio(hits, truth + predicted - hits)


def mean_of_present(values: np.ndarray) -> float:
    """Return the mean of the values that are not NaN; NaN if there are none."""
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float('nan')


def _check_pair(truth: np.ndarray, other: np.ndarray) -> None:
    """Refuse masks of different shapes or other types than uint8."""
    if truth.shape != other.shape or truth.dtype != np.uint8 or other.dtype != np.uint8:
        raise InputError('mask', found=f'{other.dtype} {other.shape}',
                         expected=f'uint8 of the shape of the truth, {truth.dtype} {truth.shape}',
                         fix='compare masks of the same frame and size')


def _set_pixels(flags: np.ndarray) -> np.ndarray:
    """Return the indices that np.flatnonzero does, sooner where few are set."""
    flags = flags.reshape(-1)
    whole = flags.size // 8 * 8
    eights = flags[:whole].view(np.uint64)
    some = np.flatnonzero(eights != 0)
    found = np.flatnonzero(eights[some].view(bool))
    return np.concatenate((8 * some[found >> 3] + (found & 7),
                           whole + np.flatnonzero(flags[whole:])))


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Return numerator / denominator, NaN where the denominator is 0."""
    return np.divide(numerator, denominator, where=denominator != 0,
                     out=np.full(len(denominator), np.nan))


def _boundaries(ids: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """
    Return the class ids of boundary pixels, 255 elsewhere.

    :param ids: (H, W) uint8 class ids.
    :param truth: (H, W) uint8 class ids, unlabelled all around.
    :return: (H, W) uint8.
    """
    flat, truth = ids.reshape(-1), truth.reshape(-1)
    edges = np.full(flat.size, UNLABELLED, np.uint8)
    for step in (1, ids.shape[1]):
        first = _set_pixels(flat[:-step] != flat[step:])
        first = first[(truth[first] != UNLABELLED) & (truth[first + step] != UNLABELLED)]
        for where in (first, first + step):
            edges[where] = flat[where]
    return edges.reshape(ids.shape)


def _matched(edges: np.ndarray, other: np.ndarray, tolerance: float,
             n_classes: int) -> np.ndarray:
    """
    Return how many boundary pixels have another of their class within the tolerance, and all.

    :param edges: as _boundaries gives them, none within the tolerance of the image's edge.
    :param other: of the same shape.
    :return: (C, 2) int64.
    """
    where = _set_pixels(edges != UNLABELLED)
    ids, other = edges.reshape(-1)[where], other.reshape(-1)
    total = np.bincount(ids, minlength=n_classes)[:n_classes]
    # Nearest first: after each ring fewer pixels are left.
    for rows, columns in np.split(_offsets(tolerance), _RINGS, axis=1):
        at = (rows * edges.shape[1] + columns)[:, None] + where
        missed = (other[at] != ids).all(axis=0)
        where, ids = where[missed], ids[missed]
    return np.stack([total - np.bincount(ids, minlength=n_classes)[:n_classes], total], axis=1)


@cache
def _offsets(radius: float) -> np.ndarray:
    """Return rows and columns of pixels with centres within a radius, nearest first, (2, N)."""
    steps = np.arange(-int(radius), int(radius) + 1)
    offsets = np.stack(np.meshgrid(steps, steps, indexing='ij')).reshape(2, -1)
    squares = (offsets**2).sum(axis=0)
    return offsets[:, np.argsort(squares, kind='stable')[:np.count_nonzero(squares <= radius**2)]]
