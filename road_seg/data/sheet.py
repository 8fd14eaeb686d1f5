"""Contact sheets of labelled images."""

from pathlib import Path

import cv2
import numpy as np

from road_seg.files import atomic_write
from road_seg.overlay import draw_overlay

COLUMNS, ROWS = 6, 6
_TILE = (240, 160)  # (width, height) of a picture on the sheet


def draw_tile(rgb: np.ndarray, ids: np.ndarray, palette: np.ndarray,
              caption: str = '') -> np.ndarray:
    """
    Return a small overlay (160, 240, 3) uint8 RGB.

    :param rgb: (H, W, 3) uint8.
    :param ids: (H, W) uint8.
    :param palette: (256, 3) uint8 RGB of the ids.
    :param caption: written into it.
    """
    small = cv2.resize(ids, _TILE, interpolation=cv2.INTER_NEAREST)
    tile = draw_overlay(cv2.resize(rgb, _TILE, interpolation=cv2.INTER_AREA), small, palette)
    if caption:
        tile[:18] //= 4  # over the sky: the ground is what matters
        cv2.putText(tile, caption, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1,
                    cv2.LINE_AA)
    return tile


def write_sheet(path: Path, tiles: list[np.ndarray]) -> None:
    """
    Write tiles row by row as a PNG file.

    :raises InputError: the folder cannot be written to.
    """
    tiles = [*tiles, *[np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)]
    rows = [np.hstack(tiles[first:first + COLUMNS]) for first in range(0, len(tiles), COLUMNS)]
    with atomic_write(path) as temporary:
        _, data = cv2.imencode('.png', np.vstack(rows)[..., ::-1])
        temporary.write_bytes(data.tobytes())
