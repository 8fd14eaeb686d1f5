"""The frames a report shows: some spread over the drive, and the worst."""

from dataclasses import dataclass
import heapq

import numpy as np

from road_seg.bags.messages import decode_rgb
from road_seg.bags.messages import IMAGE
from road_seg.labels import LabelMap
from road_seg.replay import pictures
from road_seg.replay.evaluate import ScoredFrame

SPREAD_COUNT = 12
WORST_COUNT = 4


@dataclass(frozen=True)
class Exhibit:
    """
    One frame with its pictures.

    :param index: number of the frame in the drive.
    :param error_share: share of labelled pixels that are wrong; None without truth.
    :param pictures: caption -> data URI, or an SVG for the grid.
    """

    index: int
    error_share: float | None
    pictures: dict[str, str]


class Gallery:
    """
    Keeps few frames while a drive passes by.

    :param frame_count: frames in the drive.
    :param image_type: message type of its images.
    :param labels: the classes of its masks.
    """

    def __init__(self, frame_count: int, image_type: str, labels: LabelMap) -> None:
        self._chosen = set(np.linspace(0, frame_count - 1, SPREAD_COUNT).round().astype(int))
        self._image_type = image_type
        self._labels = labels
        self._worst: list[tuple[float, int, Exhibit]] = []
        self.spread: list[Exhibit] = []

    @property
    def worst(self) -> list[Exhibit]:
        """The frames with the largest share of wrong pixels, worst first."""
        return [exhibit for *_, exhibit in sorted(self._worst, key=lambda entry: -entry[0])]

    def add(self, scored: ScoredFrame) -> None:
        """Look at a frame and keep it if it is chosen or among the worst so far."""
        chosen = scored.index in self._chosen
        error = scored.error_share or 0.0
        worse = error > 0.0 and (len(self._worst) < WORST_COUNT or error > self._worst[0][0])
        if not chosen and not worse:
            return
        exhibit = self._exhibit(scored)
        if chosen:
            self.spread.append(exhibit)
        if worse:
            add = heapq.heappush if len(self._worst) < WORST_COUNT else heapq.heapreplace
            add(self._worst, (error, scored.index, exhibit))

    def _exhibit(self, scored: ScoredFrame) -> Exhibit:
        rgb = decode_rgb(scored.frame.image, self._image_type)
        answer = scored.answer
        shown = {'image': pictures.photo(rgb),
                 'mask': pictures.class_map(scored.mask, self._labels)}
        if answer.overlay is not None:
            shown['overlay'] = pictures.photo(decode_rgb(answer.overlay, IMAGE))
        if scored.truth is not None:
            shown['truth'] = pictures.class_map(scored.truth, self._labels)
            shown['errors'] = pictures.errors(rgb, scored.truth, scored.mask)
        if answer.grid is not None:
            shown['grid'] = pictures.birds_eye(answer.grid)
        return Exhibit(scored.index, scored.error_share, shown)
