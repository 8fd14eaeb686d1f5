"""The drivable area on the ground plane: one value and one reason a cell."""

from dataclasses import dataclass
from enum import IntEnum
import math

import numpy as np

from road_seg.errors import ConfigError

# Values of nav2_costmap_2d's occ_grid_values.hpp.
FREE = 0
OCCUPIED = 100
UNKNOWN = -1

ENCODINGS = ('trinary', 'probability')

# How deep behind its nearest surface an obstacle is known to be one, m; beyond it hides the
# ground.
BLOCKED_DEPTH = 0.6

# The stamp of an image may lie this far in the future, ns: clocks that are not synchronised better
# give no usable age.
MAX_FUTURE_NS = 100_000_000

_MAX_CELLS = 4_000_000
_NS_PER_S = 1e9


class Reason(IntEnum):
    """Why a cell has its value; every reason but the first two means UNKNOWN."""

    DRIVABLE = 0
    BLOCKED = 1
    OUT_OF_VIEW = 2
    OCCLUDED = 3
    LOW_CONFIDENCE = 4
    TOO_FAR = 5
    STALE = 6


# The value of each Reason in the trinary encoding.
VALUES = np.full(len(Reason), UNKNOWN, np.int8)
VALUES[[Reason.DRIVABLE, Reason.BLOCKED]] = FREE, OCCUPIED


@dataclass(frozen=True)
class GridSpec:
    """
    The extent of a grid in base_link (x forward, y left), metres.

    :param resolution: edge of a cell.
    :param x_min: rear edge.
    :param x_max: front edge.
    :param y_min: right edge.
    :param y_max: left edge.
    :raises ConfigError: the extent is empty, too large or no whole number of cells.
    """

    resolution: float = 0.2
    x_min: float = 0.0
    x_max: float = 40.0
    y_min: float = -20.0
    y_max: float = 20.0

    def __post_init__(self) -> None:
        """Refuse an extent that gives no grid."""
        values = (self.resolution, self.x_min, self.x_max, self.y_min, self.y_max)
        possible = (all(map(math.isfinite, values)) and self.resolution > 0.0
                    and self.x_max > self.x_min and self.y_max > self.y_min)
        cells = [(self.x_max - self.x_min) / self.resolution,
                 (self.y_max - self.y_min) / self.resolution] if possible else [0.0, 0.0]
        whole = all(round(n) >= 1 and abs(n - round(n)) < 1e-6 * n for n in cells)
        if not whole or cells[0] * cells[1] > _MAX_CELLS:
            raise ConfigError(
                'grid', found=f'resolution {self.resolution}, x {self.x_min} to {self.x_max}, '
                f'y {self.y_min} to {self.y_max}',
                expected=f'a whole number of cells along x and y, at most {_MAX_CELLS} in all',
                fix='correct resolution, x_min, x_max, y_min, y_max')

    @property
    def width(self) -> int:
        """Cells along x: columns of the arrays."""
        return round((self.x_max - self.x_min) / self.resolution)

    @property
    def height(self) -> int:
        """Cells along y: rows of the arrays."""
        return round((self.y_max - self.y_min) / self.resolution)

    def cell_centres(self) -> np.ndarray:
        """Return the cells' centres on the ground, (height * width, 3) float64, base_link, m."""
        return self._ground_points(np.arange(self.width) + 0.5, np.arange(self.height) + 0.5)

    def cell_corners(self) -> np.ndarray:
        """Return the corners, ((height + 1) * (width + 1), 3) float64, base_link, m."""
        return self._ground_points(np.arange(self.width + 1), np.arange(self.height + 1))

    def _ground_points(self, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the points at z = 0 of a mesh given in cells, row by row."""
        points = np.zeros((len(rows), len(columns), 3))
        points[..., 0] = self.x_min + columns * self.resolution
        points[..., 1] = (self.y_min + rows * self.resolution)[:, np.newaxis]
        return points.reshape(-1, 3)


@dataclass(frozen=True)
class GridRules:
    """
    When a cell is free, blocked or unknown, and how that is written.

    :param encoding: trinary (FREE, OCCUPIED, UNKNOWN) or probability (0..100, UNKNOWN).
    :param drivable_threshold: smallest mean drivable probability of a free cell, 0..1.
    :param confidence_threshold: smallest mean confidence of a known cell, 0..1.
    :param pitch_uncertainty_deg: how far the camera's pitch may be off, degrees.
    :param max_ground_error: largest error along the ground that this may make, m.
    :param max_age_s: largest age of an image, s; 0 for no limit, and none on its future.
    :param bonnet_top: rows from this share of the image's height on show the vehicle itself.
    :param ego_x_min: rear edge of the ground under the vehicle, m.
    :param ego_x_max: its front edge, m.
    :param ego_y_min: its right edge, m.
    :param ego_y_max: its left edge, m.
    """

    encoding: str = 'trinary'
    drivable_threshold: float = 0.5
    confidence_threshold: float = 0.6
    pitch_uncertainty_deg: float = 0.5
    max_ground_error: float = 6.0
    max_age_s: float = 0.5
    bonnet_top: float = 1.0
    ego_x_min: float = 0.0
    ego_x_max: float = 0.0
    ego_y_min: float = 0.0
    ego_y_max: float = 0.0

    def is_stale(self, age_ns: int) -> bool:
        """
        Return whether an image is too old, or so far in the future that its age is unknown.

        :param age_ns: time since its acquisition, ns.
        """
        return self.max_age_s > 0.0 and not (
            -MAX_FUTURE_NS <= age_ns <= self.max_age_s * _NS_PER_S)

    def covers(self, points: np.ndarray) -> np.ndarray:
        """Return which points (N, 3), base_link, m, lie under the vehicle, (N,) bool."""
        x, y = points[:, 0], points[:, 1]
        return ((x > self.ego_x_min) & (x < self.ego_x_max)
                & (y > self.ego_y_min) & (y < self.ego_y_max))


@dataclass(frozen=True)
class DrivableGrid:
    """
    What is known of each cell, in nav_msgs/OccupancyGrid's order (index = y * width + x).

    :param spec: the extent.
    :param values: (height, width) int8: FREE, OCCUPIED or UNKNOWN (probability encoding: 0..100
        or UNKNOWN); row 0 at y_min, column 0 at x_min.
    :param reasons: (height, width) uint8: a Reason each.
    """

    spec: GridSpec
    values: np.ndarray
    reasons: np.ndarray


def unknown_grid(spec: GridSpec, reason: Reason) -> DrivableGrid:
    """Return a grid of which nothing is known, for one reason."""
    shape = (spec.height, spec.width)
    return DrivableGrid(spec, np.full(shape, UNKNOWN, np.int8), np.full(shape, reason, np.uint8))
