"""Tests of the judgement of images, on pictures made up and, where they are, on real ones."""

from collections.abc import Callable
from collections.abc import Iterator
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from road_seg.image_health import ImageHealth

HEIGHT, WIDTH = 320, 512
STEP_NS = 100_000_000
SECOND_NS = 1_000_000_000
NOISE = np.random.default_rng(0).normal(0.0, 1.5, (HEIGHT, WIDTH, 3))
SURE = np.full((HEIGHT, WIDTH), 240, np.uint8)
DATA = Path(os.environ.get('ROAD_SEG_DATA', 'no data'))


def noisy(image: np.ndarray, number: int) -> np.ndarray:
    """Return an image with the sensor noise of frame `number`."""
    return np.clip(image + np.roll(NOISE, 7 * number, axis=1), 0, 255).astype(np.uint8)


def dark(image: np.ndarray) -> np.ndarray:
    """Return it at a twentieth of its light."""
    return image * 0.05


def overexposed(image: np.ndarray) -> np.ndarray:
    """Return it with eight times its light."""
    return np.minimum(255.0, image * 8.0 + 60.0)


def blurred(image: np.ndarray) -> np.ndarray:
    """Return it out of focus."""
    return cv2.GaussianBlur(image, (0, 0), 0.008 * WIDTH).astype(float)


def blocked(image: np.ndarray) -> np.ndarray:
    """Return it with something close to the lens over three quarters of it."""
    covered = image.astype(float)
    covered[HEIGHT // 4:] = np.linspace(60.0, 90.0, WIDTH)[None, :, None]
    return covered


def noise(image: np.ndarray) -> np.ndarray:
    """Return nothing but noise."""
    return np.random.default_rng(2).uniform(0.0, 256.0, image.shape)


FAULTS = {'image_dark': dark, 'image_overexposed': overexposed, 'image_blurred': blurred,
          'lens_blocked': blocked, 'image_noisy': noise}


def codes(health: ImageHealth, now_ns: int) -> list[str]:
    """Return what is found at a time."""
    return [finding.code for finding in health.findings(now_ns)]


def show(health: ImageHealth, frame: Callable[[int], np.ndarray], start_ns: int,
         seconds: float) -> Iterator[tuple[int, list[str]]]:
    """Show ten frames a second; yield the time since the start and what is found after each."""
    for number in range(round(seconds * SECOND_NS / STEP_NS)):
        now_ns = start_ns + number * STEP_NS
        health.look(now_ns, frame(number), SURE, SURE)
        yield now_ns - start_ns, codes(health, now_ns)


@pytest.fixture
def street() -> np.ndarray:
    """Return a picture with edges everywhere."""
    rng = np.random.default_rng(1)
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    for _ in range(400):
        x, y = rng.integers(0, (WIDTH, HEIGHT)).tolist()
        cv2.rectangle(image, (x, y), (x + 24, y + 16), rng.integers(20, 200, 3).tolist(), -1)
    return image


@pytest.mark.parametrize('fault', FAULTS)
def test_each_fault_is_found_within_two_seconds_and_is_over_at_once(street: np.ndarray,
                                                                   fault: str) -> None:
    health = ImageHealth()
    good = list(show(health, lambda number: noisy(street, number), 0, 1.5))
    assert {code for _, found in good for code in found} == set()
    picture = FAULTS[fault](street)
    bad = list(show(health, lambda number: noisy(picture, number), 2 * SECOND_NS, 2.0))
    assert min(at_ns for at_ns, found in bad if fault in found) < SECOND_NS
    health.look(5 * SECOND_NS, street, SURE, SURE)
    assert codes(health, 5 * SECOND_NS) == []


def test_a_frozen_image_is_found_after_a_second(street: np.ndarray) -> None:
    found = list(show(ImageHealth(), lambda number: street, 0, 2.0))
    at_ns = min(at_ns for at_ns, codes in found if 'image_frozen' in codes)
    assert SECOND_NS <= at_ns < 1.3 * SECOND_NS


def test_one_bad_frame_is_no_fault(street: np.ndarray) -> None:
    black = np.zeros_like(street)
    health = ImageHealth()
    found = show(health, lambda number: black if number == 10 else noisy(street, number), 0, 2.0)
    assert {code for _, codes in found for code in codes} == set()


def test_what_was_found_is_forgotten_when_no_frames_come(street: np.ndarray) -> None:
    health = ImageHealth()
    list(show(health, lambda number: noisy(dark(street), number), 0, 1.0))
    assert codes(health, SECOND_NS) == ['image_dark']
    assert codes(health, 4 * SECOND_NS) == []


def test_an_unsure_network_and_a_road_that_vanishes(street: np.ndarray) -> None:
    health = ImageHealth()
    unsure = np.full_like(SURE, 150)
    for number in range(40):
        health.look(number * STEP_NS, noisy(street, number), unsure, SURE)
    assert codes(health, 40 * STEP_NS) == ['low_confidence']
    for number in range(40, 80):
        health.look(number * STEP_NS, noisy(street, number), SURE, np.zeros_like(SURE))
    finding, = health.findings(80 * STEP_NS)
    assert finding.code == 'drivable_collapsed'
    assert finding.message.endswith(' to 0%')


def recorded() -> list[Path]:
    """Return the clips and folders of frames there are."""
    return [*sorted(DATA.glob('udacity_seq/*.mp4')), *(
        DATA / name for name in ('kitti_seq/images', 'camvid/val/images',
                                 'ut_austin_night/images') if (DATA / name).is_dir())]


def frames_of(path: Path) -> Iterator[np.ndarray]:
    """Yield every sixteenth frame of a clip or folder at the network's size."""
    if path.is_dir():
        images = (cv2.imread(str(file)) for file in sorted(path.iterdir())[::16])
    else:
        clip = cv2.VideoCapture(str(path))
        images = (clip.read()[1] for _ in range(0, int(clip.get(cv2.CAP_PROP_FRAME_COUNT)), 16)
                  if all(clip.grab() for _ in range(15)))
    for image in images:
        if image is not None:
            yield cv2.resize(image[..., ::-1], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


@pytest.mark.skipif(not recorded(), reason='no recorded drives in ROAD_SEG_DATA')
def test_recorded_drives_give_no_warning_and_every_fault_on_them_is_found() -> None:
    for path in recorded():
        pictures = list(frames_of(path))
        assert pictures
        health = ImageHealth()
        for number, picture in enumerate(pictures * 5):
            health.look(number * 4 * STEP_NS, picture, SURE, SURE)
            assert codes(health, number * 4 * STEP_NS) == [], path
        for fault, falsify in FAULTS.items():
            bad = falsify(pictures[0])
            found = show(ImageHealth(), lambda number, bad=bad: noisy(bad, number), 0, 2.0)
            assert any(fault in codes for _, codes in found), (path, fault)
