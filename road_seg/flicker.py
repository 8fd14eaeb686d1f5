"""Flicker: how often a mask changes where the scene did not."""

from functools import cache

import cv2
import numpy as np

from road_seg.errors import InputError

# Dense flow on pictures of this width takes about 1 ms a frame and finds a counterpart for
# 97 % of the pixels of a motorway drive, more than on wider ones.
_WIDTH = 256
# A pixel has a counterpart in the frame before if flow there and back ends this close, pixels.
_TOLERANCE = 1.0
# And if their grey values differ by no more than this: something new may stand there.
_SAME_GREY = 16


class Flicker:
    """
    Count pixels whose class differs from that of the same point of the scene a frame before.

    Points are followed by dense optical flow (Kroeger et al., 'Fast Optical Flow using Dense
    Inverse Search', ECCV 2016), as temporal consistency is measured by Liu et al., 'Efficient
    Semantic Video Segmentation with Per-frame Inference', ECCV 2020. Only pixels whose flow
    there and back agrees within a pixel, and whose grey value stays the same within 16 of 255,
    count: not what came into view, and not what flow fails on. A class within one pixel of the
    point counts as the same, so that borders that move by parts of a pixel are no flicker. All
    of this on images 256 pixels wide.
    """

    def __init__(self) -> None:
        self.changed = 0
        self.followed = 0
        self._flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._last: tuple[np.ndarray, np.ndarray] | None = None

    def update(self, rgb: np.ndarray, mask: np.ndarray) -> float | None:
        """
        Add the next frame.

        :param rgb: (H, W, 3) uint8, the image.
        :param mask: (H, W) uint8, its class ids.
        :return: the share of the followed pixels that changed since the last frame; None for the
            first frame of a sequence, or where nothing could be followed.
        :raises InputError: image and mask have different sizes.
        """
        if rgb.shape[:2] != mask.shape:
            raise InputError('mask', found=str(mask.shape), expected=f'that of the image, '
                             f'{rgb.shape[:2]}', fix='pass the mask of this image')
        height, width = mask.shape
        size = (_WIDTH, max(16, round(_WIDTH * height / width)))
        # In this order it takes half of the time.
        grey = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), size,
                          interpolation=cv2.INTER_AREA)
        mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT)
        last, self._last = self._last, (grey, mask)
        if last is None or last[0].shape != grey.shape:
            return None
        followed, source = self._follow(last[0], grey)
        differs = followed & (cv2.remap(last[1], source, None, cv2.INTER_NEAREST) != mask)
        near = _neighbourhoods(last[1], source[differs])
        changed = (near != mask[differs][:, None]).all(axis=1)
        counts = int(changed.sum()), int(followed.sum())
        self.changed += counts[0]
        self.followed += counts[1]
        return counts[0] / counts[1] if counts[1] else None

    def cut(self) -> None:
        """Begin a new sequence: the next frame does not follow the last one."""
        self._last = None

    def share(self) -> float:
        """Return the share of followed pixels that changed; NaN if none was followed."""
        return self.changed / self.followed if self.followed else float('nan')

    def __add__(self, other: 'Flicker') -> 'Flicker':
        merged = Flicker()
        merged.changed = self.changed + other.changed
        merged.followed = self.followed + other.followed
        return merged

    def _follow(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """
        Return which pixels of an image are found in the one before, and where.

        :return: (h, w) bool, and x, y in `before` as (h, w, 2) float32.
        """
        back, forth = self._flow.calc(after, before, None), self._flow.calc(before, after, None)
        source = back + _positions(after.shape)
        returned = cv2.remap(forth, source, None, cv2.INTER_LINEAR,
                             borderMode=cv2.BORDER_CONSTANT, borderValue=(1e3, 1e3))
        missed = cv2.magnitude(*cv2.split(back + returned))
        grey = cv2.remap(before, source, None, cv2.INTER_LINEAR)
        return (missed < _TOLERANCE) & (cv2.absdiff(after, grey) <= _SAME_GREY), source


@cache
def _positions(shape: tuple[int, int]) -> np.ndarray:
    """Return x, y of the pixels of an image (h, w, 2) float32."""
    rows, columns = np.mgrid[:shape[0], :shape[1]].astype(np.float32)
    return np.dstack((columns, rows))


def _neighbourhoods(mask: np.ndarray, points: np.ndarray) -> np.ndarray:
    """
    Return the values of the pixels at some points and of their eight neighbours, (N, 9).

    :param points: x, y (N, 2) float32; of the pixels outside, the nearest inside counts.
    """
    columns, rows = np.rint(points).astype(np.intp).T[:, :, None]
    row_steps, column_steps = np.mgrid[-1:2, -1:2].reshape(2, 9)
    return mask[(rows + row_steps).clip(0, mask.shape[0] - 1),
                (columns + column_steps).clip(0, mask.shape[1] - 1)]
