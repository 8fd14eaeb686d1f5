"""What the segmentation did lately and whether that is good: counters, rates and a verdict."""

from collections import Counter
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from threading import Lock

import numpy as np

PERCENTILES = (50, 95, 99)

_KEPT_FRAMES = 300
_RATE_WINDOW_NS = 5_000_000_000
# A camera slower than this is reported as silent between its frames.
_SILENCE_NS = 2_000_000_000
# Longer than the period of the reports, so that every fault shows up in one.
_FAULT_SHOWN_NS = 2_000_000_000
_NS_PER_MS = 1e6
_NS_PER_S = 1e9


class Level(IntEnum):
    """How bad it is; the numbers are those of diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass(frozen=True)
class Verdict:
    """
    The state at one moment.

    :param level: the worst of all findings.
    :param message: all findings in words, the worst first; the state if there are none.
    :param values: facts, counters and durations with their units.
    """

    level: Level
    message: str
    values: dict[str, str]


class Health:
    """
    Gather what happens to the frames; all times are given as ns of one steady clock.

    Its methods may be called from several threads.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._facts: dict[str, str] = {}
        self._last_error = ''
        self._conditions: dict[str, tuple[Level, str]] = {}
        self._source = ''
        self._reset()

    def start(self, now_ns: int, source: str) -> None:
        """
        Begin to expect frames; counters begin at zero.

        :param source: where they come from, in words.
        """
        with self._lock:
            self._reset()
            self._source = source
            self._heard_ns = now_ns

    def stop(self) -> None:
        """Stop expecting frames."""
        with self._lock:
            self._heard_ns = None
            self._fault = None

    def set_facts(self, **facts: str) -> None:
        """Set values that every report shows."""
        with self._lock:
            self._facts.update(facts)

    def forget_facts(self, *names: str) -> None:
        """Show these values no more."""
        with self._lock:
            for name in names:
                self._facts.pop(name, None)

    def set_condition(self, name: str, level: Level, message: str) -> None:
        """Set a finding that holds until clear_condition."""
        with self._lock:
            self._conditions[name] = (level, message)
            if level >= Level.ERROR:
                self._last_error = message

    def clear_condition(self, name: str) -> None:
        """Withdraw a finding, if there is one of that name."""
        with self._lock:
            self._conditions.pop(name, None)

    def received(self, now_ns: int) -> None:
        """Count a frame that came in."""
        with self._lock:
            self._counts['received'] += 1
            self._heard_ns = now_ns

    def dropped(self) -> None:
        """Count a frame that a newer one replaced before its turn."""
        with self._lock:
            self._counts['dropped'] += 1

    def lost(self, count: int) -> None:
        """Count frames the middleware reports as lost before they came in."""
        with self._lock:
            self._counts['lost'] += count

    def rejected(self, now_ns: int, message: str) -> None:
        """Count a frame that is unusable."""
        self._count_fault('rejected', now_ns, message)

    def failed(self, now_ns: int, message: str) -> None:
        """Count a usable frame that could not be processed."""
        self._count_fault('failed', now_ns, message)

    def processed(self, now_ns: int, stages_ns: Mapping[str, int], age_ns: int) -> None:
        """
        Count a frame whose outputs were published.

        :param stages_ns: duration of each stage, ns.
        :param age_ns: time from its acquisition until now, ns.
        """
        with self._lock:
            self._counts['processed'] += 1
            self._done_ns.append(now_ns)
            for stage, duration in stages_ns.items():
                self._stages_ns.setdefault(stage, deque(maxlen=_KEPT_FRAMES)).append(duration)
            self._ages_ns.append(age_ns)

    def report(self, now_ns: int) -> Verdict:
        """Return the verdict of this moment."""
        with self._lock:
            findings = [*self._conditions.values(), *self._frame_findings(now_ns)]
            findings.sort(key=lambda finding: finding[0], reverse=True)
            rate = self._rate(now_ns)
            if not findings:
                findings = [(Level.OK, self._facts.get('state', 'idle'))]
            return Verdict(findings[0][0], '; '.join(text for _, text in findings),
                           self._values(rate))

    def _reset(self) -> None:
        """Forget all frames."""
        self._counts: Counter[str] = Counter()
        self._stages_ns: dict[str, deque[int]] = {}
        self._ages_ns: deque[int] = deque(maxlen=_KEPT_FRAMES)
        self._done_ns: deque[int] = deque(maxlen=_KEPT_FRAMES)
        self._fault: tuple[int, str] | None = None
        self._heard_ns: int | None = None

    def _count_fault(self, counter: str, now_ns: int, message: str) -> None:
        """Count a frame without outputs."""
        with self._lock:
            self._counts[counter] += 1
            self._fault = (now_ns, message)
            self._last_error = message

    def _frame_findings(self, now_ns: int) -> list[tuple[Level, str]]:
        """Return what is wrong with the frames of the last seconds."""
        findings = []
        if self._fault is not None and now_ns - self._fault[0] <= _FAULT_SHOWN_NS:
            findings.append((Level.ERROR, self._fault[1]))
        if self._heard_ns is not None and now_ns - self._heard_ns > _SILENCE_NS:
            lost = self._counts['lost']
            findings.append((Level.STALE, f'no {self._source} for '
                             f'{(now_ns - self._heard_ns) / _NS_PER_S:.1f} s'
                             + (f', {lost} lost by the middleware' if lost else '')))
        return findings

    def _rate(self, now_ns: int) -> float:
        """Return the frames finished per second, lately."""
        recent = [done for done in self._done_ns if now_ns - done <= _RATE_WINDOW_NS]
        if len(recent) < 2:
            return 0.0
        return (len(recent) - 1) * _NS_PER_S / max(1, recent[-1] - recent[0])

    def _values(self, rate: float) -> dict[str, str]:
        """Return the facts, counters and durations."""
        values = dict(self._facts)
        for counter in ('received', 'processed', 'dropped', 'rejected', 'failed', 'lost'):
            values[f'frames {counter}'] = str(self._counts[counter])
        values['output rate'] = f'{rate:.2f} Hz'
        durations = {'frame age': self._ages_ns, **self._stages_ns}
        for name, recent in durations.items():
            if recent:
                shares = np.percentile(np.array(recent) / _NS_PER_MS, PERCENTILES)
                values[f'{name} p50/p95/p99'] = (
                    f'{"/".join(f"{share:.2f}" for share in shares)} ms')
        values['last error'] = self._last_error or 'none'
        return values
