"""Signals that wait until Python code may be interrupted."""

from collections.abc import Callable
import signal
import threading
from types import FrameType
from types import TracebackType

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class HeldSignals:
    """
    Run the handlers of SIGINT and SIGTERM at let_through and after the context, nowhere else.

    A handler that raises, as Python's own for SIGINT does, can raise amid any statement. In rclpy
    and in the standard library that may leave a lock taken for good, and in a __del__, as
    rclpy.task.Future has one, the error is lost: the program goes on.

    Handlers that are not Python's, and contexts entered in another than the main thread, stay as
    they are.
    """

    def __enter__(self) -> 'HeldSignals':
        self._received: list[int] = []
        self._handlers: dict[int, Callable[[int, FrameType | None], object]] = {}
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: handler for number in _NUMBERS
                              if callable(handler := signal.getsignal(number))}
        for number in self._handlers:
            signal.signal(number, lambda number, frame: self._received.append(number))
        return self

    def let_through(self) -> None:
        """Run the handlers of what has been received since; what they raise is raised here."""
        while self._received:
            number = self._received.pop(0)
            self._handlers[number](number, None)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self.let_through()
