"""Tests of the worker thread."""

from threading import active_count
from threading import Event

import pytest

from road_seg.ros.worker import NewestItemWorker

pytestmark = pytest.mark.ros

TIMEOUT_S = 20.0


class Recorder:
    """A handler that takes its first item and then waits until it is let go."""

    def __init__(self) -> None:
        self.items: list[str] = []
        self.drops = 0
        self.started = Event()
        self.may_finish = Event()
        self.has_last = Event()

    def handle(self, item: str) -> None:
        """Keep the item."""
        self.items.append(item)
        self.started.set()
        self.may_finish.wait(TIMEOUT_S)
        if item == 'last':
            self.has_last.set()

    def drop(self) -> None:
        """Count a dropped item."""
        self.drops += 1


@pytest.fixture
def recorder() -> Recorder:
    """Return a handler."""
    return Recorder()


def test_only_the_newest_waits_and_the_others_are_counted(recorder: Recorder) -> None:
    worker = NewestItemWorker(recorder.handle, recorder.drop)
    worker.start()
    worker.submit('first')
    assert recorder.started.wait(TIMEOUT_S)
    for item in ('second', 'third', 'last'):
        worker.submit(item)
    recorder.may_finish.set()
    assert recorder.has_last.wait(TIMEOUT_S)
    worker.stop()
    assert recorder.items == ['first', 'last']
    assert recorder.drops == 2


def test_stop_finishes_the_item_at_work_and_ends_the_thread(recorder: Recorder) -> None:
    threads = active_count()
    worker = NewestItemWorker(recorder.handle, recorder.drop)
    worker.start()
    worker.submit('first')
    assert recorder.started.wait(TIMEOUT_S)
    recorder.may_finish.set()
    worker.stop()
    worker.submit('late')
    assert recorder.items == ['first']
    assert active_count() == threads


def test_nothing_is_accepted_before_start(recorder: Recorder) -> None:
    worker = NewestItemWorker(recorder.handle, recorder.drop)
    worker.submit('early')
    recorder.may_finish.set()
    worker.start()
    worker.stop()
    assert recorder.items == []
