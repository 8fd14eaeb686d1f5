"""Joint augmentation keeps image and truth together."""

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np

from road_seg.data.augmentation import augment
from road_seg.data.augmentation import Augmentation
from road_seg.data.augmentation import crop_transform
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
