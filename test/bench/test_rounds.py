"""Tests of timing in turns."""

import time

from road_seg.bench.rounds import interleave
from road_seg.bench.rounds import medians


def test_works_take_turns_and_the_first_of_each_turn_does_not_count():
    calls = []
    seen = []

    def first() -> dict[str, int]:
        calls.append('a')
        return {'part': 2_000_000}

    def second() -> None:
        calls.append('b')

    times = interleave({'a': first, 'b': second}, rounds=2, repetitions=3,
                       progress=lambda done, total: seen.append((done, total)))
    assert ''.join(calls) == 'aaaabbbbaaaabbbb'
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert times['a']['part'] == [[2.0] * 3] * 2
    assert [len(values) for values in times['b']['']] == [3, 3]
    assert times['b'].keys() == {''}


def test_the_whole_is_in_milliseconds():
    times = interleave({'a': lambda: time.sleep(0.02)}, 1, 2, lambda done, total: None)
    assert all(20.0 <= value < 2000.0 for value in times['a'][''][0])


def test_medians_are_over_rounds_not_over_all_values():
    assert medians([[1.0], [2.0], [90.0]]) == {'p50': 2.0, 'p95': 2.0, 'p99': 2.0}
    assert medians([[0.0, 10.0], [100.0] * 5, [4.0] * 9])['p50'] == 5.0
