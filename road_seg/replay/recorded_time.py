"""The time of a recording."""


class RecordedTime:
    """Time since the first stamp; a stamp that jumps back does not turn it back."""

    def __init__(self) -> None:
        self._stamp_ns: int | None = None
        self._elapsed_ns = 0

    def at(self, stamp_ns: int) -> int:
        """Return the time of the next stamp, both ns."""
        if self._stamp_ns is not None:
            self._elapsed_ns += max(0, stamp_ns - self._stamp_ns)
        self._stamp_ns = stamp_ns
        return self._elapsed_ns
