"""Choosing the frames that are worth labelling."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from road_seg.replay.hard_examples import Example
from road_seg.replay.hard_examples import fingerprint
from road_seg.replay.hard_examples import FLOORS
from road_seg.replay.hard_examples import HardExamples

S = 10**9
PRINTS = [int.from_bytes(np.random.default_rng(seed).bytes(8), 'big') for seed in range(200)]


def example(index: int, *, at_s: float | None = None, like: int | None = None,
            **scores: float) -> Example:
    """Return a frame, 2 s after the one before and unlike all others unless said otherwise."""
    stamp_ns = round((2.0 * index if at_s is None else at_s) * S)
    return Example(index, stamp_ns, scores, PRINTS[index if like is None else like])


def chosen(limit: int, frames: list[Example]) -> HardExamples:
    """Return what is kept of some frames."""
    examples = HardExamples(limit)
    for frame in frames:
        if examples.see(frame.scores):
            examples.offer(frame)
    return examples


def numbers(examples: HardExamples) -> list[int]:
    """Return the numbers of the kept frames."""
    return sorted(kept.index for kept in examples.kept)


def test_frames_below_every_floor_are_not_hard() -> None:
    frames = [example(0, unsure=0.019, flicker=0.004, truth=0.024, driven=0.0),
              example(1, unsure=0.02, flicker=0.004)]
    assert numbers(chosen(9, frames)) == [1]


def test_the_hardest_of_a_reason_are_kept() -> None:
    assert numbers(chosen(2, [example(index, truth=score) for index, score in enumerate(
        (0.3, 0.1, 0.5, 0.2, 0.4))])) == [2, 4]


def test_what_was_given_up_is_told() -> None:
    examples = HardExamples(1)
    first, easier, harder = (example(index, truth=score) for index, score in enumerate(
        (0.3, 0.1, 0.5)))
    for frame in (first, easier, harder):
        examples.see(frame.scores)
    assert [examples.offer(frame) for frame in (first, easier, harder)] == [[], None, [first]]


def test_reasons_share_the_room() -> None:
    frames = [example(index, unsure=0.5 - index / 1000) for index in range(20)]
    frames += [example(20 + index, flicker=0.01 + index / 1000) for index in range(10)]
    frames += [example(30, driven=0.03)]
    groups = chosen(9, frames).by_reason()
    assert {reason: [each.index for each in group] for reason, group in groups.items()} == {
        'unsure': [0, 1, 2, 3], 'flicker': [29, 28, 27, 26], 'truth': [], 'second_model': [],
        'driven': [30]}


def test_scores_are_compared_by_the_means_of_the_drive() -> None:
    # The other model differs everywhere; only the last frame is unusual, by its flicker.
    frames = [example(index, second_model=0.3, flicker=0.006) for index in range(10)]
    last = example(10, second_model=0.3, flicker=0.03)
    examples = chosen(20, [*frames, last])
    assert examples.reason(last) == 'flicker'
    assert [each.index for each in examples.by_reason()['flicker']] == [10]


@pytest.mark.parametrize(('other', 'kept'), [
    (example(1, at_s=0.9, truth=0.4), [1]), (example(1, at_s=0.9, truth=0.2), [0]),
    (example(1, at_s=1.0, truth=0.2), [0, 1]), (example(1, like=0, truth=0.2), [0]),
    (example(1, like=0, truth=0.4), [1])])
def test_of_frames_alike_the_harder_is_kept(other: Example, kept: list[int]) -> None:
    assert numbers(chosen(9, [example(0, truth=0.3), other])) == kept


def test_six_bits_are_no_difference_and_seven_are() -> None:
    first = Example(0, 0, {}, 0)
    assert first.is_like(Example(1, 9 * S, {}, 0b111111))
    assert not first.is_like(Example(1, 9 * S, {}, 0b1111111))


@given(st.integers(1, 12), st.lists(st.dictionaries(
    st.sampled_from(list(FLOORS)), st.floats(0.0, 1.0), min_size=1), max_size=40))
def test_the_room_is_used_up_and_no_more(limit: int, scores: list[dict]) -> None:
    examples = chosen(limit, [example(index, **each) for index, each in enumerate(scores)])
    hard = [each for each in scores if any(each.get(name, 0.0) >= floor
                                           for name, floor in FLOORS.items())]
    assert len(examples.kept) == min(limit, len(hard))


def test_fingerprints_of_one_scene_and_of_two() -> None:
    small = np.random.default_rng(0).integers(40, 200, (2, 8, 9, 3), np.uint8)
    scene, other = np.kron(small, np.ones((1, 10, 10, 1), np.uint8))
    assert (fingerprint(scene) ^ fingerprint(scene + 20)).bit_count() <= 2
    assert (fingerprint(scene) ^ fingerprint(other)).bit_count() > 15
    rising = np.tile(np.arange(90, dtype=np.uint8)[:, np.newaxis], (80, 1, 3))
    assert (fingerprint(rising), fingerprint(rising[:, ::-1])) == (2**64 - 1, 0)
