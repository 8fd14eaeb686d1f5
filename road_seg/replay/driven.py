"""Where a vehicle drove although the grid had said that it could not."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from road_seg.grid import DrivableGrid
from road_seg.grid import GridRules
from road_seg.grid import GridSpec
from road_seg.grid import Reason
from road_seg.planar import PlanarPose

# Half of what lies between the wheels of a small car, m: whatever the vehicle, it drove over this.
_HALF_WIDTH = 0.75


def driven_blocked(grid: DrivableGrid, path: Sequence[PlanarPose],
                   rules: GridRules) -> float | None:
    """
    Return the share of the known cells on the vehicle's way that the grid gives as blocked.

    What the vehicle follows and what has left its way meanwhile is blocked there too.

    :param grid: of a frame.
    :param path: where base_link is from then on, in base_link of the frame.
    :param rules: the vehicle is as wide as the ground under it; 1.5 m if they do not say.
    :return: 0..1; None if no cell of the way is known.
    """
    sides = (rules.ego_y_min, rules.ego_y_max) if rules.ego_y_max > rules.ego_y_min else (
        -_HALF_WIDTH, _HALF_WIDTH)
    on_way = _swath(grid.spec, path, sides)
    blocked = np.count_nonzero(on_way & (grid.reasons == Reason.BLOCKED))
    known = blocked + np.count_nonzero(on_way & (grid.reasons == Reason.DRIVABLE))
    return blocked / known if known else None


def _swath(spec: GridSpec, path: Sequence[PlanarPose], sides: tuple[float, float]) -> np.ndarray:
    """Return the cells on a way, (height, width) bool; those it touches count."""
    edge = np.array([(0.0, side) for side in sides])
    ends = [(pose.to_parent(edge) - (spec.x_min, spec.y_min)) / spec.resolution - 0.5
            for pose in path]
    cells = np.zeros((spec.height, spec.width), np.uint8)
    for (right, left), (next_right, next_left) in pairwise(ends):
        corners = np.array((right, next_right, next_left, left)).round().astype(np.int32)
        cv2.fillConvexPoly(cells, cv2.convexHull(corners), 1)
    return cells > 0
