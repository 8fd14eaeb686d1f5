"""A line that shows how far a long job is."""

import sys
import time
from typing import TextIO

_REDRAW_S = 0.2
_STEPS = 10
_LINE_S = 5.0


class Progress:
    """
    On a terminal one line redrawn with the time left; elsewhere a line each tenth of the way.

    :param what: what is counted.
    :param stream: where to write.
    """

    def __init__(self, what: str, stream: TextIO | None = None) -> None:
        self._what = what
        self._stream = stream or sys.stderr
        self._first: tuple[float, int] | None = None
        self._drawn = 0.0
        self._step = 0

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` are done; time counts from the first call."""
        now = time.monotonic()
        start, done_then = self._first = self._first or (now, done)
        elapsed = now - start
        text = f'{self._what} {done} of {total}'
        if done > done_then:
            left = elapsed / (done - done_then) * max(0, total - done)
            text = f'{text}, {left:.0f} s left'
        if self._stream.isatty():
            if done >= total or elapsed - self._drawn > _REDRAW_S:
                end = '\n' if done >= total else ''
                print(f'\r\x1b[K{text}', end=end, file=self._stream, flush=True)
                self._drawn = elapsed
        elif done * _STEPS // max(1, total) > self._step:
            self._step = done * _STEPS // max(1, total)
            print(text, file=self._stream, flush=True)


class Status:
    """
    On a terminal one line redrawn with what a long job is at; elsewhere a line every few seconds.

    :param stream: where to write.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._written: float | None = None

    def __call__(self, text: str) -> bool:
        """Show what the job is at; return True: it shall go on."""
        now = time.monotonic()
        pause = _REDRAW_S if self._stream.isatty() else _LINE_S
        if self._written is None or now - self._written > pause:
            self._written = now
            start, end = ('\r\x1b[K', '') if self._stream.isatty() else ('', '\n')
            print(f'{start}{text}', end=end, file=self._stream, flush=True)
        return True

    def end(self) -> None:
        """Clear the line of a terminal."""
        if self._written is not None and self._stream.isatty():
            print('\r\x1b[K', end='', file=self._stream, flush=True)
