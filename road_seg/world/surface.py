"""Where rays meet the ground, and where the vehicle stands on it."""

from dataclasses import dataclass

import numpy as np

from road_seg.world.road import Road

_REACH = np.concatenate((np.linspace(0.05, 20.0, 800), np.geomspace(20.05, 900.0, 1600)))
_MAX_STEP = 0.1  # largest change of a distance in one step of refinement, as a share of it
_STEPS = 3
_STEPS_UP = 2
_FLATTEST = -1e-5  # slope of the flattest ray that still meets a flat ground


@dataclass(frozen=True)
class BasePose:
    """
    Where base_link is in the world; its z = 0 plane touches the road.

    :param origin: (3,) float64, m.
    :param rotation: (3, 3) float64, takes vectors of base_link to the world.
    :param yaw: heading, rad.
    """

    origin: np.ndarray
    rotation: np.ndarray
    yaw: float

    @classmethod
    def on(cls, road: Road, x: float, y: float, yaw: float) -> 'BasePose':
        """Put base_link on the road's surface."""
        step = 0.01
        around = np.array([(x, y), (x + step, y), (x - step, y), (x, y + step), (x, y - step)])
        here, ahead, behind, left, right = road.height(around[:, 0], around[:, 1])
        normal = np.array([(behind - ahead) / (2 * step), (right - left) / (2 * step), 1.0])
        normal /= np.linalg.norm(normal)
        heading = np.array([np.cos(yaw), np.sin(yaw), 0.0])
        forward = heading - normal * (heading @ normal)
        forward /= np.linalg.norm(forward)
        rotation = np.stack((forward, np.cross(normal, forward), normal), axis=1)
        return cls(np.array([x, y, here]), rotation, yaw)

    def ground(self, road: Road, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """
        Return the ground points above or below points of base_link's z = 0 plane.

        :param x: (N,) m, base_link.
        :param y: (N,) m, base_link.
        :return: (N, 3) float64, m, world.
        """
        axes, (east, north, level) = self.rotation, self.origin
        east = east + axes[0, 0] * x + axes[0, 1] * y
        north = north + axes[1, 0] * x + axes[1, 1] * y
        level = level + axes[2, 0] * x + axes[2, 1] * y
        if road.hills or road.crown:
            for _ in range(_STEPS_UP):
                rise = (road.height(east, north) - level) / axes[2, 2]
                east, north, level = (east + rise * axes[0, 2], north + rise * axes[1, 2],
                                      level + rise * axes[2, 2])
        return np.stack((east, north, level), axis=1)


def cast(road: Road, origin: np.ndarray, rays: np.ndarray, lift: float = 0.0) -> np.ndarray:
    """
    Return how far along each ray the surface of the carriageway, raised by `lift`, is met first.

    :param origin: (3,) where the rays start, m, world.
    :param rays: (..., 3) directions, world.
    :return: (...) in lengths of the ray; inf where it is not met.
    """
    if not road.hills:
        down = np.minimum(rays[..., 2], _FLATTEST)
        reach = (lift - origin[2]) / down
        reach = np.where(rays[..., 2] < _FLATTEST, reach, np.inf).astype(rays.dtype)
    else:
        reach = _over_hills(road, origin, rays, lift)
    if not road.crown and not road.hills:
        return reach
    return _refined(road, origin, rays, lift, reach)


def _over_hills(road: Road, origin: np.ndarray, rays: np.ndarray, lift: float) -> np.ndarray:
    """
    Meet the height profile, which depends on x alone: first where it rises above the ray.

    Seen from the origin each profile point has a slope; what is not steeper than all before it
    is hidden, so the running maximum over distance is the table to look the ray's slope up in.
    """
    across = np.maximum(np.abs(rays[..., 0]), 1e-6)
    slopes = rays[..., 2] / across
    distance = np.empty(slopes.shape, rays.dtype)
    for sign in (1.0, -1.0):
        heights = road.profile(origin[0] + sign * _REACH) + lift - origin[2]
        steepest = np.maximum.accumulate(heights / _REACH)
        chosen = (rays[..., 0] >= 0.0) == (sign > 0.0)
        distance[chosen] = np.interp(slopes[chosen], steepest, _REACH, right=np.inf)
    beside = distance < 1.0
    reach = distance / across
    level = road.profile(origin[0]) + lift - origin[2]
    reach[beside] = level / np.minimum(rays[..., 2][beside], _FLATTEST)
    return reach


def _refined(road: Road, origin: np.ndarray, rays: np.ndarray, lift: float,
             reach: np.ndarray) -> np.ndarray:
    """Secant steps onto the full surface."""
    met = np.isfinite(reach)
    rays = rays[met]
    reach = reach[met]
    x, y, z = (origin + 0.0).astype(rays.dtype)
    east, north, up = rays[:, 0], rays[:, 1], rays[:, 2]

    def gap(at: np.ndarray) -> np.ndarray:
        return z + at * up - lift - road.height(x + at * east, y + at * north)

    before, gap_before = reach, gap(reach)
    reach = _stepped(reach, gap_before, np.minimum(up, _FLATTEST))
    for _ in range(_STEPS):
        here = gap(reach)
        change = reach - before
        slope = np.where(change == 0.0, -1.0, (here - gap_before) / np.where(
            change == 0.0, 1.0, change))
        before, gap_before = reach, here
        reach = _stepped(reach, here, np.minimum(slope, _FLATTEST))
    result = np.full(met.shape, np.inf, rays.dtype)
    result[met] = reach
    return result


def _stepped(reach: np.ndarray, gap: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Return a better distance, not too far from the last one."""
    return reach - np.clip(gap / slope, -_MAX_STEP * reach, _MAX_STEP * reach)
