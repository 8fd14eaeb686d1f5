"""What a camera pose fixes on flat ground: the pixels of every cell and of every bearing."""

from dataclasses import dataclass
import math

import numpy as np

from road_seg.camera import CameraModel
from road_seg.camera import Extrinsics
from road_seg.grid import GridRules
from road_seg.grid import GridSpec
from road_seg.grid import Reason

# Bearings and ranges of the walk are spaced by these shares of a pixel at the image's centre.
# Towards the edges of a pinhole image a pixel covers less angle: cos(45 deg) ** 2 at most.
_BEARING_STEP = 0.7
_RANGE_STEP = 0.5
_MAX_BEARINGS = 4096


@dataclass(frozen=True)
class CellTable:
    """
    Where the N cells to evaluate lie in the image.

    :param cells: (N,) intp, flat indices in the grid.
    :param reasons: (height * width,) uint8, the Reason of all others.
    :param corners: (4, N) intp, flat indices in the integral image: the sum over a cell's box is
        the first less the second less the third plus the fourth.
    :param areas: (N,) int32, pixels of the box.
    :param ranges: (N,) float32, from the camera's foot to the centre, m.
    :param bearings: (N,) float64, of the centre seen from the foot, relative to the camera's
        yaw, rad.
    """

    cells: np.ndarray
    reasons: np.ndarray
    corners: np.ndarray
    areas: np.ndarray
    ranges: np.ndarray
    bearings: np.ndarray


@dataclass(frozen=True)
class WalkTable:
    """
    The pixels met when walking outwards over the ground along B bearings in S steps.

    :param pixels: (B, S) intp, flat indices in the image; any pixel where nothing is seen.
    :param seen: (B, S) bool, whether the step's ground is in the image.
    :param ranges: (S + 1,) float32, from the camera's foot, m; the last is infinite.
    :param nearest: (S + 1,) float32, how near that ground may really be, m.
    :param farthest: (S + 1,) float32, how far that ground may really be, m.
    :param spans: (2, N) intp, flat indices in the (levels, B) table of minima over 1, 2, 4, ...
        bearings: the bearings a cell spans are the union of two such runs.
    :param levels: rows of that table.
    """

    pixels: np.ndarray
    seen: np.ndarray
    ranges: np.ndarray
    nearest: np.ndarray
    farthest: np.ndarray
    spans: np.ndarray
    levels: int


def ground_error(ranges: np.ndarray, height: float, angle: float) -> np.ndarray:
    """
    Return how far off a point of the ground may be along its bearing, m.

    Ground at range r under a camera of height h is seen at the depression t = atan(h / r). If
    the ray is really flatter by the angle a, it meets the ground at h / tan(t - a), and
    tan(t - a) = (h / r - tan a) / (1 + h / r * tan a). The error is that less r; infinite where
    the ray may not meet the ground at all.

    :param ranges: (N,) float64, m.
    :param height: of the camera above the ground, m.
    :param angle: error of the ray, rad.
    """
    slope, bend = height / np.maximum(ranges, 1e-9), math.tan(angle)
    meets = slope > bend
    flatter = np.where(meets, slope - bend, 1.0) / (1.0 + slope * bend)
    return np.where(meets, height / flatter - ranges, np.inf)


def build_cells(spec: GridSpec, rules: GridRules, camera: CameraModel,
                extrinsics: Extrinsics) -> CellTable:
    """
    Find the pixels of every cell.

    A cell's box is the bounding box of its projected corners, rounded to whole pixels, clipped
    to the image; along an axis where that is empty, the pixel of the centre.

    :param camera: model of the images that the grid is made of.
    :param extrinsics: the camera's pose in base_link.
    """
    centres = spec.cell_centres()
    offsets = centres[:, :2] - (extrinsics.x, extrinsics.y)
    ranges = np.hypot(offsets[:, 0], offsets[:, 1])
    pixels, seen = _visible(centres, rules, camera, extrinsics)
    seen &= ~rules.covers(centres)
    error = ground_error(ranges, extrinsics.z, _ray_error(rules, camera))
    near = error <= rules.max_ground_error  # false for NaN
    reasons = np.where(seen, np.where(near, Reason.DRIVABLE, Reason.TOO_FAR), Reason.OUT_OF_VIEW)
    cells = np.flatnonzero(seen & near)
    low, high = _boxes(spec, rules, camera, extrinsics, cells, pixels[cells])
    stride = camera.width + 1
    corners = np.stack((high[:, 1] * stride + high[:, 0], low[:, 1] * stride + high[:, 0],
                        high[:, 1] * stride + low[:, 0], low[:, 1] * stride + low[:, 0]))
    bearings = np.arctan2(offsets[cells, 1], offsets[cells, 0]) - extrinsics.yaw
    return CellTable(cells, reasons.astype(np.uint8), corners,
                     ((high - low)[:, 0] * (high - low)[:, 1]).astype(np.int32),
                     ranges[cells].astype(np.float32),
                     (bearings + math.pi) % (2.0 * math.pi) - math.pi)


