"""Rays on the ground against a search in small steps."""

import math

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np
import pytest

from road_seg.world.road import Road
from road_seg.world.road import Wave
from road_seg.world.surface import BasePose
from road_seg.world.surface import cast


def march(road: Road, origin: np.ndarray, ray: np.ndarray, lift: float) -> float:
    """Return where a ray first goes below the surface, searched in steps of 1 cm."""
    reach = np.arange(0.01, 120.0, 0.01)
    points = origin + reach[:, np.newaxis] * ray
    below = points[:, 2] < road.height(points[:, 0], points[:, 1]) + lift
    return reach[below.argmax()] if below.any() else math.inf


angles = st.floats(-1.0, 1.0)


@settings(max_examples=60, deadline=None)
@given(amplitude=st.floats(0.0, 2.0), phase=st.floats(0.0, 6.0), crown=st.floats(0.0, 0.03),
       bend=st.floats(0.0, 8.0), lift=st.sampled_from((0.0, 0.15)), bearing=angles,
       down=st.floats(0.01, 0.6))
def test_a_ray_meets_the_first_ground_on_its_way(amplitude: float, phase: float, crown: float,
                                                 bend: float, lift: float, bearing: float,
                                                 down: float):
    road = Road(bends=(Wave(bend, 40.0),), hills=(Wave(amplitude, 15.0, phase),), crown=crown)
    origin = np.array([0.0, -1.0, road.profile(0.0) + 1.5])
    ray = np.array([math.cos(bearing), math.sin(bearing), -down])
    ray /= np.linalg.norm(ray)
    # Just above a crest a hair decides between near and far: leave such rays out.
    around = [march(road, origin, ray + np.array((0.0, 0.0, step)), lift)
              for step in (-2e-3, 0.0, 2e-3)]
    if not max(around) < 110.0 or max(around) - min(around) > 0.3 * around[1]:
        return
    found = cast(road, origin, ray[np.newaxis], lift)[0]
    assert found == pytest.approx(around[1], abs=0.03, rel=2e-3)


def test_a_flat_ground_has_a_horizon():
    rays = np.array([(1.0, 0.0, -0.1), (1.0, 0.0, 0.0), (1.0, 0.0, 0.1)])
    assert cast(Road(), np.array([0.0, 0.0, 2.0]), rays).tolist() == [20.0, math.inf, math.inf]


def test_base_link_touches_a_slope():
    # Near x = 0 the road rises by 2 / 40 = 5 %.
    road = Road(hills=(Wave(2.0, 40.0),))
    base = BasePose.on(road, 0.0, 0.0, 0.0)
    np.testing.assert_allclose(base.rotation[:, 0], np.array([1.0, 0.0, 0.05]) / 1.00125,
                               atol=1e-5)
    np.testing.assert_allclose(base.rotation @ base.rotation.T, np.eye(3), atol=1e-12)
    points = base.ground(road, np.array([0.0, 30.0]), np.array([0.0, 2.0]))
    np.testing.assert_allclose(points[0], 0.0, atol=1e-12)
    np.testing.assert_allclose(points[1, 2], 2.0 * math.sin(points[1, 0] / 40.0), atol=1e-4)
    back = (points - base.origin) @ base.rotation
    np.testing.assert_allclose(back[1, :2], (30.0, 2.0), atol=1e-9)


def test_base_link_tilts_with_the_crown():
    # In the middle of the right half the cross slope is crown * 2 * d / half_width.
    road = Road(half_width=4.0, crown=0.02)
    base = BasePose.on(road, 5.0, -2.0, 0.0)
    assert base.origin[2] == pytest.approx(-0.02 * 4.0 * 0.25)
    assert base.rotation[2, 1] == pytest.approx(0.02, rel=1e-3)
