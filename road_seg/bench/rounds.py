"""Timing several things in turns, so that all of them meet the same machine."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import statistics
import time

from road_seg.replay.scores import percentiles

_NS_PER_MS = 1e6

# Does the work once; returns the durations of its parts, ns, if it knows them.
Work = Callable[[], Mapping[str, int] | None]


def interleave(works: Mapping[str, Work], rounds: int, repetitions: int,
               progress: Callable[[int, int], None]) -> dict[str, dict[str, list[list[float]]]]:
    """
    Time each work a number of times in a row, all works in turns: A B A B.

    The first repetition of a turn does not count: it finds the caches filled by another work.

    :param works: by name.
    :param rounds: turns of each work.
    :param repetitions: of a work in one turn that count.
    :param progress: called after each turn with the numbers of turns done and in all.
    :return: by work: durations, ms, by part, a list a round; the part '' is the whole.
    """
    times: dict[str, dict[str, list[list[float]]]] = {name: {} for name in works}
    for turn in range(rounds):
        for index, (name, work) in enumerate(works.items()):
            work()
            parts: dict[str, list[float]] = {}
            for _ in range(repetitions):
                started = time.perf_counter_ns()
                durations = work()
                whole = time.perf_counter_ns() - started
                for part, duration in {'': whole, **(durations or {})}.items():
                    parts.setdefault(part, []).append(duration / _NS_PER_MS)
            for part, values in parts.items():
                times[name].setdefault(part, []).append(values)
            progress(turn * len(works) + index + 1, rounds * len(works))
    return times


def medians(rounds: Sequence[Sequence[float]]) -> dict[str, float]:
    """Return the medians over the rounds of each round's p50, p95 and p99."""
    each = [percentiles(list(values)) for values in rounds]
    return {name: statistics.median(one[name] for one in each) for name in each[0]}
