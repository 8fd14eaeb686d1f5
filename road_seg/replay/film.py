"""Frames spread evenly over a drive, small enough to look through them in a page."""

from dataclasses import dataclass

import numpy as np

from road_seg.labels import LabelMap
from road_seg.replay import pictures
from road_seg.replay.evaluate import ScoredFrame

# Bounds of a film; together with the worst frames a page stays below 10 MB.
FILM_FRAMES = 120
FILM_BYTES = 7_000_000


@dataclass(frozen=True)
class FilmFrame:
    """
    The pictures of one frame, as data URIs; what lies over what is left to the page.

    :param number: its number in the drive.
    :param photo: JPEG of the image.
    :param mask: PNG of the classes' colours.
    :param errors: PNG of what is wrong, on nothing; None without truth.
    :param cells: PNG of the grid's cells seen from above; None without a grid.
    """

    number: int
    photo: str
    mask: str
    errors: str | None
    cells: str | None

    @property
    def size(self) -> int:
        """Bytes of all pictures."""
        return sum(len(uri) for uri in (self.photo, self.mask, self.errors, self.cells) if uri)


class Film:
    """
    Keeps evenly spread frames while a drive passes by; of too many bytes only every second.

    :param frame_count: frames in the drive.
    :param image_type: message type of its images.
    :param labels: the classes of its masks.
    :param most_frames: frames kept at most.
    :param most_bytes: bytes of their pictures at most.

    frames: those kept, in order.
    view: the first grid seen from above as an SVG; all grids of a drive have one extent. None
        without a grid.
    aspect: width over height of the pictures.
    """

    def __init__(self, frame_count: int, image_type: str, labels: LabelMap,
                 most_frames: int = FILM_FRAMES, most_bytes: int = FILM_BYTES) -> None:
        self._chosen = sorted({round(at) for at in np.linspace(
            0, frame_count - 1, min(frame_count, most_frames))}, reverse=True)
        self._image_type = image_type
        self._labels = labels
        self._most_bytes = most_bytes
        self._step, self._seen = 1, 0
        self.frames: list[FilmFrame] = []
        self.view: str | None = None
        self.aspect = 1.0

    def add(self, scored: ScoredFrame) -> None:
        """Look at a frame; keep it if it is the next chosen one or the first after that."""
        is_due = False
        while self._chosen and self._chosen[-1] <= scored.index:
            self._chosen.pop()
            is_due = True
        if not is_due:
            return
        if self._seen % self._step == 0:
            self.frames.append(self._film_frame(scored))
        self._seen += 1
        while len(self.frames) > 1 and sum(
                frame.size for frame in self.frames) > self._most_bytes:
            self.frames = self.frames[::2]
            self._step *= 2

    def _film_frame(self, scored: ScoredFrame) -> FilmFrame:
        grid, rgb = scored.answer.grid, scored.frame.rgb(self._image_type)
        self.aspect = rgb.shape[1] / rgb.shape[0]
        if self.view is None and grid is not None:
            self.view = pictures.birds_eye(grid)
        return FilmFrame(
            scored.index, pictures.photo(rgb),
            pictures.class_map(scored.mask, self._labels),
            None if scored.truth is None else pictures.error_layer(scored.truth, scored.mask),
            None if grid is None else pictures.grid_cells(grid))
