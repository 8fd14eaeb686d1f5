"""Whether successive grids agree once the vehicle's own motion is taken out; needs no truth."""

from collections import deque

import cv2
import numpy as np

from road_seg.bags.track import Track
from road_seg.grid import DrivableGrid
from road_seg.grid import GridSpec
from road_seg.grid import Reason
from road_seg.planar import PlanarPose
from road_seg.replay.scores import number

# A grid is compared with the newest one at least so much older, if it is no older than that.
_AGE_NS, _MAX_AGE_NS = 500_000_000, 1_500_000_000
_NEIGHBOURS = np.ones((3, 3), np.uint8)
_KNOWN = (Reason.DRIVABLE, Reason.BLOCKED)


def source_cells(spec: GridSpec, motion: PlanarPose) -> np.ndarray:
    """
    Return which cell of an earlier grid each cell of a later one lies in.

    :param spec: the extent of both grids.
    :param motion: base_link of the later grid in base_link of the earlier one.
    :return: (height, width, 2) float32: column and row of the cell, also beyond the grid.
    """
    points = motion.to_parent(spec.cell_centres()[:, :2])
    cells = np.floor((points - (spec.x_min, spec.y_min)) / spec.resolution + 1e-6)
    return cells.reshape(spec.height, spec.width, 2).astype(np.float32)


def compare(earlier: DrivableGrid, later: DrivableGrid, motion: PlanarPose) -> np.ndarray:
    """
    Count the cells that both grids know.

    A cell agrees if the earlier grid has the same state within one cell of the same ground, so
    that borders that fall between cells are no disagreement.

    :param motion: base_link of the later grid in base_link of the earlier one.
    :return: (3,) int64: agreeing, free that are blocked now, blocked that are free now.
    """
    cells = source_cells(later.spec, motion)
    before = _at(earlier.reasons, cells, Reason.OUT_OF_VIEW)
    both = np.isin(before, _KNOWN) & np.isin(later.reasons, _KNOWN)
    differ = [
        both & (before == was) & (later.reasons == now)
        & (_at(cv2.dilate((earlier.reasons == now).astype(np.uint8), _NEIGHBOURS), cells, 0) == 0)
        for was, now in (_KNOWN, _KNOWN[::-1])]
    changed = [np.count_nonzero(each) for each in differ]
    return np.array((np.count_nonzero(both) - sum(changed), *changed), np.int64)


class EgoConsistency:
    """
    Compare each grid with one half a second before, moved by the vehicle's own motion.

    What moves by itself, such as another vehicle, disagrees too, so this is a measure to compare
    runs by.

    :param track: the way of the vehicle.
    """

    def __init__(self, track: Track) -> None:
        self.counts = np.zeros(3, np.int64)
        self.pairs = 0
        self._track = track
        self._grids: deque[tuple[int, DrivableGrid]] = deque()

    def update(self, stamp_ns: int, grid: DrivableGrid) -> None:
        """Add the grid of the next frame."""
        grids = self._grids
        while len(grids) > 1 and grids[1][0] <= stamp_ns - _AGE_NS:
            grids.popleft()
        if grids and grids[0][0] <= stamp_ns - _AGE_NS:
            earlier_ns, earlier = grids[0]
            motion = self._track.motion(earlier_ns, stamp_ns)
            if motion and stamp_ns - earlier_ns <= _MAX_AGE_NS and earlier.spec == grid.spec:
                self.counts += compare(earlier, grid, motion)
                self.pairs += 1
        grids.append((stamp_ns, grid))

    def summary(self) -> dict:
        """Return the shares of the cells known twice, as `replay --json` writes them."""
        names = ('agreement', 'free_then_blocked', 'blocked_then_free')
        shares = self.counts / self.counts.sum() if self.counts.any() else np.full(3, np.nan)
        return {'pairs': self.pairs, **dict(zip(names, map(number, shares), strict=True))}


def _at(values: np.ndarray, cells: np.ndarray, outside: int) -> np.ndarray:
    """Return the values (h, w) uint8 of some cells (h, w, 2) float32, a number outside."""
    return cv2.remap(values, cells, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT,
                     borderValue=float(outside))
