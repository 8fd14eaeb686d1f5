"""Findings about the running node and the verdict they add up to."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

# What the value `reasons` of a report says when there are none.
NO_REASONS = 'none'
# The code of a silent camera.
NO_FRAMES = 'no_frames'


class Level(IntEnum):
    """How bad it is; the numbers are those of diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass(frozen=True)
class Finding:
    """
    One thing that is wrong.

    :param code: what it is, in a word for programs.
    :param level: how bad it is.
    :param message: what it is, in words for people.
    """

    code: str
    level: Level
    message: str


@dataclass(frozen=True)
class Verdict:
    """
    The state at one moment.

    :param level: the worst of all findings.
    :param message: all findings in words, the worst first; the state if there are none.
    :param reasons: their codes in the same order.
    :param values: facts, counters and durations with their units.
    """

    level: Level
    message: str
    reasons: tuple[str, ...]
    values: dict[str, str]


class Lasting:
    """
    Let findings count only once every look has found them for a while.

    :param after_ns: for how long, ns.
    :param looks: how often at least.
    :param valid_ns: how long the last look counts, ns.
    """

    def __init__(self, after_ns: int, looks: int, valid_ns: int) -> None:
        self._after_ns = after_ns
        self._looks = looks
        self._valid_ns = valid_ns
        self._seen_ns = 0
        self._since: dict[str, tuple[int, int, Finding]] = {}

    def update(self, now_ns: int, findings: Iterable[Finding]) -> None:
        """Take what a look has found; what it has not found is over."""
        if now_ns - self._seen_ns > self._valid_ns:
            self._since = {}
        self._seen_ns = now_ns
        since = {}
        for finding in findings:
            first_ns, looks, _ = self._since.get(finding.code, (now_ns, 0, finding))
            since[finding.code] = (first_ns, looks + 1, finding)
        self._since = since

    def current(self, now_ns: int) -> list[Finding]:
        """Return what has lasted long enough."""
        if now_ns - self._seen_ns > self._valid_ns:
            return []
        return [finding for first_ns, looks, finding in self._since.values()
                if looks >= self._looks and self._seen_ns - first_ns >= self._after_ns]
