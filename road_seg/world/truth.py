"""The exact grid of a scene, from its geometry and not from its picture."""

import numpy as np

from road_seg.grid import BLOCKED_DEPTH
from road_seg.grid import DrivableGrid
from road_seg.grid import GridSpec
from road_seg.grid import Reason
from road_seg.grid import VALUES
from road_seg.world.render import Shot
from road_seg.world.road import Road
from road_seg.world.solids import Thing
from road_seg.world.surface import BasePose
from road_seg.world.surface import cast

_HIDDEN = 0.05  # m that a ground point must lie behind what hides it
_RANGE_STEP = 0.2  # m; the road's edge is searched in such steps, then bisected
_VIEW_STEPS = 48
_BISECTIONS = 9
_NEAREST = 0.2  # m


def grid_truth(road: Road, things: list[Thing], shot: Shot, spec: GridSpec) -> DrivableGrid:
    """
    Return what is true of each cell's centre as the camera could know it.

    Along each bearing from the camera's foot the first surface that is no road, from the nearest
    ground in the image on, blocks; what is nearer is drivable, what is farther is occluded.

    :param things: where they stand now.
    """
    centres = spec.cell_centres()
    x, y = centres[:, 0], centres[:, 1]
    foot = (shot.extrinsics.x, shot.extrinsics.y)
    distance = np.hypot(x - foot[0], y - foot[1])
    bearing = np.arctan2(y - foot[1], x - foot[0])
    points = _surface(road, shot.base, x, y)
    out_of_view = ~_in_image(shot, points)
    hidden = _hidden_by_terrain(road, shot, points)
    step = 0.5 * spec.resolution / max(float(distance.max()), spec.resolution)
    first = _first_blocked(road, things, shot, bearing[~out_of_view], step,
                           float(distance.max()))
    limit = np.full(len(x), np.inf)
    limit[~out_of_view] = first
    reasons = np.full(len(x), Reason.DRIVABLE, np.uint8)
    # Bearings are rounded to a table: a cell's own ground has the last word.
    own = road.is_road(points[:, 0], points[:, 1])
    reasons[(distance >= limit) | ~own] = Reason.BLOCKED
    reasons[(distance > limit + BLOCKED_DEPTH) | hidden] = Reason.OCCLUDED
    reasons[out_of_view] = Reason.OUT_OF_VIEW
    shape = (spec.height, spec.width)
    return DrivableGrid(spec, VALUES.take(reasons).reshape(shape), reasons.reshape(shape))


