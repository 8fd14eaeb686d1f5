"""Which frames of a drive are worth labelling, and which of these are alike."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

# Each reason with the score from which on a frame is hard: about the mean of the shipped model
# on CamVid val, which it was trained for.
FLOORS = {
    'unsure': 0.02,        # share of the pixels of low confidence
    'flicker': 0.005,      # share of the followed pixels that changed since the frame before
    'truth': 0.025,        # share of the labelled pixels that are wrong
    'second_model': 0.025,  # share of the pixels to which another model gives another class
    'driven': 0.02,        # share of the cells the vehicle then drove over that were blocked
}
# Examples are no nearer than this in time, and differ in more bits of their fingerprints: on
# CamVid val, at 15 Hz, frames differ in 3 bits from the next and in 16 from the tenth (medians).
_MIN_DISTANCE_NS = 10**9
_ALIKE_BITS = 6


@dataclass(frozen=True)
class Example:
    """
    A frame that may be hard.

    :param index: its number in the drive.
    :param stamp_ns: its stamp [ns].
    :param scores: by reason, as far as known.
    :param fingerprint: of its picture, 64 bits.
    """

    index: int
    stamp_ns: int
    scores: Mapping[str, float]
    fingerprint: int

    def is_like(self, other: 'Example') -> bool:
        """Say whether it shows the same as another one."""
        return abs(self.stamp_ns - other.stamp_ns) < _MIN_DISTANCE_NS or (
            (self.fingerprint ^ other.fingerprint).bit_count() <= _ALIKE_BITS)


class HardExamples:
    """
    Keep the hardest frames, no two alike, each reason with an equal share of the room.

    How hard a frame is by a reason is its score over the mean score of the drive so far, so that
    reasons can be compared; it is kept for the reason it is hardest by. While there is room, every
    hard frame is kept. After that the reason with most frames gives up its easiest one, so what
    one reason does not need is the others'.

    :param limit: how many frames to keep.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._sums: Counter[str] = Counter()
        self._frames: Counter[str] = Counter()
        self.kept: list[Example] = []

    def see(self, scores: Mapping[str, float]) -> bool:
        """Count the scores of the next frame of the drive; return whether it is hard at all."""
        self._sums.update(scores)
        self._frames.update(scores.keys())
        return bool(_hard_by(scores))

    def offer(self, example: Example) -> list[Example] | None:
        """
        Keep a hard frame if it is harder than those like it.

        :return: the frames given up for it; None if it is not kept.
        """
        hardness = self._hardness(example)
        alike = [kept for kept in self.kept if kept.is_like(example)]
        if any(self._hardness(kept) >= hardness for kept in alike):
            return None
        rest = [*(kept for kept in self.kept if kept not in alike), example]
        given_up = alike
        if len(rest) > self._limit:
            easiest = self._easiest(rest)
            if easiest is example:
                return None
            rest.remove(easiest)
            given_up = [*alike, easiest]
        self.kept = rest
        return given_up

    def by_reason(self) -> dict[str, list[Example]]:
        """Return the kept frames of each reason, the hardest first."""
        groups: dict[str, list[Example]] = {reason: [] for reason in FLOORS}
        for example in sorted(self.kept, key=self._hardness, reverse=True):
            groups[self.reason(example)].append(example)
        return groups

    def reason(self, example: Example) -> str:
        """Return the reason that a frame is hardest by."""
        return max(_hard_by(example.scores), key=lambda reason: self._relative(example, reason))

    def _hardness(self, example: Example) -> float:
        return self._relative(example, self.reason(example))

    def _relative(self, example: Example, reason: str) -> float:
        """Return a score over the mean of the drive so far."""
        return example.scores[reason] * self._frames[reason] / self._sums[reason]

    def _easiest(self, examples: list[Example]) -> Example:
        """Return the easiest frame of the reason that has most; of several, the easiest."""
        reasons = list(map(self.reason, examples))
        sizes = Counter(reasons)
        easiest, _ = min(zip(examples, reasons, strict=True), key=lambda entry: (
            -sizes[entry[1]], self._relative(*entry)))
        return easiest


def fingerprint(rgb: np.ndarray) -> int:
    """
    Return 64 bits that similar pictures share: whether brightness rises from cell to cell.

    The difference hash of Krawetz, 'Kind of Like That', hackerfactor.com, 2013.

    :param rgb: (H, W, 3) uint8.
    """
    small = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA)
    return int.from_bytes(np.packbits(small[:, 1:] > small[:, :-1]).tobytes(), 'big')


def _hard_by(scores: Mapping[str, float]) -> list[str]:
    """Return the reasons by which a frame is hard."""
    return [reason for reason, floor in FLOORS.items() if scores.get(reason, 0.0) >= floor]
