"""What the segmentation did lately and whether that is good: counters, rates and a verdict."""

from collections import Counter
from collections import deque
from collections.abc import Mapping
from threading import Lock

import numpy as np

from road_seg.grid import MAX_FUTURE_NS
from road_seg.image_health import ImageHealth
from road_seg.verdict import Finding
from road_seg.verdict import Level
from road_seg.verdict import NO_FRAMES
from road_seg.verdict import NO_REASONS
from road_seg.verdict import Verdict

PERCENTILES = (50, 95, 99)

_KEPT_FRAMES = 300
_RATE_WINDOW_NS = 5_000_000_000
# A camera is silent after this many of its periods, within these limits; one slower than the
# upper limit is reported as silent between its frames.
_SILENCE_PERIODS = 10
_SILENCE_NS = (500_000_000, 2_000_000_000)
# Longer than the period of the reports, so that every fault shows up in one.
_FAULT_SHOWN_NS = 2_000_000_000
# More than half of the frames of a camera that sends more than a handful.
_DROPPED_SHARE, _DROPPED_OF = 0.5, 20
_SLOW_OF = 5
_NS_PER_MS = 1e6
_NS_PER_S = 1e9


class Health:
    """
    Gather what happens to the frames; all times are given as ns of one steady clock.

    Its methods may be called from several threads.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._facts: dict[str, str] = {}
        self._last_error = ''
        self._conditions: dict[str, Finding] = {}
        self._source = ''
        self._budget_ns = 0
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
            self._events.clear()
            self._images = ImageHealth()
            self._received_ns.clear()
            self._done_ns.clear()

    def set_facts(self, **facts: str) -> None:
        """Set values that every report shows."""
        with self._lock:
            self._facts.update(facts)

    def forget_facts(self, *names: str) -> None:
        """Show these values no more."""
        with self._lock:
            for name in names:
                self._facts.pop(name, None)

    def set_budget(self, network_ns: int) -> None:
        """Set how long the network may take for a frame, ns; 0 for no limit."""
        with self._lock:
            self._budget_ns = network_ns

    def set_condition(self, name: str, level: Level, message: str) -> None:
        """
        Set a finding that holds until clear_condition.

        :param name: its reason code.
        """
        with self._lock:
            self._conditions[name] = Finding(name, level, message)
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
            self._received_ns.append(now_ns)

    def dropped(self) -> None:
        """Count a frame that a newer one replaced before its turn."""
        with self._lock:
            self._counts['dropped'] += 1
            if self._received_ns:
                self._dropped_ns.append(self._received_ns[-1])

    def lost(self, count: int) -> None:
        """Count frames the middleware reports as lost before they came in."""
        with self._lock:
            self._counts['lost'] += count

    def rejected(self, now_ns: int, message: str) -> None:
        """Count a frame that is unusable."""
        self._count_fault('rejected', Finding('frame_rejected', Level.ERROR, message), now_ns)

    def failed(self, now_ns: int, message: str) -> None:
        """Count a usable frame that could not be processed."""
        self._count_fault('failed', Finding('frame_failed', Level.ERROR, message), now_ns)

    def notice(self, now_ns: int, code: str, level: Level, message: str) -> None:
        """Show a finding in the reports of the next seconds."""
        with self._lock:
            self._events[code] = (now_ns, Finding(code, level, message))

    def stamped(self, now_ns: int, stamp_ns: int, clock_ns: int) -> None:
        """
        Judge the time of acquisition of a frame.

        :param stamp_ns: that time, ns.
        :param clock_ns: the present time by the same clock, ns.
        """
        with self._lock:
            previous, self._stamp_ns = self._stamp_ns, stamp_ns
        if previous is not None and stamp_ns < previous:
            self.notice(now_ns, 'stamp_backwards', Level.WARN, 'the stamp of the image jumped '
                        f'back by {(previous - stamp_ns) / _NS_PER_S:.3f} s')
        if stamp_ns - clock_ns > MAX_FUTURE_NS:
            self.notice(now_ns, 'stamp_future', Level.WARN, 'the stamp of the image is '
                        f'{(stamp_ns - clock_ns) / _NS_PER_S:.3f} s in the future: '
                        "synchronise the camera's clock, or correct use_sim_time")

    def looked(self, now_ns: int, image: np.ndarray, confidence: np.ndarray,
               drivable: np.ndarray) -> None:
        """
        Judge a frame and what the network makes of it.

        :param image: (h, w, 3) uint8 RGB, the network's input.
        :param confidence: (h, w) uint8, 0..255.
        :param drivable: (h, w) uint8, 0..255.
        """
        with self._lock:
            self._images.look(now_ns, image, confidence, drivable)

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

    def reasons(self, now_ns: int) -> tuple[str, ...]:
        """Return the reasons of the verdict of this moment."""
        with self._lock:
            return tuple(finding.code for finding in self._findings(now_ns))

    def report(self, now_ns: int) -> Verdict:
        """Return the verdict of this moment."""
        with self._lock:
            findings = self._findings(now_ns)
            reasons = tuple(finding.code for finding in findings)
            return Verdict(
                findings[0].level if findings else Level.OK,
                '; '.join(finding.message for finding in findings)
                or self._facts.get('state', 'idle'),
                reasons, {**self._values(self._rate(now_ns)),
                          'reasons': ', '.join(reasons) or NO_REASONS})

    def _reset(self) -> None:
        """Forget all frames."""
        self._counts: Counter[str] = Counter()
        self._stages_ns: dict[str, deque[int]] = {}
        self._ages_ns: deque[int] = deque(maxlen=_KEPT_FRAMES)
        self._done_ns: deque[int] = deque(maxlen=_KEPT_FRAMES)
        self._received_ns: deque[int] = deque(maxlen=_KEPT_FRAMES)
        self._dropped_ns: deque[int] = deque(maxlen=_KEPT_FRAMES)
        self._events: dict[str, tuple[int, Finding]] = {}
        self._stamp_ns: int | None = None
        self._images = ImageHealth()
        self._heard_ns: int | None = None

    def _count_fault(self, counter: str, finding: Finding, now_ns: int) -> None:
        """Count a frame without outputs."""
        with self._lock:
            self._counts[counter] += 1
            self._events[finding.code] = (now_ns, finding)
            self._last_error = finding.message

    def _findings(self, now_ns: int) -> list[Finding]:
        """Return everything that is wrong, the worst first."""
        findings = [*self._conditions.values(), *self._frame_findings(now_ns),
                    *self._load_findings(now_ns), *self._images.findings(now_ns)]
        return sorted(findings, key=lambda finding: finding.level, reverse=True)

    def _frame_findings(self, now_ns: int) -> list[Finding]:
        """Return what is wrong with the frames of the last seconds."""
        findings = [finding for at_ns, finding in self._events.values()
                    if now_ns - at_ns <= _FAULT_SHOWN_NS]
        if self._heard_ns is not None and now_ns - self._heard_ns > self._silence_ns():
            lost = self._counts['lost']
            findings.append(Finding(
                NO_FRAMES, Level.STALE, f'no {self._source} for '
                f'{(now_ns - self._heard_ns) / _NS_PER_S:.1f} s'
                + (f', {lost} lost by the middleware' if lost else '')))
        return findings

    def _silence_ns(self) -> int:
        """Return after how long without a frame the camera counts as silent."""
        shortest, longest = _SILENCE_NS
        recent = self._received_ns
        if len(recent) <= _SILENCE_PERIODS:
            return longest
        return min(longest, max(shortest, recent[-1] - recent[-1 - _SILENCE_PERIODS]))

    def _load_findings(self, now_ns: int) -> list[Finding]:
        """Return whether the machine keeps up with the camera."""
        findings = []
        came, dropped = (sum(now_ns - at_ns <= _FAULT_SHOWN_NS for at_ns in times)
                         for times in (self._received_ns, self._dropped_ns))
        if came >= _DROPPED_OF and dropped > _DROPPED_SHARE * came:
            findings.append(Finding('frames_dropped', Level.WARN, f'{dropped} of the last {came} '
                                    'images dropped: the camera is faster than this machine'))
        recent = self._stages_ns.get('network', ())
        if self._budget_ns and len(recent) >= _SLOW_OF and self._rate(now_ns):
            typical_ns = float(np.median(list(recent)[-_SLOW_OF:]))
            if typical_ns > self._budget_ns:
                findings.append(Finding(
                    'network_slow', Level.WARN, f'the network takes {typical_ns / _NS_PER_MS:.1f} '
                    f'ms, more than {self._budget_ns / _NS_PER_MS:.1f} ms'))
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
