"""Flicker is what changes in the mask and not in the scene."""

import cv2
import numpy as np
import pytest

from road_seg.errors import InputError
from road_seg.flicker import Flicker

HEIGHT, WIDTH = 160, 256


def picture(shift: int = 0) -> np.ndarray:
    """Return a textured image, moved to the right by some pixels."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (40, 80, 3), dtype=np.uint8)
    wide = cv2.resize(coarse, (WIDTH + 64, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(wide[:, 32 - shift:32 - shift + WIDTH])


def halves(edge: int) -> np.ndarray:
    """Return a mask of two classes with a vertical border."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, edge:] = 1
    return mask


def test_a_patch_that_changes_in_a_still_scene() -> None:
    """20 x 30 pixels of class 2 appear amid class 0, and all of them count."""
    flicker = Flicker()
    assert flicker.update(picture(), halves(200)) is None
    changed = halves(200)
    changed[50:70, 40:70] = 2
    share = 20 * 30 / (HEIGHT * WIDTH)
    assert flicker.update(picture(), changed) == pytest.approx(share)
    # It vanishes: within a pixel of the rim there was class 0 before.
    assert flicker.update(picture(), halves(200)) == pytest.approx(
        18 * 28 / (HEIGHT * WIDTH))
    assert flicker.share() == pytest.approx((600 + 504) / 2 / (HEIGHT * WIDTH))


def test_a_mask_that_moves_with_the_scene_does_not_flicker() -> None:
    flicker = Flicker()
    flicker.update(picture(0), halves(100))
    assert flicker.update(picture(6), halves(106)) < 0.002
    assert flicker.followed > 0.9 * HEIGHT * WIDTH


def test_a_mask_that_stays_while_the_scene_moves_does() -> None:
    """Six pixels of motion, one of them tolerated: five columns of 256."""
    flicker = Flicker()
    flicker.update(picture(0), halves(100))
    assert flicker.update(picture(6), halves(100)) == pytest.approx(5 / WIDTH, rel=0.3)


def test_a_border_may_move_by_a_pixel() -> None:
    flicker = Flicker()
    flicker.update(picture(), halves(100))
    assert flicker.update(picture(), halves(101)) == 0.0


def test_nothing_is_counted_over_a_cut() -> None:
    flicker = Flicker()
    flicker.update(picture(), halves(10))
    flicker.cut()
    assert flicker.update(picture(), halves(200)) is None
    assert np.isnan(flicker.share())


def test_parts_add_up() -> None:
    parts = []
    for edge in (50, 90):
        parts.append(Flicker())
        parts[-1].update(picture(), halves(40))
        parts[-1].update(picture(), halves(edge))
    whole = parts[0] + parts[1]
    assert whole.changed == parts[0].changed + parts[1].changed > 0
    assert whole.share() == pytest.approx((parts[0].share() + parts[1].share()) / 2)


def test_mask_and_image_must_fit() -> None:
    with pytest.raises(InputError, match=r'mask: found \(4, 4\); expected that of the image'):
        Flicker().update(picture(), np.zeros((4, 4), np.uint8))
