"""What a replay measured, frame by frame over the time of the drive."""

from collections import defaultdict
from dataclasses import dataclass

import cv2
import numpy as np

from road_seg.bags.messages import decode
from road_seg.bags.messages import OCCUPANCY_GRID
from road_seg.labels import LabelMap
from road_seg.replay.evaluate import ScoredFrame
from road_seg.replay.recorded_time import RecordedTime
from road_seg.verdict import Level
from road_seg.verdict import Verdict

_NS_PER_S = 1e9


@dataclass(frozen=True)
class Change:
    """
    A new verdict.

    :param t_s: time since the first frame [s].
    :param verdict: what holds from then on.
    """

    t_s: float
    verdict: Verdict


class HealthHistory:
    """When the node's verdict changed, and for what share of the time each level held."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self._lasted_s: dict[Level, float] = defaultdict(float)
        self._last_s = 0.0

    def add(self, t_s: float, verdict: Verdict) -> None:
        """Add the verdict of a frame; it holds until the next one."""
        if self.changes:
            self._lasted_s[self.changes[-1].verdict.level] += t_s - self._last_s
        self._last_s = t_s
        last = self.changes[-1].verdict if self.changes else None
        if last is None or (last.level, last.reasons) != (verdict.level, verdict.reasons):
            self.changes.append(Change(t_s, verdict))

    @property
    def shares(self) -> dict[Level, float]:
        """Share of the time by level, of those that occurred, OK first."""
        total = sum(self._lasted_s.values())
        if not total:
            return {change.verdict.level: 1.0 for change in self.changes[-1:]}
        return {level: lasted / total for level, lasted in sorted(self._lasted_s.items())
                if lasted}

    def summary(self) -> dict | None:
        """Return changes and shares as `replay --json` writes them; None without verdicts."""
        if not self.changes:
            return None
        return {'changes': [{'t_s': change.t_s, 'level': change.verdict.level.name,
                             'reasons': list(change.verdict.reasons)} for change in self.changes],
                'share': {level.name: share for level, share in self.shares.items()}}


class Timeline:
    """
    Keeps a few numbers of every frame while a drive passes by.

    :param labels: the classes of its masks.

    seconds: time of each answered frame since the first [s]; a stamp that jumps back adds none.
    numbers: its number in the drive.
    values: by name drivable, confidence, grid_known, flicker, error_share (shares, 0..1) and
        latency [ms], a number for each frame, NaN where there is none.
    """

    def __init__(self, labels: LabelMap) -> None:
        self._drivable = labels.is_drivable.view(np.uint8)
        self._time = RecordedTime()
        self.seconds: list[float] = []
        self.numbers: list[int] = []
        self.values: dict[str, list[float]] = defaultdict(list)
        self.health = HealthHistory()

    def add(self, scored: ScoredFrame) -> None:
        """Look at a frame."""
        answer = scored.answer
        self.seconds.append(self._time.at(scored.frame.stamp_ns) / _NS_PER_S)
        self.numbers.append(scored.index)
        for name, value in {
                'drivable': (cv2.countNonZero(cv2.LUT(scored.mask, self._drivable))
                             / scored.mask.size),
                'confidence': None if scored.confidence is None else (
                    cv2.mean(scored.confidence)[0] / 255),
                'grid_known': answer.grid and _known_share(answer.grid),
                'flicker': scored.flicker, 'error_share': scored.error_share,
                'latency': answer.round_trip_ms}.items():
            self.values[name].append(np.nan if value is None else value)
        if answer.verdict is not None:
            self.health.add(self.seconds[-1], answer.verdict)


def envelope(values: list[float], most: int) -> np.ndarray:
    """
    Return the smallest, mean and largest value of equally many neighbours each.

    :param values: NaN does not count.
    :param most: of how many points at most.
    :return: (points, 3) float64, NaN where nothing counts.
    """
    size = -(-len(values) // most)
    padded = np.full(-(-len(values) // size) * size, np.nan)
    padded[:len(values)] = values
    groups = padded.reshape(-1, size)
    counts = np.count_nonzero(~np.isnan(groups), axis=1)
    means = np.divide(np.nansum(groups, axis=1), counts, where=counts > 0,
                      out=np.full(len(groups), np.nan))
    return np.stack([np.fmin.reduce(groups, axis=1), means, np.fmax.reduce(groups, axis=1)],
                    axis=1)


def _known_share(grid_cdr: bytes) -> float:
    """Return the share of a grid's cells that are free or blocked."""
    return float(np.mean(decode(grid_cdr, OCCUPANCY_GRID).data >= 0))
