"""Items taken ahead in a thread."""

from collections.abc import Iterator
from functools import partial
import signal
import threading

from interruptions import places
from interruptions import signal_amid
import pytest

from road_seg.replay.overlap import ahead


def test_the_order_stays_and_the_thread_ends():
    with ahead(iter(range(100))) as items:
        assert list(items) == list(range(100))
    assert not [thread for thread in threading.enumerate() if thread.name == 'road_seg_ahead']


def test_an_error_comes_in_its_turn():
    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError('third')

    with ahead(failing()) as items:
        assert (next(items), next(items)) == (1, 2)
        with pytest.raises(ValueError, match='third'):
            next(items)


def test_only_so_many_are_taken_ahead():
    taken = []

    def counting() -> Iterator[int]:
        for index in range(100):
            taken.append(index)
            yield index

    with ahead(counting(), 3) as items:
        for index in items:
            # What waits, what is being put, and what was just given out.
            assert len(taken) <= index + 1 + 3 + 1 + 1


def test_leaving_early_ends_stages_that_feed_each_other():
    with ahead(iter(range(10**9))) as first, ahead(2 * item for item in first) as second:
        assert next(second) == 0
    assert not [thread for thread in threading.enumerate() if thread.name == 'road_seg_ahead']


def test_an_interruption_amid_taking_ends_the_thread():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with ahead(iter(range(10**9))) as items:
            entered = places(partial(next, items))
        for place in entered:
            with (pytest.raises(KeyboardInterrupt), ahead(iter(range(10**9))) as items,
                  signal_amid(place, signal.SIGINT)):
                next(items)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not [thread for thread in threading.enumerate() if thread.name == 'road_seg_ahead']
