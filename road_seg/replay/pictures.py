"""Small pictures of frames, masks, errors and grids for a report."""

import base64
from typing import Any

import cv2
import numpy as np

from road_seg.bags.messages import decode
from road_seg.bags.messages import OCCUPANCY_GRID
from road_seg.labels import LabelMap
from road_seg.labels import UNLABELLED

WIDTH = 400
FREE_COLOUR, BLOCKED_COLOUR, UNKNOWN_COLOUR = (38, 166, 120), (214, 92, 60), (128, 134, 142)
ERROR_COLOUR, IGNORED_COLOUR = (230, 30, 40), (90, 110, 200)
_JPEG_QUALITY = 80
_PNG_OPTIONS = (cv2.IMWRITE_PNG_COMPRESSION, 6)  # 9: a fifth smaller, twice as long
_RING_STEP = 10.0  # [m]


def photo(rgb: np.ndarray) -> str:
    """Return a picture (H, W, 3) uint8 RGB, reduced, as a JPEG data URI."""
    bgr = cv2.cvtColor(_reduced(rgb, cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
    return _data_uri('.jpg', 'jpeg', bgr, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))


def class_map(mask: np.ndarray, labels: LabelMap) -> str:
    """Return a mask (H, W) uint8, reduced, in the classes' colours as a PNG data URI."""
    return _drawing(labels.palette[_reduced(mask, cv2.INTER_NEAREST)])


def errors(rgb: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> str:
    """
    Return the picture in grey with wrong pixels red and unlabelled ones blue, as a data URI.

    :param rgb: (H, W, 3) uint8 RGB.
    :param truth: (H, W) uint8 class ids, 255 unlabelled.
    :param mask: (H, W) uint8 predicted class ids.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    picture = cv2.cvtColor(grey // 2 + 96, cv2.COLOR_GRAY2RGB)
    ignored = truth == UNLABELLED
    picture[ignored] = picture[ignored] // 2 + np.array(IGNORED_COLOUR, np.uint8) // 2
    picture[(truth != mask) & ~ignored] = ERROR_COLOUR
    return photo(picture)


def error_layer(truth: np.ndarray, mask: np.ndarray) -> str:
    """
    Return wrong pixels in red and unlabelled ones in blue on nothing, to lay over the picture.

    :param truth: (H, W) uint8 class ids, 255 unlabelled.
    :param mask: (H, W) uint8 predicted class ids.
    :return: a PNG data URI.
    """
    truth, mask = (_reduced(ids, cv2.INTER_NEAREST) for ids in (truth, mask))
    layer = np.zeros((*truth.shape, 4), np.uint8)
    layer[truth == UNLABELLED] = (*IGNORED_COLOUR, 140)
    layer[(truth != mask) & (truth != UNLABELLED)] = (*ERROR_COLOUR, 255)
    return _data_uri('.png', 'png', cv2.cvtColor(layer, cv2.COLOR_RGBA2BGRA), _PNG_OPTIONS)


def grid_cells(grid_cdr: bytes) -> str:
    """Return the cells of a grid as birds_eye shows them, as a PNG data URI."""
    grid = decode(grid_cdr, OCCUPANCY_GRID)
    values = grid.data.reshape(grid.info.height, grid.info.width)
    colours = np.select([values[..., None] < 0, values[..., None] == 0],
                        [UNKNOWN_COLOUR, FREE_COLOUR], BLOCKED_COLOUR).astype(np.uint8)
    return _drawing(np.ascontiguousarray(colours.transpose(1, 0, 2)[::-1, ::-1]))


def birds_eye(grid_cdr: bytes) -> str:
    """
    Return a grid seen from above as an SVG: forward is up, left is left, rings are metres.

    :param grid_cdr: serialized OccupancyGrid in the vehicle's frame.
    """
    info = decode(grid_cdr, OCCUPANCY_GRID).info
    x_min, y_min = info.origin.position.x, info.origin.position.y
    depth, breadth = info.width * info.resolution, info.height * info.resolution
    return _birds_eye_svg(grid_cells(grid_cdr), x_min, x_min + depth, y_min, y_min + breadth)


def _birds_eye_svg(cells: str, x_min: float, x_max: float, y_min: float, y_max: float) -> str:
    """Draw rings, their distances and the vehicle over the cells; user units are metres."""
    breadth, depth = y_max - y_min, x_max - x_min
    size = max(breadth, depth)
    reach = np.hypot(max(abs(x_min), abs(x_max)), max(abs(y_min), abs(y_max)))
    rings = np.arange(_RING_STEP, reach, _RING_STEP)
    # Image axes: right = -y, down = -x, with base_link's origin at (0, 0).
    circles = ''.join(f'<circle r="{r:g}"/>' for r in rings)
    texts = ''.join(f'<text x="{size * 0.01:g}" y="{-r - size * 0.01:g}">{r:g} m</text>'
                    for r in rings if r < x_max)
    arrow = size * 0.03
    return (
        f'<svg class="grid" viewBox="{-y_max:g} {-x_max:g} {breadth:g} {depth + arrow:g}" '
        f'role="img" aria-label="drivable area from above">'
        f'<image href="{cells}" x="{-y_max:g}" y="{-x_max:g}" width="{breadth:g}" '
        f'height="{depth:g}" preserveAspectRatio="none"/>'
        f'<g class="rings" stroke-width="{size * 0.004:g}">{circles}</g>'
        f'<g class="metres" font-size="{size * 0.045:g}">{texts}</g>'
        f'<path class="ego" d="M0 {-arrow:g} L{arrow * 0.7:g} {arrow:g} L0 {arrow * 0.5:g} '
        f'L{-arrow * 0.7:g} {arrow:g} Z"/></svg>')


def _reduced(image: np.ndarray, interpolation: int) -> np.ndarray:
    """Return an image no wider than WIDTH."""
    height, width = image.shape[:2]
    if width <= WIDTH:
        return np.ascontiguousarray(image)
    return cv2.resize(image, (WIDTH, max(1, round(height * WIDTH / width))),
                      interpolation=interpolation)


def _drawing(rgb: np.ndarray) -> str:
    return _data_uri('.png', 'png', cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), _PNG_OPTIONS)


def _data_uri(suffix: str, subtype: str, bgr: np.ndarray, options: tuple[int, int]) -> str:
    _, data = cv2.imencode(suffix, bgr, options)
    return f'data:image/{subtype};base64,{base64.b64encode(data.tobytes()).decode()}'


def hex_colour(colour: Any) -> str:
    """Return (red, green, blue), 0..255, as CSS writes it."""
    return '#{:02x}{:02x}{:02x}'.format(*colour)