def _surface(road: Road, base: BasePose, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the visible ground (N, 3), world, at points of base_link's plane."""
    points = base.ground(road, x, y)
    if road.kerb:
        points[:, 2] += road.lift(points[:, 0], points[:, 1])
    return points


def _in_image(shot: Shot, points: np.ndarray) -> np.ndarray:
    """Say which world points (N, 3) the image would show if nothing stood in the way."""
    return shot.camera.project((points - shot.origin) @ shot.rotation)[1]


def _hidden_by_terrain(road: Road, shot: Shot, points: np.ndarray) -> np.ndarray:
    if not road.hills:
        return np.zeros(len(points), bool)
    rays = points - shot.origin
    rays[:, 2] -= road.lift(points[:, 0], points[:, 1])
    length = np.linalg.norm(rays, axis=1)
    # A little above the ground, so that a point does not hide itself.
    rays[:, 2] += _HIDDEN
    return cast(road, shot.origin, rays / length[:, np.newaxis]) < 0.98 * length - 0.5


def _first_blocked(road: Road, things: list[Thing], shot: Shot, bearings: np.ndarray,
                   step: float, farthest: float) -> np.ndarray:
    """Return, for bearings (N,), the distance of the first surface that is no road."""
    if not len(bearings):
        return np.empty(0)
    lowest = float(bearings.min())
    table = lowest + step * np.arange(int((float(bearings.max()) - lowest) / step) + 2)
    start = _nearest_seen(road, shot, table, farthest)
    first = np.minimum(_edge_of_road(road, shot, table, start, farthest),
                       _first_thing(things, shot, table, start, farthest))
    return first[np.round((bearings - lowest) / step).astype(int)]


def _along(shot: Shot, bearings: np.ndarray,
           distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y in base_link of points at a distance from the camera's foot."""
    return (shot.extrinsics.x + distance * np.cos(bearings),
            shot.extrinsics.y + distance * np.sin(bearings))


def _nearest_seen(road: Road, shot: Shot, bearings: np.ndarray, farthest: float) -> np.ndarray:
    """Return the distance (N,) of the nearest ground in the image; inf without any."""
    ranges = np.geomspace(_NEAREST, farthest, _VIEW_STEPS)

    def seen(distance: np.ndarray) -> np.ndarray:
        x, y = _along(shot, bearings, distance)
        return _in_image(shot, _surface(road, shot.base, x.ravel(), y.ravel())).reshape(x.shape)

    visible = seen(ranges[:, np.newaxis] + 0.0 * bearings)
    index = visible.argmax(axis=0)
    high = ranges[index]
    low = ranges[np.maximum(index - 1, 0)]
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        inside = seen(middle)
        high, low = np.where(inside, middle, high), np.where(inside, low, middle)
    return np.where(visible.any(axis=0), high, np.inf)


def _edge_of_road(road: Road, shot: Shot, bearings: np.ndarray, start: np.ndarray,
                  farthest: float) -> np.ndarray:
    """Return the distance (N,) at which the ground stops being road; inf if it never does."""
    ranges = np.arange(_NEAREST, farthest + _RANGE_STEP, _RANGE_STEP)

    def is_road(distance: np.ndarray, bearings: np.ndarray = bearings) -> np.ndarray:
        x, y = _along(shot, bearings, distance)
        points = shot.base.ground(road, x.ravel(), y.ravel())
        return road.is_road(points[:, 0], points[:, 1]).reshape(x.shape)

    # Single precision will do here: what is found is refined in double precision below.
    left = ~is_road(ranges[:, np.newaxis].astype(np.float32), bearings.astype(np.float32))
    left &= ranges[:, np.newaxis] > start
    index = left.argmax(axis=0)
    high = ranges[index]
    low = np.maximum(ranges[np.maximum(index - 1, 0)], np.minimum(start, high))
    at_start = ~is_road(low)
    high = np.where(at_start, low, high)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        inside = is_road(middle)
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return np.where(left.any(axis=0), high, np.inf)


def _first_thing(things: list[Thing], shot: Shot, bearings: np.ndarray, start: np.ndarray,
                 farthest: float) -> np.ndarray:
    """
    Return the distance (N,) at which a bearing first meets a thing, from `start` on.

    A thing nearer than that counts as met at `start` where its body hides the ground there.
    """
    first = np.full(len(bearings), np.inf)
    for thing in things:
        corners = thing.footprint(*shot.origin[:2])
        if np.hypot(*(corners - shot.origin[:2]).T).min() > farthest + thing.extent[0]:
            continue
        foot = np.column_stack((corners, np.full(len(corners), thing.z))) - shot.base.origin
        local = foot @ shot.base.rotation
        walls = _walls_met(local[:, :2] - (shot.extrinsics.x, shot.extrinsics.y), bearings)
        beyond = walls > start
        nearest = np.where(beyond, walls, np.inf).min(axis=0)
        # The sight line to the ground at `start` passes a nearer wall at this height.
        with np.errstate(invalid='ignore'):
            line = shot.extrinsics.z * (1.0 - walls / start)
        covered = (~beyond & (line < local[0, 2] + thing.extent[2])).any(axis=0)
        # An odd number of walls beyond the start: it lies inside.
        covered |= (len(local) > 2) & (beyond & np.isfinite(walls)).sum(axis=0) % 2 == 1
        first = np.minimum(first, np.where(covered, start, nearest))
    return first


def _walls_met(corners: np.ndarray, bearings: np.ndarray) -> np.ndarray:
    """
    Return how far along bearings (N,) each side of an outline is met, (K, N); inf for never.

    :param corners: (K, 2), m, from the bearings' origin.
    """
    cos, sin = np.cos(bearings), np.sin(bearings)
    met = np.full((len(corners), len(bearings)), np.inf)
    for index, (one, other) in enumerate(zip(corners, np.roll(corners, -1, axis=0), strict=True)):
        across = other - one
        with np.errstate(divide='ignore', invalid='ignore'):
            reach = (one[1] * across[0] - one[0] * across[1]) / (sin * across[0] - cos * across[1])
            share = ((reach * cos - one[0]) / across[0] if abs(across[0]) > abs(across[1]) else
                     (reach * sin - one[1]) / across[1])
        hit = (share >= 0.0) & (share < 1.0) & (reach > 0.0)
        met[index, hit] = reach[hit]
    return met
