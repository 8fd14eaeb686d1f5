"""Stages that work at the same time, each in a thread of its own."""

from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
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
    # A SimpleQueue, unlike a Queue, is whole after an interruption amid get.
    results: SimpleQueue[tuple[bool, Item | BaseException | None]] = SimpleQueue()
    places: SimpleQueue[None] = SimpleQueue()
    for _ in range(depth):
        places.put(None)
    is_wanted = True

    def work() -> None:
        end: BaseException | None = None
        try:
            for item in items:
                places.get()
                if not is_wanted:
                    return
                results.put((True, item))
        except BaseException as error:  # raised again where the items are used
            end = error
        results.put((False, end))

    def taken() -> Iterator[Item]:
        while True:
            is_item, item = results.get()
            if not is_item:
                if item is not None:
                    raise item
                return
            places.put(None)
            yield item

    thread = Thread(target=work, name='road_seg_ahead', daemon=True)
    thread.start()
    try:
        yield taken()
    finally:
        is_wanted = False
        places.put(None)
        thread.join()
