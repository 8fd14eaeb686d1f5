"""What the world does to a camera image: night, glare, haze, rain, shadows, and the bonnet."""

import cv2
import numpy as np


def weather(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """
    Put one effect, drawn at random, on an image.

    :param rgb: (H, W, 3) uint8.
    :return: (H, W, 3) uint8.
    """
    return _EFFECTS[rng.integers(len(_EFFECTS))](rng, rgb)


def bonnet(rng: np.random.Generator, rgb: np.ndarray, truth: np.ndarray, ego_id: int) -> None:
    """
    Draw the bonnet of the camera's own vehicle along the lower edge, in place.

    :param rgb: (H, W, 3) uint8.
    :param truth: (H, W) uint8 truth ids.
    :param ego_id: truth id of the bonnet.
    """
    height, width = truth.shape
    rise = rng.uniform(0.04, 0.2) * height
    centre = (round(width * rng.uniform(0.4, 0.6)), round(height + rise))
    axes = (round(width * rng.uniform(0.45, 0.9)), round(2 * rise))
    where = np.zeros((height, width), np.uint8)
    cv2.ellipse(where, centre, axes, 0.0, 0.0, 360.0, 1, cv2.FILLED)
    inside = where.astype(bool)
    # Paint that mirrors the scene above it, upside down.
    paint = rng.uniform(10, 220, 3)
    mirrored = cv2.GaussianBlur(rgb[::-1], (0, 0), 3.0)
    share = rng.uniform(0.1, 0.6)
    rgb[inside] = (share * mirrored[inside] + (1.0 - share) * paint).astype(np.uint8)
    truth[inside] = ego_id


def to_bytes(image: np.ndarray) -> np.ndarray:
    """Return an image of any real numbers as uint8, cut off at 0 and 255."""
    return np.clip(image, 0.0, 255.0).astype(np.uint8)


def _night(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """Darken, take colour away and light the ground ahead as headlights do."""
    height, width = rgb.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    aim = (rng.uniform(0.35, 0.65) * width, rng.uniform(0.7, 1.0) * height)
    spread = rng.uniform(0.2, 0.45)
    beam = np.exp(-(((x - aim[0]) / (spread * width))**2 + ((y - aim[1]) / (spread * height))**2))
    light = rng.uniform(0.15, 0.4) + rng.uniform(0.0, 0.5) * beam
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    colour = rng.uniform(0.3, 0.8)
    tint = np.array((rng.uniform(0.9, 1.3), 1.0, rng.uniform(0.7, 1.1)), np.float32)
    image = (colour * rgb + (1.0 - colour) * grey) * light[..., None] * tint
    return to_bytes(image + rng.normal(0.0, rng.uniform(1.0, 6.0), rgb.shape))


def _glare(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """Add a low sun that also lifts the dark parts."""
    height, width = rgb.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    sun = (rng.uniform(0.0, 1.0) * width, rng.uniform(-0.1, 0.6) * height)
    distance = np.hypot(x - sun[0], y - sun[1]) / width
    light = np.exp(-(distance / rng.uniform(0.1, 0.5))**1.5)[..., None]
    return to_bytes(rgb + light * rng.uniform(60.0, 220.0) + rng.uniform(0.0, 30.0))


def _haze(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """Blend towards grey, most at and above a horizon."""
    height = rgb.shape[0]
    rows = np.arange(height, dtype=np.float32) / height
    share = rng.uniform(0.2, 0.7) * np.exp(
        -np.maximum(rows - rng.uniform(0.3, 0.5), 0.0) / rng.uniform(0.15, 0.5))
    share = share[:, None, None]
    return to_bytes((1.0 - share) * rgb + share * rng.uniform(140.0, 230.0))


def _rain(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """Darken and blur the scene and draw streaks before it."""
    height, width = rgb.shape[:2]
    image = cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.4, 1.2))
    image = to_bytes(image * rng.uniform(0.6, 0.95))
    streaks = image.copy()
    slant = rng.uniform(-0.3, 0.3)
    for x, y, length in zip(rng.integers(0, width, 80), rng.integers(0, height, 80),
                            rng.uniform(0.02, 0.1, 80) * height, strict=True):
        cv2.line(streaks, (int(x), int(y)), (int(x + slant * length), int(y + length)),
                 (200, 205, 210), 1, cv2.LINE_AA)
    return cv2.addWeighted(image, 0.6, streaks, 0.4, 0.0)


def _shadow(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """Darken a few polygons with soft edges, as trees and buildings do to a road."""
    height, width = rgb.shape[:2]
    shade = np.zeros((height, width), np.float32)
    for _ in range(rng.integers(1, 5)):
        points = rng.uniform((-0.2, 0.2), (1.2, 1.2), (rng.integers(3, 6), 2))
        cv2.fillPoly(shade, [(points * (width, height)).astype(np.int32)], 1.0)
    shade = cv2.GaussianBlur(shade, (0, 0), rng.uniform(0.5, 5.0))
    return to_bytes(rgb * (1.0 - rng.uniform(0.3, 0.7) * shade[..., None]))


def _compression(rng: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """Show the blocks of a strong JPEG compression."""
    _, data = cv2.imencode('.jpg', rgb, (cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(12, 50))))
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


_EFFECTS = (_night, _glare, _haze, _rain, _shadow, _compression)
