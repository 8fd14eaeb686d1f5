"""Tests of the overlay."""

import numpy as np

from road_seg.labels import ROAD_LABELS
from road_seg.overlay import draw_overlay

FRAME = np.array([[[200, 100, 0], [200, 100, 0]]], np.uint8)
MASK = np.array([[1, 255]], np.uint8)


def test_tints_each_pixel_with_the_colour_of_its_class() -> None:
    # 0.55 * frame + 0.45 * (128, 64, 128), and black for an unlabelled pixel
    expected = [[[168, 84, 58], [110, 55, 0]]]
    assert draw_overlay(FRAME, MASK, ROAD_LABELS.palette).tolist() == expected


def test_writes_into_the_given_array() -> None:
    out = np.zeros((1, 2, 3), np.uint8)
    assert draw_overlay(FRAME, MASK, ROAD_LABELS.palette, out=out) is out
    assert out[0, 0].tolist() == [168, 84, 58]
