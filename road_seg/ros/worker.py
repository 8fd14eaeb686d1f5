"""One thread that works on the newest item only."""

from collections.abc import Callable
from threading import Condition
from threading import Thread
import time
from typing import Generic
from typing import TypeVar

Item = TypeVar('Item')


class NewestItemWorker(Generic[Item]):
    """
    Hand the newest item to a handler, one at a time, in a thread of its own.

    :param handle: called in the thread; must not raise.
    :param dropped: called when an item is replaced by a newer one before its turn.
    """

    def __init__(self, handle: Callable[[Item], None], dropped: Callable[[], None]) -> None:
        self._handle = handle
        self._dropped = dropped
        self._changed = Condition()
        self._waiting: Item | None = None
        self._accepts = False
        self._stopping = False
        self._thread = Thread(target=self._run, name='road_seg_worker')

    def start(self) -> None:
        """Start the thread; from now on items are accepted."""
        self._thread.start()
        self._accepts = True

    def submit(self, item: Item) -> None:
        """Leave an item for the thread; do nothing unless started."""
        with self._changed:
            if not self._accepts:
                return
            replaces = self._waiting is not None
            self._waiting = item
            self._changed.notify()
        if replaces:
            self._dropped()
        # Let go of Python's lock: the caller, an executor, still has Python code to run for this
        # message, and the thread would have to wait for its end.
        time.sleep(0)

    def stop(self) -> None:
        """Accept nothing more, finish the item at work, forget the one waiting, end the thread."""
        with self._changed:
            self._accepts = False
            self._stopping = True
            self._waiting = None
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (item := self._next()) is not None:
            self._handle(item)

    def _next(self) -> Item | None:
        """Wait for an item; None means stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is not None or self._stopping)
            item, self._waiting = self._waiting, None
            return item
