"""From a camera frame to a class mask and a drivable grid, without ROS."""

from dataclasses import dataclass
from itertools import pairwise
import time

import cv2
import numpy as np

from road_seg.backends.base import Backend
from road_seg.backends.base import Prediction
from road_seg.camera import CameraModel
from road_seg.camera import Extrinsics
from road_seg.errors import InputError
from road_seg.grid import DrivableGrid
from road_seg.grid import GridRules
from road_seg.grid import GridSpec
from road_seg.grid import Reason
from road_seg.grid import unknown_grid
from road_seg.ground import class_evidence
from road_seg.ground import GroundProjector
from road_seg.labels import LabelMap

STAGES = ('preprocess', 'network', 'postprocess', 'grid')


@dataclass(frozen=True)
class Result:
    """
    What one frame gave; mask and confidence are valid until the next call of process.

    :param stamp_ns: the frame's time of acquisition, ns.
    :param mask: (H, W) uint8 class ids at the frame's size.
    :param confidence: (H, W) uint8 probability of the mask's class, 0..255; None if not asked.
    :param grid: the drivable area; None without calibration, extrinsics or grid specification.
    :param stages_ns: duration of each of STAGES, ns.
    :param image: (h, w, 3) uint8 RGB at the network's size, valid as mask is.
    :param prediction: the network's answer to it, valid as mask is.
    """

    stamp_ns: int
    mask: np.ndarray
    confidence: np.ndarray | None
    grid: DrivableGrid | None
    stages_ns: dict[str, int]
    image: np.ndarray
    prediction: Prediction


