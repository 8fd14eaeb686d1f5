"""The drivable area on the ground plane: one value and one reason a cell."""

from dataclasses import dataclass
from enum import IntEnum
import math

import numpy as np

from road_seg.camera import CameraModel
from road_seg.camera import Extrinsics
from road_seg.errors import CalibrationError
from road_seg.errors import ConfigError
from road_seg.labels import UNLABELLED

# Values of nav2_costmap_2d's occ_grid_values.hpp.
FREE = 0
OCCUPIED = 100
UNKNOWN = -1

_MAX_CELLS = 4_000_000


class Reason(IntEnum):
    """Why a cell has its value."""

    DRIVABLE = 0
    BLOCKED = 1
    OUT_OF_VIEW = 2
    OCCLUDED = 3
    LOW_CONFIDENCE = 4
    TOO_FAR = 5
    STALE = 6


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
        x = self.x_min + (np.arange(self.width) + 0.5) * self.resolution
        y = self.y_min + (np.arange(self.height) + 0.5) * self.resolution
        centres = np.zeros((self.height, self.width, 3))
        centres[..., 0] = x
        centres[..., 1] = y[:, np.newaxis]
        return centres.reshape(-1, 3)


@dataclass(frozen=True)
class DrivableGrid:
    """
    What is known of each cell, in nav_msgs/OccupancyGrid's order (index = y * width + x).

    :param spec: the extent.
    :param values: (height, width) int8: FREE, OCCUPIED or UNKNOWN; row 0 at y_min, column 0 at
        x_min.
    :param reasons: (height, width) uint8: a Reason each.
    """

    spec: GridSpec
    values: np.ndarray
    reasons: np.ndarray


class GroundProjector:
    """
    Look up, for every cell of a flat ground, the pixel of a mask that sees its centre.

    :param spec: the extent of the grids.
    """

    def __init__(self, spec: GridSpec) -> None:
        self._spec = spec
        self._geometry: tuple[CameraModel, Extrinsics] | None = None
        self._pixels = np.empty(0, np.intp)
        self._out_of_view = np.empty(0, bool)

    def project(self, mask: np.ndarray, is_drivable: np.ndarray, camera: CameraModel,
                extrinsics: Extrinsics) -> DrivableGrid:
        """
        Return the grid of one frame.

        :param mask: (H, W) uint8 class ids; unlabelled pixels give unknown cells.
        :param is_drivable: (256,) bool by class id.
        :param camera: model of the images the mask belongs to.
        :param extrinsics: the camera's pose in base_link.
        :raises CalibrationError: the mask does not have the camera's size.
        """
        if mask.shape != (camera.height, camera.width):
            raise CalibrationError(
                'camera_info', found=f'{camera.width} x {camera.height}',
                expected=f"the image's size {mask.shape[1]} x {mask.shape[0]}",
                fix='use the calibration of this camera and image size')
        if self._geometry != (camera, extrinsics):
            self._build_table(camera, extrinsics)
        values, reasons = _by_class(is_drivable)
        classes = mask.reshape(-1).take(self._pixels)
        cell_values = values.take(classes)
        cell_reasons = reasons.take(classes)
        cell_values[self._out_of_view] = UNKNOWN
        cell_reasons[self._out_of_view] = Reason.OUT_OF_VIEW
        shape = (self._spec.height, self._spec.width)
        return DrivableGrid(self._spec, cell_values.reshape(shape), cell_reasons.reshape(shape))

    def _build_table(self, camera: CameraModel, extrinsics: Extrinsics) -> None:
        """Find the flat pixel index of every cell."""
        points = extrinsics.to_optical(self._spec.cell_centres())
        pixels, valid = camera.project(points)
        nearest = np.floor(pixels[valid] + 0.5).astype(np.intp)
        self._pixels = np.zeros(len(points), np.intp)
        self._pixels[valid] = nearest[:, 1] * camera.width + nearest[:, 0]
        self._out_of_view = ~valid
        self._geometry = (camera, extrinsics)


def _by_class(is_drivable: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return look-up tables class id -> value (256,) int8 and reason (256,) uint8."""
    values = np.where(is_drivable, FREE, OCCUPIED).astype(np.int8)
    reasons = np.where(is_drivable, Reason.DRIVABLE, Reason.BLOCKED).astype(np.uint8)
    values[UNLABELLED] = UNKNOWN
    reasons[UNLABELLED] = Reason.LOW_CONFIDENCE
    return values, reasons
