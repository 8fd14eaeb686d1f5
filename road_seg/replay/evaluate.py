"""Scoring the answers to the frames of a drive."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from dataclasses import field
import time

import numpy as np

from road_seg.bags.drive import Drive
from road_seg.bags.drive import Frame
from road_seg.bags.messages import decode_grid
from road_seg.bags.messages import decode_mask
from road_seg.bags.messages import IMAGE
from road_seg.bags.messages import OCCUPANCY_GRID
from road_seg.bags.writer import BagWriter
from road_seg.camera import CameraModel
from road_seg.errors import InputError
from road_seg.grid_scores import GridScores
from road_seg.labels import LabelMap
from road_seg.replay.player import naming
from road_seg.replay.player import Player
from road_seg.replay.scores import error_share
from road_seg.replay.scores import MaskScores
from road_seg.serialized import Answer

ROUND_TRIP, SCORING = 'round_trip', 'scoring'
# Longer between two frames, and the scene is taken for another one.
_MAX_GAP_NS = 500_000_000


@dataclass(frozen=True)
class ScoredFrame:
    """
    A frame with its answer, decoded.

    :param index: its number in the drive.
    :param frame: the frame.
    :param answer: the answer to it.
    :param mask: (H, W) uint8 class ids of the answer.
    :param truth: (H, W) uint8 class ids, 255 ignored; None without truth.
    :param confidence: (H, W) uint8, 0..255; None if it was not asked for.
    :param error_share: share of the labelled pixels that are wrong, 0..1; None without truth.
    :param flicker: share of the followed pixels that changed, 0..1; None if there were none.
    """

    index: int
    frame: Frame
    answer: Answer
    mask: np.ndarray
    truth: np.ndarray | None
    confidence: np.ndarray | None
    error_share: float | None
    flicker: float | None


@dataclass
class Evaluation:
    """
    What a replay measured.

    :param scores: scores over the frames with truth.
    :param frames: frames answered.
    :param dropped: frames without an answer.
    :param grids: frames answered with a grid.
    :param truth_count: truth masks in the bag; those without an image of their stamp cannot be
        scored.
    :param labelled: stamp [ns] of each frame with truth, and its (C, 3) int64 pixels by class:
        right, of the truth, of the mask.
    :param grid_scores: scores of the grids with truth.
    :param latency_ms: durations of all frames [ms] by stage, the round trip and the scoring.
    :param span_ns: time between the first and the last frame's stamps [ns].
    :param duration_s: how long the whole replay took, s.
    :param loss: what of the bag could not be read, None if nothing.
    """

    scores: MaskScores
    truth_count: int = 0
    frames: int = 0
    dropped: int = 0
    grids: int = 0
    labelled: list[tuple[int, np.ndarray]] = field(default_factory=list)
    grid_scores: GridScores = field(default_factory=GridScores)
    latency_ms: dict[str, list[float]] = field(default_factory=dict)
    span_ns: int = 0
    duration_s: float = 0.0
    loss: str | None = None

    @property
    def period_ms(self) -> float | None:
        """Mean time between recorded frames [ms]; None for a single frame."""
        sent = self.frames + self.dropped
        return self.span_ns / (sent - 1) / 1e6 if sent > 1 else None


def evaluate(drive: Drive, player: Player, labels: LabelMap, outputs: BagWriter | None, *,
             first: int = 0, observe: Callable[[ScoredFrame], None] = lambda scored: None,
             progress: Callable[[int], None] = lambda done: None) -> Evaluation:
    """
    Let every frame of a drive be answered and score the answers against the drive's truth.

    :param labels: the classes of the masks.
    :param outputs: bag the answers are written to as received, without the confidence, which
        hardly compresses; None keeps none.
    :param first: number of the first frame that is scored; one before it leads in: flicker and
        span reach back to it.
    :param observe: called with every scored frame.
    :param progress: called after each frame with the number of frames done.
    :raises RoadSegError: a frame got no answer, or truth and masks do not fit together.
    """
    result = Evaluation(MaskScores(labels), drive.truth_count)
    started_ns, first_stamp_ns = time.perf_counter_ns(), None
    with closing(player.play(drive)) as answered:
        for frame, answer in answered:
            first_stamp_ns = frame.stamp_ns if first_stamp_ns is None else first_stamp_ns
            if frame.stamp_ns - first_stamp_ns - result.span_ns > _MAX_GAP_NS:
                result.scores.flicker.cut()
            result.span_ns = frame.stamp_ns - first_stamp_ns
            if answer is None:
                result.dropped += 1
            elif frame.index < first:
                result.scores.flicker.update(frame.rgb(drive.image_type), decode_mask(answer.mask))
            else:
                with naming(drive, frame):
                    scored = _score(result, frame, answer, drive.image_type)
                if outputs:
                    _write(outputs, frame.stamp_ns, answer)
                observe(scored)
            progress(result.frames + result.dropped)
    if result.dropped and not result.frames:
        raise InputError(drive.path, found=f'{result.dropped} frames, all of them dropped',
                         expected='at least one answer', fix='replay it with --lockstep')
    result.duration_s = (time.perf_counter_ns() - started_ns) / 1e9
    result.loss = drive.loss
    return result


def _write(outputs: BagWriter, stamp_ns: int, answer: Answer) -> None:
    for topic, msgtype, cdr in (('/road_mask', IMAGE, answer.mask),
                                ('/road_mask/overlay', IMAGE, answer.overlay),
                                ('/drivable_area', OCCUPANCY_GRID, answer.grid),
                                ('/drivable_area/reasons', IMAGE, answer.reasons)):
        if cdr is not None:
            outputs.write(topic, msgtype, stamp_ns, cdr, latched=msgtype == OCCUPANCY_GRID)


def _score(result: Evaluation, frame: Frame, answer: Answer, image_type: str) -> ScoredFrame:
    """Score a frame and note how long everything took."""
    mask = decode_mask(answer.mask)
    truth, confidence = (None if cdr is None else decode_mask(cdr)
                         for cdr in (frame.truth, answer.confidence))
    rgb = frame.rgb(image_type)
    started_ns = time.perf_counter_ns()
    flicker = result.scores.flicker.update(rgb, mask)
    wrong = None
    if truth is not None:
        counts = result.scores.update(truth, mask, confidence)
        result.labelled.append((frame.stamp_ns, counts))
        wrong = error_share(counts)
    _score_grid(result.grid_scores, frame, answer)
    scored = ScoredFrame(frame.index, frame, answer, mask, truth, confidence, wrong, flicker)
    scoring_ms = (time.perf_counter_ns() - started_ns) / 1e6
    _explain_missing_grid(scored)
    result.frames += 1
    result.grids += answer.grid is not None
    for stage, duration in (*answer.stages_ms.items(), (ROUND_TRIP, answer.round_trip_ms),
                            (SCORING, scoring_ms)):
        result.latency_ms.setdefault(stage, []).append(duration)
    return scored


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
    frame = scored.frame
    if scored.answer.grid is None and frame.camera_info is not None and not frame.pose_error:
        height, width = scored.mask.shape
        CameraModel.from_info(frame.calibration(), (width, height))
