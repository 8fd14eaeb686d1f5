"""Scores of drivable grids against exact ones, by range, accumulated over a data set."""

import cv2
import numpy as np

from road_seg.errors import InputError
from road_seg.grid import DrivableGrid
from road_seg.grid import FREE
from road_seg.grid import Reason

# Distances from the origin of base_link, m.
BANDS = ((0, 10), (10, 20), (20, 30), (30, 50))

_COLUMNS = ('judged', 'known', 'agreeing', 'hazards', 'false_free')
# What a grid says of the ground; all else says that it does not know.
_STATED = (Reason.DRIVABLE, Reason.BLOCKED, Reason.OUT_OF_VIEW, Reason.OCCLUDED)


class GridScores:
    """
    Count cells by range band.

    Judged are the cells in view, of the truth or of the grid, that do not touch another reason
    of the truth among their 8 neighbours. Known of these are the cells of which the grid says
    drivable, blocked, occluded or out of view; agreement is the share of the known ones with the
    reason of the truth, coverage the share of the judged ones that are known. Low confidence, too
    far and stale thus lower the coverage, not the agreement.

    False free is the share of all cells blocked or occluded in truth, borders included, that the
    grid gives as free.
    """

    def __init__(self) -> None:
        self.counts = np.zeros((len(BANDS), len(_COLUMNS)), np.int64)

    def update(self, truth: DrivableGrid, grid: DrivableGrid) -> None:
        """
        Add one grid.

        :param truth: the exact grid.
        :param grid: of the same extent.
        :raises InputError: the extents differ.
        """
        if truth.spec != grid.spec:
            raise InputError('grid', found=str(grid.spec), expected=f'that of the truth, '
                             f'{truth.spec}', fix='set the grid parameters to those of the truth')
        unseen = Reason.OUT_OF_VIEW
        judged = ~_touches_border(truth.reasons) & (
            (truth.reasons != unseen) | (grid.reasons != unseen))
        known = judged & np.isin(grid.reasons, _STATED)
        hazards = np.isin(truth.reasons, (Reason.BLOCKED, Reason.OCCLUDED))
        masks = (judged, known, known & (truth.reasons == grid.reasons), hazards,
                 hazards & (grid.values == FREE))
        centres = truth.spec.cell_centres()
        ranges = np.hypot(centres[:, 0], centres[:, 1]).reshape(truth.reasons.shape)
        for counts, (near, far) in zip(self.counts, BANDS, strict=True):
            inside = (ranges >= near) & (ranges < far)
            counts += [np.count_nonzero(mask & inside) for mask in masks]

    def agreement(self, limit: float = np.inf) -> float:
        """Return the share of known cells nearer than a range that agree; NaN without any."""
        return self._ratio('agreeing', 'known', limit)

    def coverage(self, limit: float = np.inf) -> float:
        """Return the share of judged cells nearer than a range that are known."""
        return self._ratio('known', 'judged', limit)

    def false_free(self, limit: float = np.inf) -> float:
        """Return the share of hazards nearer than a range that are given as free."""
        return self._ratio('false_free', 'hazards', limit)

    def by_band(self) -> list[dict[str, float]]:
        """Return agreement, coverage and false_free of each of BANDS; NaN without cells."""
        scores = []
        for index in range(len(BANDS)):
            band = GridScores()
            band.counts[index] = self.counts[index]
            scores.append({'agreement': band.agreement(), 'coverage': band.coverage(),
                           'false_free': band.false_free()})
        return scores

    def _ratio(self, part: str, whole: str, limit: float) -> float:
        within = np.array([far <= limit for _, far in BANDS])
        counts = dict(zip(_COLUMNS, self.counts[within].sum(axis=0).tolist(), strict=True))
        return counts[part] / counts[whole] if counts[whole] else float('nan')

    def __add__(self, other: 'GridScores') -> 'GridScores':
        merged = GridScores()
        merged.counts = self.counts + other.counts
        return merged


def _touches_border(reasons: np.ndarray) -> np.ndarray:
    """Return the cells with another reason among their 8 neighbours, (height, width) bool."""
    square = np.ones((3, 3), np.uint8)
    return cv2.dilate(reasons, square) != cv2.erode(reasons, square)
