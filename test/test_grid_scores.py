"""Scores of grids against exact ones."""

from dataclasses import replace
import math

import numpy as np
import pytest

from road_seg.errors import InputError
from road_seg.grid import DrivableGrid
from road_seg.grid import GridSpec
from road_seg.grid import Reason
from road_seg.grid import unknown_grid
from road_seg.grid_scores import GridScores
from road_seg.replay.scores import grid_summary

# One row of cells 1 m apart ahead of base_link would only have borders: seven rows.
SPEC = GridSpec(resolution=1.0, x_min=0.0, x_max=50.0, y_min=-3.5, y_max=3.5)
VALUES = np.array([0, 100, -1, -1, -1, -1, -1], np.int8)


def _grid(**columns: int) -> DrivableGrid:
    """Return a grid of reasons by columns: name -> end column, in order."""
    reasons, start = np.full((7, 50), Reason.OUT_OF_VIEW, np.uint8), 0
    for name, end in columns.items():
        reasons[:, start:end] = Reason[name]
        start = end
    return DrivableGrid(SPEC, VALUES[reasons], reasons)


def test_equal_grids_agree() -> None:
    scores = GridScores()
    truth = _grid(OUT_OF_VIEW=3, DRIVABLE=20, BLOCKED=24, OCCLUDED=50)
    scores.update(truth, truth)
    assert scores.agreement() == scores.coverage() == 1.0
    assert scores.false_free() == 0.0


def test_counts_by_hand() -> None:
    # Columns 19 and 20 touch the border between free and blocked, 23 and 24 the next.
    truth = _grid(DRIVABLE=20, BLOCKED=24, OCCLUDED=50)
    grid = _grid(DRIVABLE=22, BLOCKED=24, LOW_CONFIDENCE=26, OCCLUDED=40, TOO_FAR=50)
    scores = GridScores()
    scores.update(truth, grid)
    # Cells nearer than 20 m in the middle row: columns 0..19 (19.5 m).
    columns = np.arange(50) + 0.5
    ranges = np.hypot(columns, np.arange(-3.0, 4.0)[:, np.newaxis])
    judged = np.ones((7, 50), bool)
    judged[:, [19, 20, 23, 24]] = False
    known = judged & (grid.reasons != Reason.LOW_CONFIDENCE) & (grid.reasons != Reason.TOO_FAR)
    wrong = known & (np.arange(50) == 21)
    assert scores.coverage() == known.sum() / judged.sum()
    assert scores.agreement() == 1.0 - wrong.sum() / known.sum()
    assert scores.agreement(20) == 1.0
    # Blocked columns 20 and 21 are given as free, borders included.
    assert scores.false_free() == 2 / 30
    band = (ranges >= 20) & (ranges < 30)
    hazards = band & (np.arange(50) >= 20)
    free = hazards & (np.arange(50) < 22)
    assert scores.by_band()[2]['false_free'] == free.sum() / hazards.sum()
    assert math.isnan(scores.by_band()[0]['false_free'])
    assert grid_summary(scores)['false_free'] == {
        '0-10': None, '10-20': None,
        '20-30': free.sum() / hazards.sum(), '30-50': 0.0}


def test_unseen_in_both_does_not_count_and_unseen_in_one_does() -> None:
    scores = GridScores()
    scores.update(_grid(OUT_OF_VIEW=50), _grid(OUT_OF_VIEW=50))
    assert math.isnan(scores.agreement())
    scores.update(_grid(OUT_OF_VIEW=50), _grid(DRIVABLE=25, OUT_OF_VIEW=50))
    assert scores.agreement() == 0.0
    assert scores.coverage() == 1.0


def test_saying_nothing_is_no_agreement() -> None:
    scores = GridScores()
    scores.update(_grid(DRIVABLE=50), unknown_grid(SPEC, Reason.STALE))
    assert math.isnan(scores.agreement())
    assert scores.coverage() == 0.0


def test_sum_of_parts() -> None:
    truth, grid = _grid(DRIVABLE=20, OCCLUDED=50), _grid(DRIVABLE=25, OCCLUDED=50)
    first, second, both = GridScores(), GridScores(), GridScores()
    first.update(truth, grid)
    second.update(truth, truth)
    both.update(truth, grid)
    both.update(truth, truth)
    assert ((first + second).counts == both.counts).all()


def test_other_extent_is_refused() -> None:
    other = unknown_grid(replace(SPEC, x_max=49.0), Reason.STALE)
    with pytest.raises(InputError, match='grid: found GridSpec'):
        GridScores().update(_grid(), other)
