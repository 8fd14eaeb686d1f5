"""Seamless noise and patterns that surfaces are drawn with."""

from functools import cache

import cv2
import numpy as np

SIZE = 512


@cache
def noise(seed: int, slope: float) -> np.ndarray:
    """
    Return a seamless tile (SIZE, SIZE) float32 of noise, mean 0, standard deviation 1.

    :param seed: seed of the tile.
    :param slope: exponent of the amplitude over spatial frequency: 0 white, 1 cloudy.
    """
    spectrum = np.fft.rfft2(np.random.default_rng(seed).standard_normal((SIZE, SIZE)))
    frequency = np.hypot(np.fft.fftfreq(SIZE)[:, np.newaxis], np.fft.rfftfreq(SIZE))
    frequency[0, 0] = np.inf
    tile = np.fft.irfft2(spectrum * frequency**-slope)
    return (tile / tile.std()).astype(np.float32)


@cache
def cracks() -> np.ndarray:
    """Return a seamless tile (SIZE, SIZE) float32: 1 on thin winding cracks, else 0."""
    field, where = noise(11, 1.6), noise(12, 1.4)
    thin = np.clip(1.0 - np.abs(field) / 0.035, 0.0, 1.0)
    return (thin * (where > 0.7)).astype(np.float32)


@cache
def tiles() -> np.ndarray:
    """Return a seamless tile (SIZE, SIZE) float32: paving slabs of varied grey with joints."""
    rng = np.random.default_rng(5)
    slabs = np.kron(rng.normal(0.0, 0.05, (8, 8)), np.ones((64, 64))).astype(np.float32)
    slabs[:3] = slabs[-3:] = -0.25
    slabs[:, :3] = slabs[:, -3:] = -0.25
    for row in range(8):
        slabs[row * 64:row * 64 + 4] = -0.25
        start = 32 * (row % 2)
        for column in range(start, SIZE, 64):
            slabs[row * 64:row * 64 + 64, column:column + 4] = -0.25
    return slabs


def sample(tile: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """
    Return a seamless tile's values, bilinear.

    :param tile: (SIZE, SIZE) float32.
    :param u: (H, W) columns in tile widths.
    :param v: (H, W) rows in tile heights.
    """
    columns = ((u - np.floor(u)) * SIZE).astype(np.float32)
    rows = ((v - np.floor(v)) * SIZE).astype(np.float32)
    return cv2.remap(tile, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def pick(tile: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return a seamless tile's values at (N,) places in tile widths, the nearest ones."""
    columns = (u * SIZE).astype(np.int32) & (SIZE - 1)
    rows = (v * SIZE).astype(np.int32) & (SIZE - 1)
    return tile[rows, columns]
