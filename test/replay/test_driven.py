"""The vehicle drove where the grid said that it could not."""

import math

import numpy as np
import pytest

from road_seg.grid import DrivableGrid
from road_seg.grid import GridRules
from road_seg.grid import GridSpec
from road_seg.grid import Reason
from road_seg.grid import VALUES
from road_seg.planar import PlanarPose
from road_seg.replay.driven import driven_blocked

SPEC = GridSpec(0.5, 0.0, 20.0, -10.0, 10.0)
AHEAD = [PlanarPose(float(x), 0.0, 0.0) for x in range(11)]


def grid(*blocked: tuple[float, float], unknown: float = 20.0) -> DrivableGrid:
    """Return free ground up to a distance with blocked cells at some points x, y."""
    reasons = np.full((SPEC.height, SPEC.width), Reason.DRIVABLE, np.uint8)
    reasons[:, int(unknown / 0.5):] = Reason.OCCLUDED
    for x, y in blocked:
        reasons[int((y + 10.0) / 0.5), int(x / 0.5)] = Reason.BLOCKED
    return DrivableGrid(SPEC, VALUES[reasons], reasons)


def nothing(points: np.ndarray) -> np.ndarray:
    """Say that nothing can move."""
    return np.zeros(len(points), bool)


def test_free_way() -> None:
    assert driven_blocked(grid(), AHEAD, GridRules(), nothing) == 0.0


def test_blocked_cells_on_the_way_and_beside_it() -> None:
    # 10 m ahead and the cells that 1.5 m touch: 21 by 4.
    assert driven_blocked(grid((5.0, 0.1), (8.0, -0.5)), AHEAD, GridRules(), nothing) == 2 / 84
    assert driven_blocked(grid((5.0, 3.0), (15.0, 0.1)), AHEAD, GridRules(), nothing) == 0.0


def test_what_can_move_may_have_left() -> None:
    def beyond_7_m(points: np.ndarray) -> np.ndarray:
        assert points[:, 0].tolist() == [5.25, 8.25]
        return points[:, 0] > 7.0

    blocked = grid((5.0, 0.1), (8.0, 0.1))
    assert driven_blocked(blocked, AHEAD, GridRules(), beyond_7_m) == 1 / 84


def test_a_vehicle_as_wide_as_the_rules_say() -> None:
    assert driven_blocked(grid((5.0, 3.0)), AHEAD,
                          GridRules(ego_y_min=-1.0, ego_y_max=4.0), nothing) > 0.0


def test_the_way_round_a_corner() -> None:
    arc = [PlanarPose(5.0 * math.sin(turn), 5.0 - 5.0 * math.cos(turn), turn)
           for turn in np.linspace(0.0, math.pi / 2, 10)]
    assert driven_blocked(grid((5.1, 4.6)), arc, GridRules(), nothing) > 0.0
    assert driven_blocked(grid((5.1, 0.1)), arc, GridRules(), nothing) == 0.0


@pytest.mark.parametrize(('path', 'unknown'), [(AHEAD, 0.0), (AHEAD[:1], 20.0), ([], 20.0)])
def test_nothing_is_known_of_the_way(path: list[PlanarPose], unknown: float) -> None:
    assert driven_blocked(grid(unknown=unknown), path, GridRules(), nothing) is None
