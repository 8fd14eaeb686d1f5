"""A small clip of a flat, gently winding road, drawn with its exact class mask."""

from collections.abc import Iterator
import math

import cv2
import numpy as np

from road_seg.bags.sources import Source
from road_seg.bags.sources import SourceFrame
from road_seg.calibration import CameraInfo
from road_seg.camera import Extrinsics
from road_seg.labels import ROAD_LABELS

WIDTH, HEIGHT, HFOV_DEG = 640, 384, 60.0
RATE_HZ = 10.0
EXTRINSICS = Extrinsics(x=0.0, y=0.0, z=1.5, pitch=math.radians(2.0))

_SPEED = 8.0  # [m/s]
_ROAD_HALF_WIDTH, _SIDEWALK_WIDTH, _MARK_HALF_WIDTH = 3.5, 2.0, 0.075  # [m]
_MARK_LENGTH, _MARK_PERIOD = 3.0, 9.0  # [m]
_BEND, _BEND_LENGTH = 1.5, 60.0  # amplitude and length scale of the centre line [m]
_CAR = (-1.75, 1.8, 1.5)  # left of the centre line, width, height [m]
_PERSON = (4.5, 0.6, 1.75)
_COLOURS = np.array([(96, 128, 70), (92, 92, 96), (150, 144, 138), (30, 50, 140),
                     (170, 50, 60)], np.float32)
_SKY, _MARK = (150, 185, 225), (225, 225, 220)
_NOISE = 9.0  # standard deviation of the grey noise


def clip(frame_count: int = 40, seed: int = 0) -> Source:
    """
    Return the drawn clip; the same seed draws the same pixels.

    :param frame_count: number of frames, at 10 Hz.
    :param seed: seed of the texture and of the traffic.
    """
    return Source(f'a drawn road, not a real one (seed {seed})', frame_count,
                  lambda: _frames(frame_count, seed),
                  CameraInfo.nominal(WIDTH, HEIGHT, HFOV_DEG), ROAD_LABELS, EXTRINSICS)


def _frames(count: int, seed: int) -> Iterator[SourceFrame]:
    generator = np.random.default_rng(seed)
    forward, left = _ground()
    car_start, person_start = generator.uniform(12.0, 20.0), generator.uniform(15.0, 30.0)
    for index in range(count):
        time_s = index / RATE_HZ
        travelled = _SPEED * time_s
        rgb, truth = _draw_ground(forward, left, travelled)
        boxes = [(person_start - 0.8 * travelled % 9.0, 4, _PERSON),
                 (car_start + 4.0 * np.sin(time_s), 3, _CAR)]
        for distance, class_id, shape in sorted(boxes, reverse=True):
            _draw_box(rgb, truth, distance, travelled, class_id, shape)
        rgb += generator.normal(0.0, _NOISE, (HEIGHT, WIDTH, 1))
        yield SourceFrame(round(time_s * 1e9), rgb.clip(0, 255).astype(np.uint8), truth)


def _ground() -> tuple[np.ndarray, np.ndarray]:
    """Return where each pixel's ray meets the ground, forward and left [m]; inf above it."""
    focal, _, cx, _, _, cy = CameraInfo.nominal(WIDTH, HEIGHT, HFOV_DEG).k[:6]
    columns, rows = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    right, down = (columns - cx) / focal, (rows - cy) / focal
    cos, sin = np.cos(EXTRINSICS.pitch), np.sin(EXTRINSICS.pitch)
    drop = down * cos + sin
    below = drop > 1e-3
    reach = np.where(below, EXTRINSICS.z / np.where(below, drop, 1.0), np.inf)
    forward = np.where(below, reach * (cos - down * sin), np.inf)
    return forward, np.where(below, -right * reach, 0.0)


def _centre(along: np.ndarray | float, travelled: float) -> np.ndarray | float:
    """Return how far left of the vehicle the centre line lies [m], `along` metres ahead."""
    return _BEND * (np.sin((along + travelled) / _BEND_LENGTH) - np.sin(travelled / _BEND_LENGTH))


def _draw_ground(forward: np.ndarray, left: np.ndarray,
                 travelled: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the road without traffic: RGB float32 and class ids."""
    seen = np.isfinite(forward)
    along = np.where(seen, forward, 0.0)
    offset = np.abs(left - _centre(along, travelled))
    truth = np.zeros((HEIGHT, WIDTH), np.uint8)
    truth[seen & (offset < _ROAD_HALF_WIDTH + _SIDEWALK_WIDTH)] = 2
    truth[seen & (offset < _ROAD_HALF_WIDTH)] = 1
    rgb = _COLOURS[truth]
    rgb[~seen] = _SKY
    dash = (along + travelled) % _MARK_PERIOD < _MARK_LENGTH
    rgb[seen & dash & (offset < _MARK_HALF_WIDTH)] = _MARK
    return rgb, truth


def _draw_box(rgb: np.ndarray, truth: np.ndarray, distance: float, travelled: float,
              class_id: int, shape: tuple[float, float, float]) -> None:
    """Draw an upright rectangle that stands on the ground."""
    lateral, width, height = shape
    middle = _centre(distance, travelled) + lateral
    corners = np.array([(distance, middle + width / 2, height),
                        (distance, middle - width / 2, 0.0)])
    optical = EXTRINSICS.to_optical(corners)
    focal, _, cx, _, _, cy = CameraInfo.nominal(WIDTH, HEIGHT, HFOV_DEG).k[:6]
    pixels = optical[:, :2] / optical[:, 2:] * focal + (cx, cy)
    first, last = pixels.round().astype(int).tolist()
    cv2.rectangle(truth, first, last, class_id, cv2.FILLED)
    cv2.rectangle(rgb, first, last, _COLOURS[class_id].tolist(), cv2.FILLED)
