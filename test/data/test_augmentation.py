"""Joint augmentation keeps image and truth together."""

from dataclasses import replace

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np

from road_seg.data.augmentation import augment
from road_seg.data.augmentation import Augmentation
from road_seg.data.augmentation import crop_transform
from road_seg.data.augmentation import focus_pixel
from road_seg.data.augmentation import photometric
from road_seg.labels import UNLABELLED

PLAIN = Augmentation(gamma=1.0, contrast=0.0, saturation=0.0, tint=0.0, blur_probability=0.0,
                     noise_probability=0.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(20, 90), st.integers(20, 90))
def test_truth_follows_the_image(seed: int, height: int, width: int) -> None:
    """Away from class borders the colour still says the class; outside is unlabelled."""
    truth = np.zeros((height, width), np.uint8)
    truth[:, width // 2:] = 1
    rgb = np.where(truth[..., None] == 1, 200, 100).astype(np.uint8).repeat(3, 2)
    image, ids = augment(np.random.default_rng(seed), PLAIN, rgb, truth, network=(64, 96),
                         crop=(32, 64))
    assert image.shape == (32, 64, 3)
    assert ids.shape == (32, 64)
    assert set(np.unique(ids)) <= {0, 1, 255}
    colour = image[..., 0].astype(int)
    for expected, pure in ((0, abs(colour - 100) < 3), (1, colour > 195)):
        labelled = ids[pure & (ids != UNLABELLED)]
        # Mixing with the black outside can give 100 on the rim of the bright half.
        assert labelled.size < 50 or (labelled == expected).mean() > 0.97


def test_identity_when_nothing_is_allowed_to_change() -> None:
    """Without ranges only the mirror is left, and the crop is the stretched image."""
    still = Augmentation(scale=(1.0, 1.0), aspect=1.0, rotation_deg=0.0)
    transforms = {tuple(np.round(crop_transform(np.random.default_rng(seed), still, (32, 64),
                                                (32, 64), (32, 64)), 9).ravel() + 0.0)
                  for seed in range(20)}
    assert transforms == {(1, 0, 0, 0, 1, 0), (-1, 0, 64, 0, 1, 0)}


def test_shading_stays_below_its_strength_and_reaches_one_side_only() -> None:
    """Half of a grey image stays as it is; a corner or side beyond gains up to the strength."""
    config = replace(PLAIN, shading=0.3)
    grey = np.full((41, 61, 3), 100, np.uint8)
    gains = []
    for seed in range(200):
        shaded = photometric(np.random.default_rng(seed), config, grey).astype(int)
        assert (np.abs(shaded - 100) <= 1).all(2).mean() > 0.45
        assert np.abs(shaded[20, 30] - 100).max() <= 1
        gains += [shaded.min(), shaded.max()]
    assert 69 <= min(gains) <= 72
    assert 128 <= max(gains) <= 130


def test_same_seed_same_crop() -> None:
    """All randomness comes from the generator."""
    rng = np.random.default_rng(3)
    rgb = rng.integers(0, 256, (50, 60, 3), dtype=np.uint8)
    truth = rng.integers(0, 5, (50, 60), dtype=np.uint8)
    everything = Augmentation(weather_probability=1.0, bonnet_probability=1.0)
    first, second = (augment(np.random.default_rng(9), everything, rgb, truth,
                             network=(64, 96), crop=(32, 32)) for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 89), st.integers(0, 59))
def test_a_focus_lies_in_the_middle_or_the_crop_at_the_rim(seed: int, x: int, y: int) -> None:
    """Upright: the focus is in the middle half, unless the crop would leave the image."""
    upright = Augmentation(rotation_deg=0.0, scale=(1.0, 2.0))
    linear = crop_transform(np.random.default_rng(seed), upright, (60, 90), (64, 96), (32, 32),
                            np.array((x, y)))
    corners = np.array(((0, 0), (90, 60))) @ linear[:, :2].T + linear[:, 2]
    place = linear @ (x, y, 1)
    for axis in range(2):
        low, high = sorted(corners[:, axis])
        assert low <= 1e-9
        assert high >= 32 - 1e-9
        assert 8 - 1e-9 <= place[axis] <= 24 + 1e-9 or low > -1e-9 or high < 32 + 1e-9


def test_every_id_is_focused_on_as_often() -> None:
    """One pixel of id 2, many of id 0, and the unlabelled ones never."""
    truth = np.zeros((20, 30), np.uint8)
    truth[5, 7] = 2
    truth[10:] = UNLABELLED
    rng = np.random.default_rng(0)
    drawn = [tuple(focus_pixel(rng, truth)) for _ in range(400)]
    assert 150 < drawn.count((7, 5)) < 250
    assert max(row for _, row in drawn) == 9
    assert focus_pixel(rng, np.full((4, 4), UNLABELLED, np.uint8)) is None
