"""Lock-step evaluation: the next frame is sent after the answer to the last has come."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from typing import Protocol

import numpy as np

from road_seg.bags.drive import Drive
from road_seg.bags.drive import Frame
from road_seg.bags.messages import CAMERA_INFO
from road_seg.bags.messages import decode
from road_seg.bags.messages import decode_grid
from road_seg.bags.messages import decode_mask
from road_seg.bags.messages import decode_rgb
from road_seg.bags.messages import IMAGE
from road_seg.bags.messages import OCCUPANCY_GRID
from road_seg.bags.writer import BagWriter
from road_seg.calibration import CameraInfo
from road_seg.camera import CameraModel
from road_seg.errors import RoadSegError
from road_seg.grid_scores import GridScores
from road_seg.labels import LabelMap
from road_seg.replay.scores import error_share
from road_seg.replay.scores import MaskScores
from road_seg.serialized import Answer

ANSWER_TIMEOUT_S = 30.0
ROUND_TRIP = 'round_trip'
# Longer between two frames, and the scene is taken for another one.
_MAX_GAP_NS = 500_000_000


class Player(Protocol):
    """What takes frames and answers with masks: the live node."""

    def send_camera_info(self, cdr: bytes) -> None:
        """Send a serialized CameraInfo and wait until it is known."""

    def process(self, image_cdr: bytes, stamp_ns: int, timeout_s: float) -> Answer:
        """Send a serialized image and wait for the outputs of that stamp."""


@dataclass(frozen=True)
class ScoredFrame:
    """A frame with its answer, decoded masks and share of wrong pixels (None without truth)."""

    index: int
    frame: Frame
    answer: Answer
    mask: np.ndarray
    truth: np.ndarray | None
    error_share: float | None


@dataclass
class Evaluation:
    """
    What a replay measured.

    :param scores: scores over the frames with truth.
    :param frames: frames answered.
    :param dropped: frames sent without an answer.
    :param grids: frames answered with a grid.
    :param truth_count: truth masks in the bag; those without an image of their stamp cannot be
        scored.
    :param grid_scores: scores of the grids with truth.
    :param latency_ms: durations of all frames [ms] by stage, and the round trip.
    :param span_ns: time between the first and the last frame's stamps [ns].
    """

    scores: MaskScores
    truth_count: int = 0
    frames: int = 0
    dropped: int = 0
    grids: int = 0
    grid_scores: GridScores = field(default_factory=GridScores)
    latency_ms: dict[str, list[float]] = field(default_factory=dict)
    span_ns: int = 0

    @property
    def period_ms(self) -> float | None:
        """Mean time between recorded frames [ms]; None for a single frame."""
        return self.span_ns / (self.frames - 1) / 1e6 if self.frames > 1 else None


def evaluate_lockstep(drive: Drive, player: Player, labels: LabelMap, outputs: BagWriter, *,
                      observe: Callable[[ScoredFrame], None] = lambda scored: None,
                      progress: Callable[[int], None] = lambda done: None) -> Evaluation:
    """
    Send every frame of a drive, keep the answers and score them against the drive's truth.

    :param labels: the classes of the masks.
    :param outputs: bag the answers are written to as received.
    :param observe: called with every scored frame.
    :param progress: called after each frame with the number of frames done.
    :raises RoadSegError: a frame got no answer, or truth and masks do not fit together.
    """
    result = Evaluation(MaskScores(labels), drive.truth_count)
    first_ns = last_ns = None
    for index, frame in enumerate(drive.frames()):
        try:
            if frame.camera_info is not None:
                player.send_camera_info(frame.camera_info)
            answer = player.process(frame.image, frame.stamp_ns, ANSWER_TIMEOUT_S)
            scored = _score(result.scores, index, frame, answer)
            if last_ns is not None and frame.stamp_ns - last_ns > _MAX_GAP_NS:
                result.scores.flicker.cut()
            result.scores.flicker.update(decode_rgb(frame.image, drive.image_type), scored.mask)
            _explain_missing_grid(scored)
            _score_grid(result.grid_scores, frame, answer)
        except RoadSegError as error:
            raise error.within(f'{drive.path}, frame {index}') from error
        _write(outputs, frame.stamp_ns, answer)
        observe(scored)
        last_ns = frame.stamp_ns
        first_ns = last_ns if first_ns is None else first_ns
        result.span_ns = last_ns - first_ns
        result.frames += 1
        result.grids += answer.grid is not None
        for stage, duration in (*answer.stages_ms.items(), (ROUND_TRIP, answer.round_trip_ms)):
            result.latency_ms.setdefault(stage, []).append(duration)
        progress(result.frames)
    return result


def _write(outputs: BagWriter, stamp_ns: int, answer: Answer) -> None:
    for topic, msgtype, cdr in (('/road_mask', IMAGE, answer.mask),
                                ('/road_mask/confidence', IMAGE, answer.confidence),
                                ('/road_mask/overlay', IMAGE, answer.overlay),
                                ('/drivable_area', OCCUPANCY_GRID, answer.grid),
                                ('/drivable_area/reasons', IMAGE, answer.reasons)):
        if cdr is not None:
            outputs.write(topic, msgtype, stamp_ns, cdr, latched=msgtype == OCCUPANCY_GRID)


def _score(scores: MaskScores, index: int, frame: Frame, answer: Answer) -> ScoredFrame:
    mask = decode_mask(answer.mask)
    if frame.truth is None:
        return ScoredFrame(index, frame, answer, mask, None, None)
    truth = decode_mask(frame.truth)
    scores.update(truth, mask)
    return ScoredFrame(index, frame, answer, mask, truth, error_share(truth, mask))


def _score_grid(scores: GridScores, frame: Frame, answer: Answer) -> None:
    """Score the grid of a frame, if there is one and its truth."""
    if answer.grid and answer.reasons and frame.grid_truth and frame.reasons_truth:
        scores.update(decode_grid(frame.grid_truth, frame.reasons_truth),
                      decode_grid(answer.grid, answer.reasons))


def _explain_missing_grid(scored: ScoredFrame) -> None:
    """
    Do nothing if there is a grid, or there could not be one.

    :raises CalibrationError: the calibration is why there is none.
    """
    if scored.answer.grid is None and scored.frame.camera_info is not None:
        height, width = scored.mask.shape
        message = decode(scored.frame.camera_info, CAMERA_INFO)
        CameraModel.from_info(CameraInfo.from_message(message), (width, height))
