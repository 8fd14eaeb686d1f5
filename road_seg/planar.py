"""Where a vehicle is on the ground plane."""

from dataclasses import dataclass
import math

import numpy as np


@dataclass(frozen=True)
class PlanarPose:
    """
    Pose of one frame in another, both with z up.

    :param x: origin, m.
    :param y: origin, m.
    :param yaw: rotation about z, rad; positive turns x towards y.
    """

    x: float
    y: float
    yaw: float

    def seen_from(self, other: 'PlanarPose') -> 'PlanarPose':
        """Return this pose in the frame whose pose in the same parent is `other`."""
        cos, sin = math.cos(other.yaw), math.sin(other.yaw)
        x, y = self.x - other.x, self.y - other.y
        return PlanarPose(cos * x + sin * y, cos * y - sin * x, self.yaw - other.yaw)

    def to_parent(self, points: np.ndarray) -> np.ndarray:
        """Return points of this frame (N, 2) in its parent, (N, 2) float64, m."""
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        return points @ np.array(((cos, sin), (-sin, cos))) + (self.x, self.y)
