"""A mask drawn over its camera frame, for people to look at."""

import cv2
import numpy as np

_FRAME_SHARE = 0.55


def draw_overlay(rgb: np.ndarray, mask: np.ndarray, palette: np.ndarray,
                 out: np.ndarray | None = None) -> np.ndarray:
    """
    Return a frame tinted with the colours of its classes.

    :param rgb: (H, W, 3) uint8 RGB.
    :param mask: (H, W) uint8 class ids.
    :param palette: (256, 3) uint8 RGB by class id, as LabelMap.palette.
    :param out: (H, W, 3) uint8 array to write into; a new one is made without it.
    :return: (H, W, 3) uint8 RGB.
    """
    colours = palette.take(mask, axis=0)
    return cv2.addWeighted(rgb, _FRAME_SHARE, colours, 1.0 - _FRAME_SHARE, 0.0, dst=out)
