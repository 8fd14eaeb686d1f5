"""Stages that work at the same time, each in a thread of its own."""

from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue
from threading import Event
from threading import Thread
from typing import TypeVar

Item = TypeVar('Item')

_DEPTH = 4


@contextmanager
def ahead(items: Iterable[Item], depth: int = _DEPTH) -> Iterator[Iterator[Item]]:
    """
    Yield an iterator over items that a thread takes ahead of their use, in the same order.

    An error of the items is raised where the failed item would have come. Leaving the context
    ends the thread after the item it works on.

    :param depth: how many items wait at most.
    """
    queue: Queue[tuple[bool, Item | BaseException | None]] = Queue(depth)
    stopping = Event()

    def work() -> None:
        end: BaseException | None = None
        try:
            for item in items:
                queue.put((True, item))
                if stopping.is_set():
                    return
        except BaseException as error:  # raised again where the items are used
            end = error
        queue.put((False, end))

    def results() -> Iterator[Item]:
        while True:
            is_item, item = queue.get()
            if not is_item:
                if item is not None:
                    raise item
                return
            yield item

    thread = Thread(target=work, name='road_seg_ahead', daemon=True)
    thread.start()
    try:
        yield results()
    finally:
        stopping.set()
        while thread.is_alive():
            while not queue.empty():
                queue.get()
            thread.join(0.01)
