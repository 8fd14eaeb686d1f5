"""What was seen in a soak run, and what came of each fault."""

from collections import deque
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

from road_seg.process_usage import ProcessUsage
from road_seg.soak.faults import Fault
from road_seg.soak.faults import Forbidden
from road_seg.soak.faults import NO_REPORT
from road_seg.verdict import Level

# Reports come every second; a monitor waits a little longer before it believes in a failure.
SILENCE_NS = 1_500_000_000
# An image and the calibration sent beside it may come in either order.
_BESIDE_NS = 100_000_000
_ANSWERED_SHARE = 0.5


@dataclass(frozen=True)
class Report:
    """
    One report on /diagnostics.

    :param at_ns: when it came, perf_counter_ns.
    :param level: of the node's status.
    :param reasons: its reason codes.
    """

    at_ns: int
    level: Level
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Injection:
    """
    One fault that was injected.

    :param fault: which.
    :param started_ns: from when on, perf_counter_ns.
    :param ended_ns: until when.
    :param stamps: of the frames sent meanwhile, ns.
    """

    fault: Fault
    started_ns: int
    ended_ns: int
    stamps: tuple[int, ...]


@dataclass
class Record:
    """
    What was seen; it grows while the run goes on.

    :param started_ns: when the run started, perf_counter_ns.
    :param ended_ns: when it ended.
    :param reports: in the order they came.
    :param injections: those that are over.
    :param usage: of the node's process, once a second.
    :param healthy_stamps: of the frames sent while nothing was wrong, ns.
    :param masks: stamps of the masks received.
    :param grids: whether the grid of a stamp had a known cell.
    :param broken: why the run ended before its time, '' if it did not.
    """

    started_ns: int = 0
    ended_ns: int = 0
    reports: list[Report] = field(default_factory=list)
    injections: list[Injection] = field(default_factory=list)
    usage: list[ProcessUsage] = field(default_factory=list)
    healthy_stamps: list[int] = field(default_factory=list)
    masks: set[int] = field(default_factory=set)
    grids: dict[int, bool] = field(default_factory=dict)
    broken: str = ''

    def answered(self, stamps: Iterable[int]) -> int:
        """Return how many of these frames have got a mask and a grid."""
        return sum(stamp in self.masks and stamp in self.grids for stamp in stamps)


def with_silences(reports: Sequence[Report], now_ns: int) -> Iterator[Report]:
    """Yield the reports, and in each long pause between them and until now one that says so."""
    for index, report in enumerate(reports):
        next_ns = reports[index + 1].at_ns if index + 1 < len(reports) else now_ns
        yield report
        if next_ns - report.at_ns > SILENCE_NS:
            yield Report(report.at_ns + SILENCE_NS, Level.STALE, (NO_REPORT,))


def found_ns(fault: Fault, started_ns: int, reports: Iterable[Report]) -> int | None:
    """
    Return how long after its start a fault was found, None if it was not.

    :param reports: with_silences, none of them later than the next fault.
    """
    return next((report.at_ns - started_ns for report in reports
                 if report.at_ns >= started_ns and report.level >= Level.WARN
                 and fault.code in report.reasons), None)


def recovered_ns(ended_ns: int, reports: Iterable[Report]) -> int | None:
    """Return how long after the end of a fault all was well again, None if it was not."""
    return next((report.at_ns - ended_ns for report in reports
                 if report.at_ns >= ended_ns and report.level == Level.OK), None)


@dataclass(frozen=True)
class Outcome:
    """
    What came of a fault.

    :param injection: the fault.
    :param found_ns: time to the first report of it; None: never.
    :param recovered_ns: time from its end to the first report that all is well; None: never.
    :param also: other reason codes that were reported meanwhile.
    :param answered: how many of its frames got a mask and a grid.
    :param forbidden: how many frames got what they must not get.
    :param is_none: the machine kept up with the load, so there was no fault.
    """

    injection: Injection
    found_ns: int | None
    recovered_ns: int | None
    also: tuple[str, ...]
    answered: int
    forbidden: int
    is_none: bool


def outcomes(record: Record) -> list[Outcome]:
    """Return what came of each fault."""
    reports = list(with_silences(record.reports, record.ended_ns))
    ends = [*(injection.started_ns for injection in record.injections[1:]), record.ended_ns]
    results = []
    for injection, next_ns in zip(record.injections, ends, strict=False):
        own = [report for report in reports if injection.started_ns <= report.at_ns < next_ns]
        fault = injection.fault
        found = found_ns(fault, injection.started_ns, own)
        answered = record.answered(injection.stamps)
        results.append(Outcome(
            injection, found, recovered_ns(injection.ended_ns, own),
            tuple(sorted({code for report in own for code in report.reasons} - {fault.code})),
            answered, _forbidden(injection, record), found is None and fault.is_load
            and answered >= _ANSWERED_SHARE * len(injection.stamps)))
    return results


def false_alarms(record: Record) -> list[Report]:
    """Return the reports that something is wrong while nothing was, a fault's recovery apart."""
    alarms = []
    waiting = deque(record.injections)
    recovering_ns: int | None = None
    for report in with_silences(record.reports, record.ended_ns):
        while waiting and report.at_ns >= waiting[0].started_ns:
            recovering_ns = waiting.popleft().ended_ns
        if report.level == Level.OK:
            if recovering_ns is not None and report.at_ns >= recovering_ns:
                recovering_ns = None
        elif recovering_ns is None:
            alarms.append(report)
    return alarms


def _forbidden(injection: Injection, record: Record) -> int:
    """Return how many frames of a fault got what they must not get."""
    kind, stamps = injection.fault.forbidden, injection.stamps
    if kind is Forbidden.ALL:
        return sum(stamp in record.masks or stamp in record.grids for stamp in stamps)
    if kind is Forbidden.GRID:
        return sum(stamp in record.grids for stamp in stamps
                   if stamp - stamps[0] > _BESIDE_NS)
    if kind is Forbidden.KNOWN_CELLS:
        return sum(record.grids.get(stamp, False) for stamp in stamps)
    return 0
