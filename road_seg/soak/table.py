"""A soak run in words and as a Markdown table."""

from collections.abc import Mapping
from typing import Any

from road_seg.soak.summary import MAX_GROWTH

HEAD = ('fault', 'reason code', 'injected', 'found after, s', 'recovered after, s', 'missed')


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """
    Return the cells of a fault under HEAD; times are median / maximum.

    :param row: of `faults` in what `soak --json` writes.
    """
    times = [f'{row[key]["median"]:.2f} / {row[key]["max"]:.2f}' if row[key] else '-'
             for key in ('found_s', 'recovered_s')]
    missed = str(row['missed'])
    if row['no_fault']:
        missed += f' ({row["no_fault"]} times the machine kept up)'
    return (row['name'], row['code'], str(row['injected']), *times, missed)


def facts(result: Mapping[str, Any]) -> list[str]:
    """Return what else is to be known, a sentence each."""
    process, frames, alarms = result['process'], result['frames'], result['false_alarms']
    memory, files = process['memory_mib'], process['open_files']
    threads = process['threads']
    is_flat = memory['growth'] <= MAX_GROWTH
    forbidden = sum(row['forbidden_outputs'] for row in result['faults'])
    return [
        f'Memory (RSS) {memory["after_warm_up"]:.1f} MiB after {process["warm_up_s"]:.0f} s of '
        f'warm-up, {memory["end"]:.1f} MiB at the end: {memory["growth"]:+.1%}, '
        f'{"flat" if is_flat else "growing"} (limit {MAX_GROWTH:.0%}).',
        (f'Threads {threads[0]}, constant; ' if len(threads) == 1 else
         f'Threads {threads[0]} to {threads[-1]}; ')
        + f'open files {files["after_warm_up"]:g}, at the end {files["end"]:g}.',
        f'Frames without a fault: {frames["healthy_answered"]} of {frames["healthy_sent"]} '
        f'answered; in all {frames["answered"]} of {frames["sent"]}. Frames with an output they '
        f'must not have: {forbidden}.',
        f'False alarms: {alarms["defects"]}; reports of a busy machine without a fault: '
        f'{alarms["load"]}.']


def markdown(result: Mapping[str, Any]) -> str:
    """
    Return the whole result.

    :param result: what `soak --json` writes.
    """
    verdict = ('Passed.' if result['passed'] else 'Failed:') + ''.join(
        f'\n- {failure}' for failure in result['failures'])
    rows = [HEAD, ('---',) * len(HEAD), *map(cells, result['faults'])]
    return '\n'.join([*(f'| {" | ".join(row)} |' for row in rows), '', *facts(result), verdict])
