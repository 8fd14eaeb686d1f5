"""The extent of a grid and the rules of its cells."""

from dataclasses import replace
import math

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from road_seg.errors import ConfigError
from road_seg.grid import GridRules
from road_seg.grid import GridSpec
from road_seg.grid import Reason
from road_seg.grid import unknown_grid

SPEC = GridSpec(resolution=1.0, x_min=-2.0, x_max=40.0, y_min=-10.0, y_max=10.0)


class TestGridSpec:
    """The extent of a grid."""

    def test_default_is_40_by_40_metres(self) -> None:
        assert (GridSpec().width, GridSpec().height) == (200, 200)

    def test_width_is_along_x(self) -> None:
        assert (SPEC.width, SPEC.height) == (42, 20)

    def test_cell_centres_follow_the_occupancy_grid_order(self) -> None:
        centres = SPEC.cell_centres()
        assert centres.shape == (42 * 20, 3)
        assert centres[0].tolist() == [-1.5, -9.5, 0.0]
        assert centres[1].tolist() == [-0.5, -9.5, 0.0]
        assert centres[42].tolist() == [-1.5, -8.5, 0.0]
        assert centres[-1].tolist() == [39.5, 9.5, 0.0]

    @pytest.mark.parametrize('changes', [
        {'resolution': 0.0}, {'resolution': -0.2}, {'resolution': math.nan},
        {'resolution': 0.3}, {'resolution': 100.0}, {'resolution': 0.001},
        {'x_max': 0.0}, {'x_min': 50.0}, {'y_min': 20.0}, {'y_max': math.inf}, {'x_max': 40.1},
        {'resolution': 1e-300}])
    def test_refuses(self, changes: dict[str, float]) -> None:
        with pytest.raises(ConfigError, match='grid: found resolution'):
            replace(GridSpec(), **changes)

    @given(resolution=st.sampled_from([0.05, 0.1, 0.15, 0.2, 0.25, 0.5]),
           cells=st.tuples(st.integers(1, 400), st.integers(1, 400)), start=st.integers(-50, 50))
    def test_takes_every_whole_number_of_cells(self, resolution: float, cells: tuple[int, int],
                                               start: int) -> None:
        x_min = start * resolution
        spec = GridSpec(resolution, x_min, x_min + cells[0] * resolution, -5.0,
                        -5.0 + cells[1] * resolution)
        assert (spec.width, spec.height) == cells


    def test_corners_lie_half_a_cell_around_the_centres(self) -> None:
        corners = SPEC.cell_corners().reshape(21, 43, 3)
        assert corners[0, 0].tolist() == [-2.0, -10.0, 0.0]
        assert corners[0, 1].tolist() == [-1.0, -10.0, 0.0]
        assert corners[20, 42].tolist() == [40.0, 10.0, 0.0]


def test_reason_codes() -> None:
    assert [(reason.name, reason.value) for reason in Reason] == [
        ('DRIVABLE', 0), ('BLOCKED', 1), ('OUT_OF_VIEW', 2), ('OCCLUDED', 3),
        ('LOW_CONFIDENCE', 4), ('TOO_FAR', 5), ('STALE', 6)]


def test_unknown_grid() -> None:
    grid = unknown_grid(SPEC, Reason.STALE)
    assert grid.values.shape == grid.reasons.shape == (20, 42)
    assert (grid.values.dtype, grid.reasons.dtype) == (np.int8, np.uint8)
    assert (grid.values == -1).all()
    assert (grid.reasons == 6).all()


def test_ground_under_the_vehicle() -> None:
    rules = GridRules(ego_x_min=-1.0, ego_x_max=3.7, ego_y_min=-0.9, ego_y_max=0.9)
    points = np.array([(0.0, 0.0, 0.0), (3.6, 0.8, 0.0), (3.8, 0.0, 0.0), (0.0, -1.0, 0.0)])
    assert rules.covers(points).tolist() == [True, True, False, False]
    assert not GridRules().covers(points).any()