class Segmenter:
    """
    Segment frames one by one with a fixed set of buffers.

    :param backend: an active backend; the caller activates and deactivates it.
    :param grid_spec: extent of the grids; None for no grids.
    :param grid_rules: when a cell is free, blocked or unknown.
    """

    def __init__(self, backend: Backend, grid_spec: GridSpec | None,
                 grid_rules: GridRules | None = None) -> None:
        self._backend = backend
        self._grid_spec = grid_spec
        self._grid_rules = grid_rules or GridRules()
        self._projector = GroundProjector(grid_spec, self._grid_rules) if grid_spec else None
        self._network_image = np.empty((backend.model.height, backend.model.width, 3), np.uint8)
        self._halves: dict[int, np.ndarray] = {}
        self._mask: np.ndarray | None = None
        self._confidence: np.ndarray | None = None
        self._is_drivable: np.ndarray | None = None  # None: the network's own drivable set
        self._evidence: np.ndarray | None = None

    def set_grid(self, grid_spec: GridSpec, grid_rules: GridRules) -> None:
        """Make the next grids of this extent by these rules."""
        if (grid_spec, grid_rules) != (self._grid_spec, self._grid_rules):
            self._grid_spec, self._grid_rules = grid_spec, grid_rules
            self._projector = GroundProjector(grid_spec, grid_rules)

    def set_drivable(self, names: tuple[str, ...]) -> None:
        """
        Take these classes for drivable in the next grids.

        The network's drivable probability is of the set in the model file. For another set it
        follows from class and confidence, which can only give less than its true value.

        :param names: of the model's classes; none for the set of the model file.
        :raises ConfigError: the model has no such class.
        """
        wanted = self.labels.with_drivable(names)
        is_own = set(wanted.drivable) == set(self.labels.drivable)
        self._is_drivable = None if is_own else wanted.is_drivable

    @property
    def labels(self) -> LabelMap:
        """The meaning of the class ids in the masks."""
        return self._backend.model.labels

    def process(self, rgb: np.ndarray, stamp_ns: int, camera: CameraModel | None = None,
                extrinsics: Extrinsics | None = None, *,
                with_confidence: bool = False, age_ns: int = 0) -> Result:
        """
        Segment one frame.

        :param rgb: (H, W, 3) uint8 RGB.
        :param stamp_ns: the frame's time of acquisition, ns.
        :param camera: model of the frame's camera; None gives no grid.
        :param extrinsics: the camera's pose in base_link; None gives no grid.
        :param with_confidence: also return the confidence at the frame's size.
        :param age_ns: time since the frame's acquisition, ns; where the rules find it stale, the
            grid is unknown.
        :raises InputError: the frame has the wrong form.
        :raises CalibrationError: the camera model is for another image size.
        """
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or not rgb.size:
            raise InputError('frame', found=f'{rgb.dtype} {rgb.shape}',
                             expected='uint8 (height, width, 3)', fix='convert it to RGB')
        if camera:
            camera.check_size(rgb.shape)
        times = [time.perf_counter_ns()]
        image = self._to_network_size(rgb)
        times.append(time.perf_counter_ns())
        prediction = self._backend.infer(image)
        times.append(time.perf_counter_ns())
        self._mask = _to_size(prediction.classes, rgb.shape[:2], self._mask)
        if with_confidence:
            self._confidence = _to_size(prediction.confidence, rgb.shape[:2], self._confidence)
        times.append(time.perf_counter_ns())
        grid = self._grid(prediction, camera, extrinsics, age_ns)
        times.append(time.perf_counter_ns())
        durations = (after - before for before, after in pairwise(times))
        return Result(stamp_ns, self._mask, self._confidence if with_confidence else None, grid,
                      dict(zip(STAGES, durations, strict=True)), image, prediction)

    def follow(self, camera: CameraModel | None, extrinsics: Extrinsics | None) -> None:
        """
        Let a frame pass unsegmented: the grids after it are as if it had been processed.

        :param camera: as for process.
        :param extrinsics: as for process.
        """
        if self._projector and camera and extrinsics:
            height, width = self._network_image.shape[:2]
            self._projector.follow(camera.resized(width, height), extrinsics)

    def _grid(self, prediction: Prediction, camera: CameraModel | None,
              extrinsics: Extrinsics | None, age_ns: int) -> DrivableGrid | None:
        """Return the grid, made at the network's size; None rather than a guess."""
        if not (self._projector and camera and extrinsics):
            return None
        if self._grid_rules.is_stale(age_ns):
            return unknown_grid(self._grid_spec, Reason.STALE)
        drivable, confidence = prediction.drivable, prediction.confidence
        if self._is_drivable is not None:
            self._evidence = _fitting(self._evidence, drivable.shape)
            drivable = class_evidence(prediction.classes, confidence, self._is_drivable,
                                      self._evidence)
        height, width = drivable.shape
        return self._projector.project(drivable, confidence, camera.resized(width, height),
                                       extrinsics)

    def _to_network_size(self, rgb: np.ndarray) -> np.ndarray:
        """Return the frame stretched to the network's input size."""
        height, width = self._network_image.shape[:2]
        # Bilinear interpolation skips pixels beyond a factor of two. Averaging 2 x 2 pixels
        # first costs a tenth of INTER_AREA at an uneven factor.
        level = 0
        while rgb.shape[0] >= 2 * height and rgb.shape[1] >= 2 * width:
            rows, columns = rgb.shape[0] // 2, rgb.shape[1] // 2
            half = _fitting(self._halves.get(level), (rows, columns, 3))
            rgb = cv2.resize(rgb[:2 * rows, :2 * columns], (columns, rows), dst=half,
                             interpolation=cv2.INTER_AREA)
            self._halves[level] = rgb
            level += 1
        if rgb.shape[:2] == (height, width):
            return rgb
        return cv2.resize(rgb, (width, height), dst=self._network_image)


def _to_size(values: np.ndarray, shape: tuple[int, int],
             buffer: np.ndarray | None) -> np.ndarray:
    """Return values (h, w) uint8 at another size by nearest neighbour, kept in a buffer."""
    return cv2.resize(values, shape[::-1], dst=_fitting(buffer, shape),
                      interpolation=cv2.INTER_NEAREST_EXACT)


def _fitting(buffer: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    """Return the buffer if it has the shape, else a new one."""
    if buffer is not None and buffer.shape == shape:
        return buffer
    return np.empty(shape, np.uint8)
