"""Replay through the Segmenter in this process, without ROS; the stages overlap."""

from collections.abc import Iterable
from collections.abc import Iterator
import time

import numpy as np

from road_seg.backends import Backend
from road_seg.bags.drive import Drive
from road_seg.bags.drive import Frame
from road_seg.bags.messages import encode_grid
from road_seg.bags.messages import encode_image
from road_seg.bags.messages import image_size
from road_seg.calibration import CameraInfo
from road_seg.camera import CameraModel
from road_seg.overlay import draw_overlay
from road_seg.parameters import are_rectified
from road_seg.parameters import Parameters
from road_seg.pipeline import Result
from road_seg.pipeline import Segmenter
from road_seg.replay.overlap import ahead
from road_seg.replay.player import Answered
from road_seg.replay.player import naming
from road_seg.replay.player import pose_of
from road_seg.replay.recorded_health import RecordedHealth
from road_seg.serialized import Answer
from road_seg.serialized import header_frame_id

_NS_PER_MS = 1e6

# A frame with its picture (H, W, 3) uint8 RGB and how long decoding it took, ns.
_Decoded = tuple[Frame, np.ndarray, int]


class InProcess:
    """
    Answer every frame as the node would: the same Segmenter, the same parameters.

    Reading and decoding run in one thread, network and grid in another, scoring in the caller's.

    :param backend: an active backend.
    :param parameters: those of the node.
    :param with_overlay: draw the overlay too.
    :param with_confidence: answer with the confidence too.
    """

    def __init__(self, backend: Backend, parameters: Parameters, *,
                 with_overlay: bool = False, with_confidence: bool = False) -> None:
        self._segmenter = Segmenter(backend, parameters.grid, parameters.grid_rules)
        self._segmenter.set_drivable(parameters.drivable_classes)
        self._parameters = parameters
        self._with_overlay = with_overlay
        self._with_confidence = with_confidence
        self._model_of: tuple[CameraInfo, tuple[int, int]] | None = None
        self._camera: CameraModel | None = None
        self._health = RecordedHealth()
        self.info = {'backend': backend.name}

    def play(self, drive: Drive) -> Iterator[Answered]:
        """Yield each frame with its answer."""
        with (ahead(_decoded(drive)) as decoded,
              ahead(self._answered(drive, decoded)) as answered):
            yield from answered

    def let_pass(self, drive: Drive, frame: Frame) -> None:
        """Leave a frame unanswered; the answers after it are as if it had been answered."""
        rectified = are_rectified(self._parameters.image_geometry, drive.image_topic)
        with naming(drive, frame):
            height, width = image_size(frame.image, drive.image_type)
            self._segmenter.follow(self._camera_model(frame, (width, height), rectified),
                                   pose_of(frame, self._parameters))

    def _answered(self, drive: Drive, frames: Iterable[_Decoded]) -> Iterator[Answered]:
        rectified = are_rectified(self._parameters.image_geometry, drive.image_topic)
        for frame, rgb, decode_ns in frames:
            with naming(drive, frame):
                camera = self._camera_model(frame, rgb.shape[1::-1], rectified)
                result = self._segmenter.process(rgb, frame.stamp_ns, camera,
                                                 pose_of(frame, self._parameters),
                                                 with_confidence=self._with_confidence)
                answer = self._answer(frame, rgb, result, decode_ns)
            yield frame, answer

    def _camera_model(self, frame: Frame, size: tuple[int, int],
                      is_rectified: bool) -> CameraModel | None:
        """Return the model of a frame's camera, None without calibration."""
        info = frame.calibration()
        if info is None:
            return None
        if self._model_of != (info, size):
            self._camera = CameraModel.from_info(info, size, is_rectified=is_rectified)
            self._model_of = (info, size)
        return self._camera

    def _answer(self, frame: Frame, rgb: np.ndarray, result: Result, decode_ns: int) -> Answer:
        """Return copies of a result in the form in which the node publishes it."""
        started_ns = time.perf_counter_ns()
        stamp_ns, camera_frame = frame.stamp_ns, header_frame_id(frame.image)
        base_frame, grid = self._parameters.base_frame, result.grid
        mask, confidence = (None if values is None else
                            encode_image(values, stamp_ns, camera_frame)
                            for values in (result.mask, result.confidence))
        overlay = encode_image(
            draw_overlay(rgb, result.mask, self._segmenter.labels.palette), stamp_ns,
            camera_frame) if self._with_overlay else None
        stages_ns = {'decode': decode_ns, **result.stages_ns}
        if grid is None:
            del stages_ns['grid']
        stages_ns['publish'] = time.perf_counter_ns() - started_ns
        return Answer(
            mask, confidence, overlay,
            None if grid is None else encode_grid(grid, stamp_ns, base_frame),
            stages_ms={stage: duration / _NS_PER_MS for stage, duration in stages_ns.items()},
            round_trip_ms=sum(stages_ns.values()) / _NS_PER_MS,
            reasons=None if grid is None else encode_image(grid.reasons, stamp_ns, base_frame),
            verdict=self._health.judge(result))


def _decoded(drive: Drive) -> Iterator[_Decoded]:
    for frame in drive.frames():
        started_ns = time.perf_counter_ns()
        with naming(drive, frame):
            rgb = frame.rgb(drive.image_type)
        yield frame, rgb, time.perf_counter_ns() - started_ns
