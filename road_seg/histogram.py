"""How often each value of a byte occurs."""

import cv2
import numpy as np

_EXACT = 1 << 24  # integers that single precision holds without gaps


def histogram(values: np.ndarray) -> np.ndarray:
    """
    Return how often each uint8 value occurs, (256,) int64, several times faster than bincount.

    OpenCV counts in single precision: exact up to 16 million pixels, so larger images in parts.
    """
    flat = np.ascontiguousarray(values).reshape(1, -1)
    return sum(cv2.calcHist([flat[:, start:start + _EXACT]], [0], None, [256], [0, 256])
               .reshape(-1).astype(np.int64) for start in range(0, flat.size, _EXACT))
