"""Poses on the ground plane."""

import math

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from road_seg.planar import PlanarPose

poses = st.builds(PlanarPose, *[st.floats(-50.0, 50.0)] * 2, st.floats(-4.0, 4.0))


def test_what_is_ahead_of_a_vehicle_that_looks_left() -> None:
    vehicle = PlanarPose(10.0, 5.0, math.pi / 2)
    found = PlanarPose(10.0, 8.0, math.pi).seen_from(vehicle)
    assert (found.x, found.y, found.yaw) == pytest.approx((3.0, 0.0, math.pi / 2))
    assert vehicle.to_parent(np.array([[3.0, 0.0], [0.0, 1.0]])) == pytest.approx(
        np.array([[10.0, 8.0], [9.0, 5.0]]))


@given(poses, poses)
def test_seen_from_is_the_inverse_of_to_parent(pose: PlanarPose, other: PlanarPose) -> None:
    relative = pose.seen_from(other)
    point = np.array([[1.5, -2.0]])
    assert other.to_parent(relative.to_parent(point)) == pytest.approx(
        pose.to_parent(point), abs=1e-9)
