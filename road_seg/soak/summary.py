"""What a soak run adds up to, and whether that is good."""

from collections.abc import Iterator
from collections.abc import Sequence
import statistics
from typing import Any

from road_seg.process_usage import ProcessUsage
from road_seg.soak.faults import NO_REPORT
from road_seg.soak.record import false_alarms
from road_seg.soak.record import Outcome
from road_seg.soak.record import outcomes
from road_seg.soak.record import Record

# What a machine busy with other work brings about; everything else without a fault is a defect.
LOAD_CODES = frozenset({'frames_dropped', 'network_slow', 'no_frames', 'stamp_stale', NO_REPORT})
MAX_GROWTH = 0.02

_WARM_UP_SHARE, _LONGEST_WARM_UP_S = 1 / 3, 300.0
_WINDOW_SHARE, _SHORTEST_WINDOW_S = 0.1, 10.0
_NS_PER_S = 1e9


def summary(record: Record, found_within_s: float) -> dict[str, Any]:
    """
    Return what `soak --json` writes, without what was run.

    :param record: of a run that has ended.
    :param found_within_s: the longest time a fault may go unreported, s.
    """
    results = outcomes(record)
    alarms = false_alarms(record)
    defects = [alarm for alarm in alarms if not LOAD_CODES.issuperset(alarm.reasons)]
    sent = [stamp for result in results for stamp in result.injection.stamps]
    result = {
        'faults': fault_table(results),
        'false_alarms': {'defects': len(defects), 'load': len(alarms) - len(defects), 'reports': [
            {'at_s': _seconds(alarm.at_ns - record.started_ns), 'reasons': list(alarm.reasons)}
            for alarm in alarms]},
        'frames': {'sent': len(sent) + len(record.healthy_stamps),
                   'answered': record.answered(sent) + record.answered(record.healthy_stamps),
                   'healthy_sent': len(record.healthy_stamps),
                   'healthy_answered': record.answered(record.healthy_stamps)},
        'process': steadiness(record.usage),
        'injections': [_injection(each, record.started_ns) for each in results],
        'usage': [{'at_s': round(usage.at_s - _seconds(record.started_ns), 2),
                   'memory_mib': round(usage.memory_mib, 2), 'threads': usage.threads,
                   'open_files': usage.open_files} for usage in record.usage]}
    failures = [*([f'the run broke off: {record.broken}'] if record.broken else ()),
                *_failures(result, found_within_s)]
    return {'passed': not failures, 'failures': failures, **result}


def fault_table(results: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return what came of each kind of fault, in the order of their first appearance."""
    kinds: dict[str, list[Outcome]] = {}
    for result in results:
        kinds.setdefault(result.injection.fault.name, []).append(result)
    rows = []
    for name, each in kinds.items():
        real = [one for one in each if not one.is_none]
        rows.append({
            'name': name, 'code': each[0].injection.fault.code, 'injected': len(each),
            'no_fault': len(each) - len(real),
            'found_s': _spread([one.found_ns for one in real if one.found_ns is not None]),
            'recovered_s': _spread([one.recovered_ns for one in real
                                    if one.recovered_ns is not None]),
            'missed': sum(one.found_ns is None for one in real),
            'not_recovered': sum(one.recovered_ns is None for one in each),
            'forbidden_outputs': sum(one.forbidden for one in each)})
    return rows


def steadiness(usage: Sequence[ProcessUsage]) -> dict[str, Any]:
    """
    Return memory, threads and open files after the warm-up and at the end.

    The warm-up is the first third, 300 s at most. Memory and files are medians over windows of
    a tenth of the run, at least 10 s; threads are all numbers seen after the warm-up.

    :param usage: once a second, in order.
    """
    seconds = usage[-1].at_s - usage[0].at_s
    warm_s = usage[0].at_s + min(_WARM_UP_SHARE * seconds, _LONGEST_WARM_UP_S)
    window_s = max(_WINDOW_SHARE * seconds, _SHORTEST_WINDOW_S)
    warm = [each for each in usage if each.at_s >= warm_s]
    first = [each for each in warm if each.at_s <= warm_s + window_s]
    last = [each for each in warm if each.at_s >= usage[-1].at_s - window_s]
    before, after = (statistics.median(each.memory_mib for each in part)
                     for part in (first, last))
    files = [statistics.median(each.open_files for each in part) for part in (first, last)]
    return {'warm_up_s': round(warm_s - usage[0].at_s, 1),
            'memory_mib': {'after_warm_up': round(before, 2), 'end': round(after, 2),
                           'growth': round(after / before - 1.0, 4)},
            'threads': sorted({each.threads for each in warm}),
            'open_files': {'after_warm_up': files[0], 'end': files[1]}}


def _failures(result: dict[str, Any], found_within_s: float) -> Iterator[str]:
    """Yield what is not as it must be."""
    if not result['faults']:
        yield 'no fault was injected: the run is too short'
    for row in result['faults']:
        for count, what in ((row['missed'], 'not found'),
                            (row['not_recovered'], 'without recovery'),
                            (row['forbidden_outputs'], 'frames with a forbidden output')):
            if count:
                yield f'{row["name"]}: {count} {what}'
        if row['found_s'] and row['found_s']['max'] > found_within_s:
            yield (f'{row["name"]}: found after {row["found_s"]["max"]:.2f} s, later than '
                   f'{found_within_s:g} s')
    if result['false_alarms']['defects']:
        yield f'{result["false_alarms"]["defects"]} false alarms'
    process = result['process']
    if process['memory_mib']['growth'] > MAX_GROWTH:
        yield f'memory grew by {process["memory_mib"]["growth"]:.1%}'
    if len(process['threads']) > 1:
        yield f'threads: {process["threads"][0]} to {process["threads"][-1]}'
    if process['open_files']['end'] > process['open_files']['after_warm_up']:
        yield 'open files grew from {after_warm_up:g} to {end:g}'.format(**process['open_files'])


def _injection(result: Outcome, started_ns: int) -> dict[str, Any]:
    """Return what came of one fault."""
    injection = result.injection
    return {'name': injection.fault.name,
            'at_s': _seconds(injection.started_ns - started_ns),
            'seconds': _seconds(injection.ended_ns - injection.started_ns),
            'found_s': None if result.found_ns is None else _seconds(result.found_ns),
            'recovered_s': None if result.recovered_ns is None
            else _seconds(result.recovered_ns),
            'also': list(result.also), 'sent': len(injection.stamps),
            'answered': result.answered, 'forbidden_outputs': result.forbidden}


def _spread(times_ns: Sequence[int]) -> dict[str, float] | None:
    """Return median and maximum of some durations, s."""
    return {'median': _seconds(statistics.median(times_ns)),
            'max': _seconds(max(times_ns))} if times_ns else None


def _seconds(time_ns: float) -> float:
    return round(time_ns / _NS_PER_S, 3)
