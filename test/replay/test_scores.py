"""Scores named as a summary names them."""

import math

import numpy as np
import pytest

from road_seg.errors import InputError
from road_seg.labels import LabelMap
from road_seg.replay.scores import MaskScores
from road_seg.replay.scores import percentiles

LABELS = LabelMap(('ground', 'road', 'bus'), ((0, 0, 0), (1, 1, 1), (2, 2, 2)), ('road',))


def test_two_frames_make_one_confusion_matrix():
    scores = MaskScores(LABELS)
    scores.update(np.array([[0, 0], [1, 255]], np.uint8), np.array([[0, 1], [1, 1]], np.uint8))
    scores.update(np.array([[1, 1], [1, 1]], np.uint8), np.array([[1, 1], [1, 1]], np.uint8))
    assert scores.frames == 2
    # ground: 1 right of 2; road: 1 + 4 right, 1 more predicted; per frame road would be 0.75.
    assert scores.iou == {'ground': 0.5, 'road': 5 / 6, 'bus': None}
    assert scores.miou == pytest.approx((0.5 + 5 / 6) / 2)
    assert scores.ece is None


def test_classes_the_truth_does_not_name_have_no_score():
    """The bus, missed everywhere, would lower the mean to a half."""
    named = np.array([True, True, False])
    scores = MaskScores(LABELS, named) + MaskScores(LABELS, named)
    scores.update(np.array([[0, 1, 2]], np.uint8), np.array([[0, 1, 1]], np.uint8))
    assert scores.iou == {'ground': 1.0, 'road': 0.5, 'bus': None}
    assert scores.miou == 0.75
    assert scores.boundary_f1['bus'] is None


def test_without_frames_everything_is_unknown():
    scores = MaskScores(LABELS)
    assert (scores.miou, scores.ece) == (None, None)
    assert scores.iou == scores.boundary_f1 == {'ground': None, 'road': None, 'bus': None}


def test_boundaries_match_within_a_share_of_the_diagonal():
    truth = np.zeros((360, 480), np.uint8)
    truth[150:] = 1
    for shift, f1 in ((2, 1.0), (3, 0.0)):
        shifted = np.roll(truth, shift, axis=0)
        shifted[:3] = 0
        scores = MaskScores(LABELS)
        scores.update(truth, shifted)
        assert scores.boundary_f1 == {'ground': f1, 'road': f1, 'bus': None}


@pytest.mark.parametrize(('factor', 'shift', 'f1'), [
    (0.5, 1, 1.0), (0.5, 2, 0.0), (2, 4, 1.0), (2, 6, 0.0), (3, 6, 1.0), (3, 9, 0.0)])
def test_the_tolerance_grows_with_the_image(factor: float, shift: int, f1: float):
    """2 pixels at 480x360 are 1 at 240x180, 4 at 960x720, 6 at 1440x1080."""
    truth = np.zeros((int(360 * factor), int(480 * factor)), np.uint8)
    truth[int(150 * factor):] = 1
    shifted = np.zeros_like(truth)
    shifted[int(150 * factor) + shift:] = 1
    scores = MaskScores(LABELS)
    scores.update(truth, shifted)
    assert scores.boundary_f1 == {'ground': f1, 'road': f1, 'bus': None}


def test_a_long_thin_image_keeps_a_row():
    truth = np.zeros((1, 2000), np.uint8)
    truth[:, 1000:] = 1
    scores = MaskScores(LABELS)
    scores.update(truth, truth)
    assert scores.boundary_f1 == {'ground': 1.0, 'road': 1.0, 'bus': None}


def test_boundaries_of_images_of_two_sizes_are_counted_together():
    scores = MaskScores(LABELS)
    for factor in (1, 2):
        truth = np.zeros((360 * factor, 480 * factor), np.uint8)
        truth[150 * factor:] = 1
        shifted = np.zeros_like(truth)
        shifted[(149 + 2 * factor) * factor:] = 1
        scores.update(truth, shifted)
    # 1 row off matches, 3 do not; both are 480 pixels wide when they are matched.
    assert scores.boundary_f1 == {'ground': 0.5, 'road': 0.5, 'bus': None}


def test_calibration_error_of_sure_and_half_right_masks():
    scores = MaskScores(LABELS)
    truth = np.array([[0, 1]], np.uint8)
    scores.update(truth, np.array([[0, 0]], np.uint8), np.full((1, 2), 255, np.uint8))
    assert scores.ece == pytest.approx(0.5)


def test_confidence_of_large_masks_is_counted_after_reducing_them():
    """Of 1920x1440 pixels 480x360 count, a sixteenth; the left half of them is right."""
    scores = MaskScores(LABELS)
    truth = np.zeros((1440, 1920), np.uint8)
    truth[:, 960:] = 1
    scores.update(truth, np.zeros_like(truth), np.full_like(truth, 255))
    assert scores.calibration.counts.sum() == 480 * 360
    assert scores.ece == pytest.approx(0.5)


def test_ids_the_classes_do_not_have_are_refused():
    with pytest.raises(InputError, match='7'):
        MaskScores(LABELS).update(np.full((2, 2), 7, np.uint8), np.zeros((2, 2), np.uint8))


def test_percentiles_of_a_hundred_and_one_values():
    assert percentiles([float(value) for value in range(101)]) == {
        'p50': 50.0, 'p95': 95.0, 'p99': 99.0}
    assert not any(math.isnan(value) for value in percentiles([1.0]).values())
