"""The frames a report shows: a film of the drive, and the worst."""

from collections.abc import Callable
from dataclasses import dataclass
import heapq
from itertools import count

from road_seg.bags.messages import decode_rgb
from road_seg.bags.messages import IMAGE
from road_seg.labels import LabelMap
from road_seg.replay import pictures
from road_seg.replay.evaluate import ScoredFrame
from road_seg.replay.film import Film

WORST_COUNT = 4


@dataclass(frozen=True)
class Exhibit:
    """
    One frame with its pictures.

    :param name: what the frame is called.
    :param error_share: share of labelled pixels that are wrong; None without truth.
    :param pictures: caption -> data URI, or an SVG for the grid.
    """

    name: str
    error_share: float | None
    pictures: dict[str, str]


class WorstFrames:
    """
    Keeps the frames with the largest share of wrong pixels.

    :param size: how many to keep.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._number = count()
        self._kept: list[tuple[float, int, Exhibit]] = []

    @property
    def exhibits(self) -> list[Exhibit]:
        """The kept frames, worst first."""
        return [exhibit for *_, exhibit in sorted(self._kept, key=lambda entry: -entry[0])]

    def add(self, error_share: float, make: Callable[[], Exhibit]) -> None:
        """Keep a frame if it has errors and is among the worst so far; only then draw it."""
        full = len(self._kept) == self._size
        if error_share > 0.0 and not (full and error_share <= self._kept[0][0]):
            add = heapq.heapreplace if full else heapq.heappush
            add(self._kept, (error_share, next(self._number), make()))


class Gallery:
    """
    Keeps few frames while a drive passes by.

    :param frame_count: frames in the drive.
    :param image_type: message type of its images.
    :param labels: the classes of its masks.
    """

    def __init__(self, frame_count: int, image_type: str, labels: LabelMap) -> None:
        self._image_type = image_type
        self._labels = labels
        self._worst = WorstFrames(WORST_COUNT)
        self.film = Film(frame_count, image_type, labels)

    @property
    def worst(self) -> list[Exhibit]:
        """The frames with the largest share of wrong pixels, worst first."""
        return self._worst.exhibits

    def add(self, scored: ScoredFrame) -> None:
        """Look at a frame and keep it if it belongs to the film or to the worst so far."""
        self.film.add(scored)
        self._worst.add(scored.error_share or 0.0, lambda: self._exhibit(scored))

    def _exhibit(self, scored: ScoredFrame) -> Exhibit:
        rgb = scored.frame.rgb(self._image_type)
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
        return Exhibit(f'Frame {scored.index}', scored.error_share, shown)