def build_walk(spec: GridSpec, rules: GridRules, camera: CameraModel, extrinsics: Extrinsics,
               table: CellTable) -> WalkTable:
    """
    Find the pixels of the walks over the bearings of the cells in the table.

    The steps are half a cell, and beyond the range where that is less than half a pixel, half a
    pixel. The walk begins at the camera's foot, so that it misses nothing in the image, and ends
    where an obstacle can no longer stand on any of the cells.
    """
    halves = 0.5 * spec.resolution * (np.abs(np.cos(table.bearings + extrinsics.yaw))
                                      + np.abs(np.sin(table.bearings + extrinsics.yaw)))
    halves = np.arctan2(halves, table.ranges)
    low = (table.bearings - halves).min(initial=math.pi)
    high = (table.bearings + halves).max(initial=low)
    count = int(min(_MAX_BEARINGS, (high - low) * camera.fx / _BEARING_STEP + 1))
    step = max((high - low) / count, 1e-12)
    bearings = low + (np.arange(count) + 0.5) * step + extrinsics.yaw
    ranges = _steps(spec.resolution, extrinsics.z, camera.fy,
                    table.ranges.max(initial=0.0) + rules.max_ground_error)
    points = np.zeros((count, len(ranges), 3))
    points[..., 0] = extrinsics.x + np.cos(bearings)[:, np.newaxis] * ranges
    points[..., 1] = extrinsics.y + np.sin(bearings)[:, np.newaxis] * ranges
    pixels, seen = _visible(points.reshape(-1, 3), rules, camera, extrinsics)
    seen = seen.reshape(count, -1)
    nearest = np.zeros(seen.shape, np.intp)
    nearest[seen] = _flat(pixels.reshape(count, -1, 2)[seen], camera.width)
    first = int(seen.any(axis=0).argmax())
    spans, levels = _spans(np.floor((table.bearings - halves - low) / step).astype(np.intp),
                           np.floor((table.bearings + halves - low) / step).astype(np.intp),
                           count)
    ranges, error = ranges[first:], _ray_error(rules, camera)
    steeper = np.tan(np.arctan(extrinsics.z / ranges) + error)
    limits = [np.append(values, np.inf).astype(np.float32) for values in (
        ranges, extrinsics.z / steeper, ranges + ground_error(ranges, extrinsics.z, error))]
    return WalkTable(np.ascontiguousarray(nearest[:, first:]),
                     np.ascontiguousarray(seen[:, first:]), *limits, spans, levels)


def _visible(points: np.ndarray, rules: GridRules, camera: CameraModel,
             extrinsics: Extrinsics) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels (N, 2) of ground points (N, 3) and whether the image shows them there."""
    if extrinsics.z <= 0.0:  # no ground is seen from below
        return np.full((len(points), 2), np.nan), np.zeros(len(points), bool)
    pixels, seen = camera.project(extrinsics.to_optical(points))
    return pixels, seen & (pixels[:, 1] < _row_limit(rules, camera) - 0.5)


def _ray_error(rules: GridRules, camera: CameraModel) -> float:
    """Return how far off a ray may be, rad: the pitch, and half a pixel."""
    return min(math.radians(rules.pitch_uncertainty_deg) + math.atan2(0.5, camera.fy),
               math.pi / 2.0)


def _row_limit(rules: GridRules, camera: CameraModel) -> int:
    """Return the number of rows above the vehicle's bonnet."""
    return math.ceil(rules.bonnet_top * camera.height)


def _flat(pixels: np.ndarray, width: int) -> np.ndarray:
    """Return the flat indices of the pixels nearest to positions (N, 2)."""
    nearest = np.floor(pixels + 0.5).astype(np.intp)
    return nearest[:, 1] * width + nearest[:, 0]


def _boxes(spec: GridSpec, rules: GridRules, camera: CameraModel, extrinsics: Extrinsics,
           cells: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return first and end (column, row) of the cells' boxes, (N, 2) intp each."""
    corners, _ = camera.project(extrinsics.to_optical(spec.cell_corners()))
    at = cells // spec.width * (spec.width + 1) + cells % spec.width
    limits = (camera.width, _row_limit(rules, camera))
    low = high = centres
    for offset in (0, 1, spec.width + 1, spec.width + 2):
        corner = corners.take(at + offset, axis=0)
        # A corner outside the lens's field is NaN and does not count.
        low, high = np.fmin(low, corner), np.fmax(high, corner)
    low = np.clip(np.rint(low + 0.5), 0, limits)
    high = np.clip(np.rint(high + 0.5), 0, limits)
    middle = np.floor(centres + 0.5)
    empty = high <= low
    return (np.where(empty, middle, low).astype(np.intp),
            np.where(empty, middle + 1.0, high).astype(np.intp))


def _steps(resolution: float, height: float, fy: float, farthest: float) -> np.ndarray:
    """Return the ranges of a walk, m, from half a cell to the farthest cell."""
    steps = [0.5 * resolution]
    while steps[-1] < farthest:
        last = steps[-1]
        pixel = (last * last + height * height) / max(height * fy, 1e-3)
        steps.append(last + max(0.5 * resolution, _RANGE_STEP * pixel))
    return np.array(steps)


def _spans(first: np.ndarray, last: np.ndarray, count: int) -> tuple[np.ndarray, int]:
    """Return the two runs whose union is first..last, for each cell, and the levels needed."""
    first, last = np.clip(first, 0, count - 1), np.clip(last, 0, count - 1)
    level = np.log2(last - first + 1).astype(np.intp)
    spans = np.stack((level * count + first, level * count + last + 1 - (1 << level)))
    return spans, int(level.max(initial=0)) + 1
