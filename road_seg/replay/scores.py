"""Scores of a series of masks, as a report and a JSON file name them."""

import math

import cv2
import numpy as np

from road_seg.flicker import Flicker
from road_seg.grid_scores import BANDS
from road_seg.grid_scores import GridScores
from road_seg.labels import LabelMap
from road_seg.metrics import BoundaryF1
from road_seg.metrics import ConfusionMatrix
from road_seg.metrics import ExpectedCalibrationError
from road_seg.metrics import mean_of_present

# Boundaries match within 2 pixels of an image with this diagonal, that of 480x360; in pixels.
BOUNDARY_TOLERANCE, BOUNDARY_DIAGONAL = 2, 600
# Confidences below which a pixel might be called unknown.
THRESHOLDS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)

AGREEMENT_RANGE = 30.0  # m


class MaskScores:
    """
    Accumulates all frames in one confusion matrix; never averages per frame.

    Its `flicker` is fed by whoever knows which frames follow each other.

    :param labels: the classes of the masks.
    :param named: (C,) bool, classes that the truth tells from all others; only they are scored.
        None: all. Where the truth only says "this class or that one", every pixel of either
        is right, so their IoU would be of the few pixels predicted elsewhere.
    """

    def __init__(self, labels: LabelMap, named: np.ndarray | None = None) -> None:
        self.labels = labels
        self.named = np.ones(len(labels.names), bool) if named is None else named
        self.frames = 0
        self.confusion = ConfusionMatrix(len(labels.names))
        self.boundary = BoundaryF1(len(labels.names))
        self.calibration = ExpectedCalibrationError()
        self.flicker = Flicker()

    def update(self, truth: np.ndarray, mask: np.ndarray,
               confidence: np.ndarray | None = None) -> np.ndarray:
        """
        Score one frame.

        :param truth: (H, W) uint8 class ids, 255 ignored.
        :param mask: (H, W) uint8 predicted class ids.
        :param confidence: (H, W) uint8, 0..255, for the calibration error.
        :return: (C, 3) int64 pixels of the frame by class: right, of the truth, of the mask.
        :raises InputError: shapes differ, or there are ids the classes do not have.
        """
        before = self.confusion.counts.copy()
        self.confusion.update(truth, mask)
        self._update_reduced(truth, mask, confidence)
        self.frames += 1
        counts = self.confusion.counts - before
        return np.stack([counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)], axis=1)

    def _update_reduced(self, truth: np.ndarray, mask: np.ndarray,
                        confidence: np.ndarray | None) -> None:
        """
        Match boundaries and count confidences, of larger masks those of every n-th pixel.

        A sixth of the pixels of a 1280x720 image is enough to tell how sure the network is, and
        the tolerance of boundaries is defined for images of BOUNDARY_DIAGONAL.
        """
        scale = BOUNDARY_DIAGONAL / math.hypot(*truth.shape)
        if scale < 1:
            size = tuple(max(1, round(scale * side)) for side in reversed(truth.shape))
            truth, mask, confidence = (
                None if values is None else
                cv2.resize(values, size, interpolation=cv2.INTER_NEAREST_EXACT)
                for values in (truth, mask, confidence))
        self.boundary.update(truth, mask, BOUNDARY_TOLERANCE / max(1, scale))
        if confidence is not None:
            self.calibration.update(truth, mask, confidence)

    @property
    def miou(self) -> float | None:
        """Mean IoU of the classes present; None without truth."""
        return number(mean_of_present(self._of_named(self.confusion.iou())))

    @property
    def iou(self) -> dict[str, float | None]:
        """IoU by class name; None for one not scored, or in neither truth nor masks."""
        return self._by_name(self.confusion.iou())

    @property
    def boundary_f1(self) -> dict[str, float | None]:
        """Boundary F1 by class name; None for one not scored, or without boundaries."""
        return self._by_name(self.boundary.f1())

    @property
    def ece(self) -> float | None:
        """Expected calibration error, 0..1; None without confidence."""
        return number(self.calibration.ece())

    @property
    def thresholds(self) -> list[tuple[float, float, float]]:
        """Threshold, share of errors caught, share of correct pixels given up, a row each."""
        return [(threshold, *self.calibration.below(threshold)) for threshold in THRESHOLDS]

    def summary(self) -> dict:
        """Return the scores as `score --json` writes them."""
        return {'frames': self.frames, 'miou': self.miou, 'iou': self.iou,
                'boundary_f1': self.boundary_f1, 'ece': self.ece,
                'flicker': number(self.flicker.share())}

    def __add__(self, other: 'MaskScores') -> 'MaskScores':
        merged = MaskScores(self.labels, self.named)
        merged.frames = self.frames + other.frames
        for name in ('confusion', 'boundary', 'calibration', 'flicker'):
            setattr(merged, name, getattr(self, name) + getattr(other, name))
        return merged

    def _by_name(self, values: np.ndarray) -> dict[str, float | None]:
        return dict(zip(self.labels.names, map(number, self._of_named(values)), strict=True))

    def _of_named(self, values: np.ndarray) -> np.ndarray:
        return np.where(self.named, values, np.nan)


def error_share(counts: np.ndarray) -> float:
    """Return the share of the labelled pixels that are wrong; counts as MaskScores.update."""
    right, labelled, _ = counts.sum(axis=0).tolist()
    return (labelled - right) / max(1, labelled)


def grid_summary(grids: GridScores) -> dict:
    """Return grid scores as JSON holds them: agreement and coverage within 30 m, and by band."""
    bands = {f'{near}-{far}': scores
             for (near, far), scores in zip(BANDS, grids.by_band(), strict=True)}
    return {'agreement': number(grids.agreement(AGREEMENT_RANGE)),
            'coverage': number(grids.coverage(AGREEMENT_RANGE)),
            **{name: {band: number(scores[key]) for band, scores in bands.items()}
               for name, key in (('false_free', 'false_free'),
                                 ('agreement_by_range', 'agreement'),
                                 ('coverage_by_range', 'coverage'))},
            'false_free_within_20': number(grids.false_free(20.0)),
            'false_free_within_30': number(grids.false_free(AGREEMENT_RANGE))}


def number(value: float) -> float | None:
    """Return a number as JSON can hold it: None for NaN."""
    return None if math.isnan(value) else float(value)


def value(score: float | None, decimals: int = 3) -> str:
    """Return a score as people read it."""
    return '-' if score is None else f'{score:.{decimals}f}'


def percentiles(values: list[float]) -> dict[str, float]:
    """Return p50, p95 and p99 of some values."""
    p50, p95, p99 = np.percentile(values, (50, 95, 99)).tolist()
    return {'p50': p50, 'p95': p95, 'p99': p99}
