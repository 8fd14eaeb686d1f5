"""From light to an image: haze, rain, lens and camera."""

from functools import lru_cache

import cv2
import numpy as np

from road_seg.world.weather import Weather


@lru_cache(maxsize=4)
def _vignette(height: int, width: int, strength: float) -> np.ndarray:
    rows, columns = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width),
                                indexing='ij')
    return (1.0 - strength * (rows**2 + columns**2) / 2.0).astype(np.float32)[..., np.newaxis]


def hazed(rgb: np.ndarray, reach: np.ndarray, weather: Weather) -> np.ndarray:
    """Blend colours (H, W, 3) towards the horizon's with distance (H, W)."""
    clear = np.exp(np.minimum(reach, 1e5) * np.float32(-3.0 / weather.visibility))
    sky = np.isinf(reach)
    if weather.visibility > 600.0:
        clear[sky] = 1.0
    haze = np.array(weather.horizon, np.float32)
    return haze + (rgb - haze) * clear[..., np.newaxis]


def expose(rgb: np.ndarray, weather: Weather, look: np.random.Generator,
           noise: np.random.Generator) -> np.ndarray:
    """
    Return the image (H, W, 3) uint8 a camera makes of the light.

    :param look: draws what stays the same over a drive: exposure, colour, blur.
    :param noise: draws what differs from frame to frame.
    """
    height, width = rgb.shape[:2]
    gain = look.uniform(0.86, 1.14)
    balance = look.uniform(0.95, 1.05, 3).astype(np.float32)
    blur, quality = look.uniform(0.45, 0.95), int(look.integers(62, 96))
    contrast = look.uniform(0.9, 1.12)
    strength = round(look.uniform(0.05, 0.3), 2)
    bright = np.maximum(rgb - 255.0, 0.0)
    if bright.max() > 0.0:
        glow = cv2.resize(bright, (width // 8, height // 8), interpolation=cv2.INTER_AREA)
        glow = cv2.GaussianBlur(glow, (0, 0), 2.0)
        rgb = rgb + cv2.resize(glow, (width, height)) * 0.9
    rgb = cv2.GaussianBlur(np.minimum(rgb, 330.0), (0, 0), blur)
    rgb *= _vignette(height, width, strength)
    rgb = (rgb * (balance * gain) - 110.0) * contrast + 110.0
    if weather.raining:
        rgb = _streaks(rgb, noise)
    grain = np.empty((height, width), np.float32)
    noise.standard_normal(dtype=np.float32, out=grain)
    rgb += (grain * weather.noise)[..., np.newaxis]
    image = np.clip(rgb, 0, 255).astype(np.uint8)
    _, coded = cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return cv2.imdecode(coded, cv2.IMREAD_COLOR)


def _streaks(rgb: np.ndarray, noise: np.random.Generator) -> np.ndarray:
    """Add falling drops, and some that lie on the glass."""
    height, width = rgb.shape[:2]
    layer = np.zeros((height, width), np.uint8)
    for x, y, length in noise.integers((0, 0, 6), (width, height, 26), (90, 3)).tolist():
        cv2.line(layer, (x, y), (x + length // 6, y + length), 90, 1, cv2.LINE_AA)
    rgb = rgb + cv2.GaussianBlur(layer, (0, 0), 0.8)[..., np.newaxis] * np.float32(0.35)
    smooth = cv2.blur(rgb, (13, 13))
    glass = np.zeros((height, width), np.uint8)
    for x, y, radius in noise.integers((0, 0, 2), (width, height, 8), (26, 3)).tolist():
        cv2.circle(glass, (x, y), radius, 255, cv2.FILLED)
    share = cv2.GaussianBlur(glass, (0, 0), 1.2)[..., np.newaxis] / np.float32(255.0)
    return rgb + (smooth * 1.06 - rgb) * share
