"""Tests of what a record adds up to; all records are made up."""

from dataclasses import replace

import pytest

from road_seg.process_usage import ProcessUsage
from road_seg.soak.faults import Fault
from road_seg.soak.faults import Forbidden
from road_seg.soak.record import Injection
from road_seg.soak.record import Record
from road_seg.soak.record import Report
from road_seg.soak.summary import steadiness
from road_seg.soak.summary import summary
from road_seg.soak.table import markdown
from road_seg.verdict import Level

SECOND = 1_000_000_000
DARK = Fault('dark', 'image_dark')


def usage(memory_mib: list[float]) -> list[ProcessUsage]:
    """Return the usage of a process of 20 threads and 23 files, once a second from 100 s on."""
    return [ProcessUsage(100.0 + second, 0.0, memory, 20, 23)
            for second, memory in enumerate(memory_mib)]


def report(at_s: float, *reasons: str, level: Level = Level.WARN) -> Report:
    """Return a report; one without reasons is OK."""
    return Report(round(at_s * SECOND), level if reasons else Level.OK, reasons)


@pytest.fixture
def record() -> Record:
    """Return a record of 60 s with one fault from 110 s to 112 s, found and over."""
    reports = [report(100 + second) for second in range(61)]
    reports[10:14] = [report(110), report(110.75, 'image_dark'), report(111.5, 'image_dark'),
                      report(112.25, 'image_dark'), report(112.5), report(113.4)]
    return Record(100 * SECOND, 160 * SECOND, reports,
                  [Injection(DARK, 110 * SECOND, 112 * SECOND, (7, 8))], usage([260.0] * 61),
                  healthy_stamps=[1, 2, 3], masks={1, 2, 7}, grids={1: True, 7: True})


def test_a_good_run(record: Record) -> None:
    result = summary(record, 2.0)
    assert (result['passed'], result['failures']) == (True, [])
    assert result['faults'] == [{
        'name': 'dark', 'code': 'image_dark', 'injected': 1, 'no_fault': 0,
        'found_s': {'median': 0.75, 'max': 0.75}, 'recovered_s': {'median': 0.5, 'max': 0.5},
        'missed': 0, 'not_recovered': 0, 'forbidden_outputs': 0}]
    assert result['frames'] == {'sent': 5, 'answered': 2, 'healthy_sent': 3,
                                'healthy_answered': 1}
    assert result['false_alarms'] == {'defects': 0, 'load': 0, 'reports': []}
    assert result['injections'] == [{
        'name': 'dark', 'at_s': 10.0, 'seconds': 2.0, 'found_s': 0.75, 'recovered_s': 0.5,
        'also': [], 'sent': 2, 'answered': 1, 'forbidden_outputs': 0}]
    assert result['usage'][1] == {'at_s': 1.0, 'memory_mib': 260.0, 'threads': 20,
                                  'open_files': 23}


def test_a_fault_found_late_or_never(record: Record) -> None:
    assert summary(record, 0.7)['failures'] == [
        'dark: found after 0.75 s, later than 0.7 s']
    record.reports = [each for each in record.reports if not each.reasons]
    result = summary(record, 2.0)
    assert result['failures'] == ['dark: 1 not found']
    assert (result['faults'][0]['missed'], result['faults'][0]['found_s']) == (1, None)


def test_a_code_below_warn_or_another_code_is_no_finding(record: Record) -> None:
    record.reports = [replace(each, reasons=('lens_blocked',)) if each.reasons else each
                      for each in record.reports]
    result = summary(record, 2.0)
    assert result['failures'] == ['dark: 1 not found']
    assert result['injections'][0]['also'] == ['lens_blocked']


def test_a_fault_that_does_not_end(record: Record) -> None:
    record.reports = [report(each.at_ns / SECOND, 'image_dark')
                      if each.at_ns > 111 * SECOND else each for each in record.reports]
    assert summary(record, 2.0)['failures'] == ['dark: 1 without recovery']


@pytest.mark.parametrize(('code', 'failures'), [
    ('image_blurred', ['1 false alarms']), ('frames_dropped', [])])
def test_false_alarms_are_defects_unless_they_tell_of_load(record: Record, code: str,
                                                           failures: list[str]) -> None:
    record.reports[30] = replace(record.reports[30], level=Level.WARN, reasons=(code,))
    result = summary(record, 2.0)
    assert result['failures'] == failures
    assert [each['reasons'] for each in result['false_alarms']['reports']] == [[code]]


