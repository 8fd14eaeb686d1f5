"""Signals that come amid a given function."""

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
import signal
import sys
from types import FrameType

# File and name of a function.
Place = tuple[str, str]


def places(work: Callable[[], object]) -> list[Place]:
    """Return the Python functions that some work enters, or in which a C function returns."""
    seen: dict[Place, None] = {}

    def note(frame: FrameType, event: str, argument: object) -> None:
        if _is_interruptible(event) and frame.f_code.co_filename != __file__:
            seen[_place(frame)] = None

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return list(seen)


@contextmanager
def signal_amid(place: Place, number: int) -> Iterator[None]:
    """Let a signal come the first time that its handler could run in a function."""
    def watch(frame: FrameType, event: str, argument: object) -> None:
        if _is_interruptible(event) and _place(frame) == place:
            sys.setprofile(None)
            signal.raise_signal(number)

    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(None)


def _is_interruptible(event: str) -> bool:
    """Say whether Python runs handlers at an event of the profiler."""
    return event in ('call', 'c_return')


def _place(frame: FrameType) -> Place:
    return frame.f_code.co_filename, frame.f_code.co_name
