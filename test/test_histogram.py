"""Counts of bytes against numpy's."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np

from road_seg import histogram as module
from road_seg.histogram import histogram


def test_literal() -> None:
    values = np.array([[255] * 9, [0, 7, 7, *[255] * 6]], np.uint8)
    counts = histogram(values)
    assert counts.shape == (256,)
    assert counts.dtype == np.int64
    assert {value: int(counts[value]) for value in counts.nonzero()[0]} == {0: 1, 7: 2, 255: 15}


@given(st.integers(0, 10_000), st.integers(0, 100), st.sampled_from([0.0, 0.5, 0.95, 1.0]))
def test_agrees_with_bincount(seed: int, size: int, saturated: float) -> None:
    random = np.random.default_rng(seed)
    values = np.where(random.random(size) < saturated, 255, random.integers(0, 256, size))
    values = values.astype(np.uint8)
    expected = np.bincount(values, minlength=256)
    np.testing.assert_array_equal(histogram(values), expected)
    np.testing.assert_array_equal(histogram(values, (3, 255)), expected)


def test_ids_alone_in_pairs_and_in_eights() -> None:
    ids = np.array([1] * 8 + [2] * 16 + [1, 1, 0, 9, 2, 2, 2, 2] + [9] * 8 + [1] * 3, np.uint8)
    counts = histogram(ids, (0, 1, 2))
    assert {value: int(counts[value]) for value in counts.nonzero()[0]} == {
        0: 1, 1: 13, 2: 20, 9: 9}


def test_a_view_with_gaps() -> None:
    values = np.arange(240, dtype=np.uint8).reshape(12, 20)[::2, 1::3]
    expected = np.bincount(values.ravel(), minlength=256)
    np.testing.assert_array_equal(histogram(values), expected)
    np.testing.assert_array_equal(histogram(values, range(256)), expected)


def test_parts_of_a_large_image_are_added(monkeypatch) -> None:
    monkeypatch.setattr(module, '_EXACT', 10)
    values = np.arange(45, dtype=np.uint8) % 4
    np.testing.assert_array_equal(histogram(values)[:4], [12, 11, 11, 11])