def test_a_silent_node_is_noticed(record: Record) -> None:
    del record.reports[30:33]
    alarms = summary(record, 2.0)['false_alarms']
    assert (alarms['defects'], alarms['load']) == (0, 1)
    assert alarms['reports'][0]['reasons'] == ['no_report']


def test_outputs_that_must_not_be(record: Record) -> None:
    injection = record.injections[0]
    stamps = (10 * SECOND, 10 * SECOND + 50_000_000, 11 * SECOND)
    record.masks, record.grids = {stamps[2]}, {stamps[1]: False, stamps[2]: True}
    for forbidden, count in ((Forbidden.NOTHING, 0), (Forbidden.ALL, 2), (Forbidden.GRID, 1),
                             (Forbidden.KNOWN_CELLS, 1)):
        record.injections = [replace(injection, fault=replace(DARK, forbidden=forbidden),
                                     stamps=stamps)]
        result = summary(record, 2.0)
        assert result['faults'][0]['forbidden_outputs'] == count
        assert result['failures'] == (
            [f'dark: {count} frames with a forbidden output'] if count else [])


def test_load_that_the_machine_carries_is_no_fault(record: Record) -> None:
    fault = replace(DARK, code='frames_dropped', is_load=True)
    record.injections = [replace(record.injections[0], fault=fault)]
    record.reports = [report(100 + second) for second in range(61)]
    result = summary(record, 2.0)  # one of two frames answered
    assert (result['passed'], result['faults'][0]['no_fault']) == (True, 1)
    assert '0 (1 times the machine kept up)' in markdown(result)
    record.masks.clear()
    assert summary(record, 2.0)['failures'] == ['dark: 1 not found']


def test_memory_is_compared_after_the_warm_up() -> None:
    grows = [200.0] * 20 + [260.0] * 20 + [266.5] * 21
    assert steadiness(usage(grows)) == {
        'warm_up_s': 20.0,
        'memory_mib': {'after_warm_up': 260.0, 'end': 266.5, 'growth': 0.025},
        'threads': [20], 'open_files': {'after_warm_up': 23.0, 'end': 23.0}}
    assert steadiness(usage([200.0 + 60.0 * (second >= 20) for second in range(61)]))[
        'memory_mib']['growth'] == 0.0
    assert steadiness(usage([260.0] * 3601))['warm_up_s'] == 300.0


def test_what_grows_fails(record: Record) -> None:
    record.usage = usage([260.0 + 0.2 * second for second in range(61)])
    record.usage[50] = replace(record.usage[50], threads=21)
    record.usage[-10:] = [replace(each, open_files=25) for each in record.usage[-10:]]
    assert summary(record, 2.0)['failures'] == [
        'memory grew by 2.3%', 'threads: 20 to 21', 'open files grew from 23 to 25']


def test_a_run_without_faults_proves_nothing(record: Record) -> None:
    record.injections, record.reports = [], record.reports[:10]
    assert summary(record, 2.0)['failures'] == ['no fault was injected: the run is too short']


def test_a_run_that_breaks_off_fails_with_what_was_seen(record: Record) -> None:
    record.broken = 'dark: the node has ended'
    result = summary(record, 2.0)
    assert result['failures'] == ['the run broke off: dark: the node has ended']
    assert result['faults'][0]['injected'] == 1


def test_table(record: Record) -> None:
    assert markdown(summary(record, 0.7)).splitlines() == [
        '| fault | reason code | injected | found after, s | recovered after, s | missed |',
        '| --- | --- | --- | --- | --- | --- |',
        '| dark | image_dark | 1 | 0.75 / 0.75 | 0.50 / 0.50 | 0 |', '',
        'Memory (RSS) 260.0 MiB after 20 s of warm-up, 260.0 MiB at the end: +0.0%, flat '
        '(limit 2%).', 'Threads 20, constant; open files 23, at the end 23.',
        'Frames without a fault: 1 of 3 answered; in all 2 of 5. Frames with an output they must '
        'not have: 0.', 'False alarms: 0; reports of a busy machine without a fault: 0.',
        'Failed:', '- dark: found after 0.75 s, later than 0.7 s']
