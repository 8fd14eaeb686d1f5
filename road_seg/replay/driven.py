"""Where a vehicle drove although the grid had said that it could not."""

from collections.abc import Callable
from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from road_seg.bags.drive import Drive
from road_seg.bags.drive import Frame
from road_seg.bags.track import Track
from road_seg.camera import CameraModel
from road_seg.grid import DrivableGrid
from road_seg.grid import GridRules
from road_seg.grid import GridSpec
from road_seg.grid import Reason
from road_seg.labels import LabelMap
from road_seg.parameters import are_rectified
from road_seg.parameters import Parameters
from road_seg.planar import PlanarPose
from road_seg.replay.player import pose_of

# Half of what lies between the wheels of a small car, m: whatever the vehicle, it drove over this.
_HALF_WIDTH = 0.75
# Of road_seg.labels.ROAD_LABELS; all other classes stand still.
_MOVABLE = ('vehicle', 'person')
_PATH_NS, _STEP_NS = 2 * 10**9, 10**8


class Driven:
    """
    Look at what the grid of a frame says of where the vehicle drove in the two seconds after it.

    Cells that a vehicle or a person blocked count as free: they may have left before.

    :param track: the way of the vehicle.
    :param drive: what the frames are of.
    :param parameters: the node's.
    :param labels: the classes of the masks.
    """

    def __init__(self, track: Track, drive: Drive, parameters: Parameters,
                 labels: LabelMap) -> None:
        self._track = track
        self._parameters = parameters
        self._is_rectified = are_rectified(parameters.image_geometry, drive.image_topic)
        self._movable = [labels.names.index(name) for name in _MOVABLE if name in labels.names]

    def blocked_share(self, frame: Frame, mask: np.ndarray, grid: DrivableGrid) -> float | None:
        """
        Return the share of the known cells on the way that were blocked, 0..1; None without any.

        :param frame: the frame.
        :param mask: (H, W) uint8, its class ids.
        :param grid: its grid.
        """
        path = self._track.path(frame.stamp_ns, _PATH_NS, _STEP_NS)
        return driven_blocked(grid, path, self._parameters.grid_rules,
                              lambda points: self._can_move(frame, mask, points))

    def _can_move(self, frame: Frame, mask: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return at which points (N, 3) of base_link the mask shows what can move, (N,) bool."""
        found = np.zeros(len(points), bool)
        pose = pose_of(frame, self._parameters)
        if pose and frame.camera_info is not None:
            camera = CameraModel.from_info(frame.calibration(), mask.shape[::-1],
                                           is_rectified=self._is_rectified)
            pixels, valid = camera.project(pose.to_optical(points))
            columns, rows = pixels[valid].round().astype(int).T
            found[valid] = np.isin(mask[rows, columns], self._movable)
        return found


def driven_blocked(grid: DrivableGrid, path: Sequence[PlanarPose], rules: GridRules,
                   can_move: Callable[[np.ndarray], np.ndarray]) -> float | None:
    """
    Return the share of the known cells on the vehicle's way that the grid gives as blocked.

    :param grid: of a frame.
    :param path: where base_link is from then on, in base_link of the frame.
    :param rules: the vehicle is as wide as the ground under it; 1.5 m if they do not say.
    :param can_move: takes points (N, 3) of blocked cells in base_link, m, and returns which of
        them are blocked by what may have left, (N,) bool.
    :return: 0..1; None if no cell of the way is known.
    """
    sides = (rules.ego_y_min, rules.ego_y_max) if rules.ego_y_max > rules.ego_y_min else (
        -_HALF_WIDTH, _HALF_WIDTH)
    on_way = _swath(grid.spec, path, sides)
    free = np.count_nonzero(on_way & (grid.reasons == Reason.DRIVABLE))
    blocked = np.flatnonzero(on_way & (grid.reasons == Reason.BLOCKED))
    if not free + len(blocked):
        return None
    standing = ~can_move(grid.spec.cell_centres()[blocked]) if len(blocked) else blocked
    return np.count_nonzero(standing) / (free + len(blocked))


def _swath(spec: GridSpec, path: Sequence[PlanarPose], sides: tuple[float, float]) -> np.ndarray:
    """Return the cells on a way, (height, width) bool; those it touches count."""
    edge = np.array([(0.0, side) for side in sides])
    ends = [(pose.to_parent(edge) - (spec.x_min, spec.y_min)) / spec.resolution - 0.5
            for pose in path]
    cells = np.zeros((spec.height, spec.width), np.uint8)
    for (right, left), (next_right, next_left) in pairwise(ends):
        corners = np.array((right, next_right, next_left, left)).round().astype(np.int32)
        cv2.fillConvexPoly(cells, cv2.convexHull(corners), 1)
    return cells > 0
