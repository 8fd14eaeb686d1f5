"""The verdict by recorded time."""

from collections.abc import Iterator

import numpy as np

from road_seg.backends.base import Prediction
from road_seg.pipeline import Result
from road_seg.replay.recorded_health import RecordedHealth

PERIOD_NS = 100_000_000


def blocks(index: int) -> np.ndarray:
    """Return a picture that is fit for use, another for each index."""
    colours = np.random.default_rng(index).integers(0, 240, (16, 24, 3), np.uint8)
    return colours.repeat(4, axis=0).repeat(4, axis=1)


def judge(health: RecordedHealth, images: Iterator[np.ndarray], stamps_ns: range) -> list[tuple]:
    """Show pictures; return the reasons after each."""
    sure = np.full((64, 96), 255, np.uint8)
    prediction = Prediction(np.ones((64, 96), np.uint8), sure, sure)
    return [health.judge(Result(stamp_ns, prediction.classes, None, None, {}, image,
                                prediction)).reasons
            for image, stamp_ns in zip(images, stamps_ns, strict=True)]


def test_a_dark_second_is_reported_after_half_of_it_and_over_at_once() -> None:
    images = [blocks(index) // (64 if 10 <= index < 20 else 1) for index in range(25)]
    found = judge(RecordedHealth(), iter(images), range(0, 25 * PERIOD_NS, PERIOD_NS))
    assert found == [()] * 15 + [('image_dark',)] * 5 + [()] * 5


def test_a_stamp_that_jumps_back_is_reported_for_two_seconds() -> None:
    health = RecordedHealth()
    forth = range(10**10, 10**10 + 5 * PERIOD_NS, PERIOD_NS)
    back = range(0, 30 * PERIOD_NS, PERIOD_NS)
    assert judge(health, map(blocks, range(5)), forth) == [()] * 5
    assert judge(health, map(blocks, range(5, 35)), back) == (
        [('stamp_backwards',)] * 21 + [()] * 9)
