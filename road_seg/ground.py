"""From what the network says of the pixels to what is known of the ground."""

import math

import cv2
import numpy as np

from road_seg.camera import CameraModel
from road_seg.camera import Extrinsics
from road_seg.grid import BLOCKED_DEPTH
from road_seg.grid import DrivableGrid
from road_seg.grid import GridRules
from road_seg.grid import GridSpec
from road_seg.grid import Reason
from road_seg.grid import UNKNOWN
from road_seg.grid import VALUES
from road_seg.ground_table import build_cells
from road_seg.ground_table import build_walk
from road_seg.ground_table import CellTable
from road_seg.ground_table import WalkTable
from road_seg.labels import UNLABELLED

# A pose that moves less keeps its table: 0.02 degrees move ground 20 m away by 0.1 m at a height
# of 1.4 m.
_MAX_TURN = math.radians(0.02)
_MAX_SHIFT = 0.005


def mask_evidence(mask: np.ndarray, is_drivable: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Return the drivable probability and the confidence of a mask that is certain.

    :param mask: (H, W) uint8 class ids; of unlabelled pixels nothing is known.
    :param is_drivable: (256,) bool by class id.
    :return: (H, W) uint8 each, 0..255.
    """
    confidence = np.full(256, 255, np.uint8)
    confidence[UNLABELLED] = 0
    return cv2.LUT(mask, is_drivable.astype(np.uint8) * 255), cv2.LUT(mask, confidence)


def class_evidence(classes: np.ndarray, confidence: np.ndarray, is_drivable: np.ndarray,
                   out: np.ndarray) -> np.ndarray:
    """
    Return the smallest drivable probability of a set of classes that a prediction allows.

    It is the sum of the probabilities of the set's classes: at least the confidence where the
    predicted class is one of them, and it may be 0 elsewhere.

    :param classes: (H, W) uint8 class ids.
    :param confidence: (H, W) uint8 probability of that class, 0..255.
    :param is_drivable: (256,) bool by class id.
    :param out: (H, W) uint8, 0..255, for the answer.
    """
    cv2.LUT(classes, is_drivable.astype(np.uint8) * 255, out)
    return cv2.bitwise_and(out, confidence, out)


class GroundProjector:
    """
    Look up, for every cell of a flat ground, what the pixels that see it say.

    A cell takes the mean over its footprint in the image. Along every bearing from the camera's
    foot, the first pixel that is not drivable is where an obstacle stands: the flat ground says
    nothing about what is more than BLOCKED_DEPTH behind it. Where it stands is known as well as
    the camera's pitch: what is free or hidden only if the pitch is exact is unknown.

    :param spec: the extent of the grids.
    :param rules: when a cell is free, blocked or unknown.
    """

    def __init__(self, spec: GridSpec, rules: GridRules | None = None) -> None:
        self._spec = spec
        self._rules = rules or GridRules()
        self._camera: CameraModel | None = None
        self._extrinsics: Extrinsics | None = None
        self._is_built = False
        self._cells: CellTable
        self._walk: WalkTable

    def project(self, drivable: np.ndarray, confidence: np.ndarray, camera: CameraModel,
                extrinsics: Extrinsics) -> DrivableGrid:
        """
        Return the grid of one frame.

        :param drivable: (H, W) uint8 probability of the drivable set, 0..255.
        :param confidence: (H, W) uint8 probability of the predicted class, 0..255.
        :param camera: model of images of that size.
        :param extrinsics: the camera's pose in base_link.
        :raises CalibrationError: the maps do not have the camera's size.
        """
        camera.check_size(drivable.shape)
        camera.check_size(confidence.shape)
        self.follow(camera, extrinsics)
        if not self._is_built:
            self._build()
        cells = self._cells
        sums = self._sums(drivable, confidence)
        found = self._reasons(sums, self._first_blocked(drivable))
        reasons = cells.reasons.copy()
        reasons[cells.cells] = found
        values = VALUES.take(reasons)
        if self._rules.encoding == 'probability':
            values[cells.cells] = self._probabilities(sums[:, 0], found)
        shape = (self._spec.height, self._spec.width)
        return DrivableGrid(self._spec, values.reshape(shape), reasons.reshape(shape))

    def follow(self, camera: CameraModel, extrinsics: Extrinsics) -> None:
        """
        Take note of a frame's geometry, as project does, for one whose grid is not wanted.

        Which geometry a table is of depends on all the frames before: small movements keep it.

        :param camera: model of images of the maps' size.
        :param extrinsics: the camera's pose in base_link.
        """
        if camera != self._camera or _has_moved(extrinsics, self._extrinsics):
            self._camera, self._extrinsics = camera, extrinsics
            self._is_built = False

    def _build(self) -> None:
        """Make the tables of the geometry, and the buffers that go with them."""
        rules, camera, extrinsics = self._rules, self._camera, self._extrinsics
        self._cells = build_cells(self._spec, rules, camera, extrinsics)
        self._walk = build_walk(self._spec, rules, camera, extrinsics, self._cells)
        areas = self._cells.areas * 255.0
        self._least_drivable = np.ceil(rules.drivable_threshold * areas).astype(np.int32)
        self._least_confidence = np.ceil(rules.confidence_threshold * areas).astype(np.int32)
        self._pair = np.empty((camera.height, camera.width, 2), np.uint8)
        self._integral = np.empty((camera.height + 1, camera.width + 1, 2), np.int32)
        count, steps = self._walk.pixels.shape
        self._met = np.empty((count, steps), np.uint8)
        self._is_blocked = np.ones((count, steps + 1), bool)
        self._minima = np.empty((self._walk.levels, count), np.intp)
        self._is_built = True

    def _sums(self, drivable: np.ndarray, confidence: np.ndarray) -> np.ndarray:
        """Return the sums of both maps over the cells' boxes, (N, 2) int32."""
        cv2.merge((drivable, confidence), self._pair)
        cv2.integral(self._pair, self._integral, sdepth=cv2.CV_32S)
        # Both sums in one 64-bit number: a box is one gather of four corners. The sums of a box
        # are not negative, so that no borrow remains between the halves.
        both = self._integral.view(np.int64).reshape(-1)
        first, second, third, fourth = self._cells.corners
        sums = both.take(first)
        sums -= both.take(second)
        sums -= both.take(third)
        sums += both.take(fourth)
        return sums.view(np.int32).reshape(-1, 2)

    def _first_blocked(self, drivable: np.ndarray) -> np.ndarray:
        """Return, for each cell, the step at which its bearings first meet an obstacle, (N,)."""
        walk, is_blocked, minima = self._walk, self._is_blocked, self._minima
        drivable.reshape(-1).take(walk.pixels, out=self._met, mode='clip')
        least = math.ceil(self._rules.drivable_threshold * 255.0)
        np.less(self._met, least, out=is_blocked[:, :-1])
        is_blocked[:, :-1] &= walk.seen
        is_blocked.argmax(axis=1, out=minima[0])
        for level in range(1, walk.levels):
            half = 1 << (level - 1)
            np.minimum(minima[level - 1, :-half], minima[level - 1, half:],
                       out=minima[level, :-half])
        flat = minima.reshape(-1)
        return np.minimum(flat.take(walk.spans[0]), flat.take(walk.spans[1]))

    def _reasons(self, sums: np.ndarray, step: np.ndarray) -> np.ndarray:
        """
        Return the reasons of the cells in the table, (N,) uint8.

        The obstacle met first may really stand as near as `nearest` and as far as `farthest`:
        free is only what is nearer than the one, hidden only what is beyond the other.

        :param sums: (N, 2) int32, over the cells' boxes.
        :param step: (N,) intp, at which the cells' bearings first meet an obstacle.
        """
        walk, ranges = self._walk, self._cells.ranges
        blocked_from = walk.ranges.take(step)
        is_free = (sums[:, 0] >= self._least_drivable) & (ranges < blocked_from)
        found = np.where(is_free, np.uint8(Reason.DRIVABLE), np.uint8(Reason.BLOCKED))
        in_doubt = is_free & (ranges >= walk.nearest.take(step))
        in_doubt |= sums[:, 1] < self._least_confidence
        is_behind = ranges > blocked_from + np.float32(BLOCKED_DEPTH)
        in_doubt |= is_behind
        found[in_doubt] = Reason.LOW_CONFIDENCE
        found[is_behind & (ranges >= walk.farthest.take(step))] = Reason.OCCLUDED
        return found

    def _probabilities(self, drivable_sums: np.ndarray, reasons: np.ndarray) -> np.ndarray:
        """
        Return values of the probability encoding, (N,) int8.

        100 times the mean probability that the cell is not drivable; a blocked cell is never
        below the threshold, though the obstacle may fill less than half of it.
        """
        values = np.rint(100.0 - drivable_sums * (100.0 / 255.0) / self._cells.areas)
        least = math.ceil(100.0 - 100.0 * self._rules.drivable_threshold)
        values[reasons == Reason.BLOCKED] = np.maximum(values[reasons == Reason.BLOCKED], least)
        values[reasons > Reason.BLOCKED] = UNKNOWN
        return values.astype(np.int8)


def _has_moved(now: Extrinsics, before: Extrinsics | None) -> bool:
    """Say whether a pose needs another table."""
    if before is None:
        return True
    shift = max(abs(now.x - before.x), abs(now.y - before.y), abs(now.z - before.z))
    turn = max(abs(now.roll - before.roll), abs(now.pitch - before.pitch),
               abs(now.yaw - before.yaw))
    return shift > _MAX_SHIFT or turn > _MAX_TURN
