"""The page of a soak run."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from road_seg.replay.charts import Span
from road_seg.replay.charts import timeline
from road_seg.replay.page import fact_table
from road_seg.replay.page import SCROLL
from road_seg.replay.page import write_page
from road_seg.soak.table import cells
from road_seg.soak.table import facts
from road_seg.soak.table import HEAD


def write_soak_report(path: Path, result: Mapping[str, Any]) -> None:
    """
    Write the page.

    :param path: the file.
    :param result: what `soak --json` writes.
    :raises InputError: the folder cannot be written to.
    """
    injected = sum(row['injected'] for row in result['faults'])
    found = [row['found_s']['max'] for row in result['faults'] if row['found_s']]
    growth = result['process']['memory_mib']['growth']
    verdict = ['Passed: every fault was found and ended.'] if result['passed'] else [
        'Failed.', *result['failures']]
    write_page(
        path, title=f'Soak run of {result["minutes"]:g} minutes',
        subtitle='The real node in a process of its own, a camera of 1280x720 at 30 Hz, and one '
                 'fault after the other with healthy time between.',
        verdict=[*verdict, *facts(result)], level='good' if result['passed'] else 'attention',
        figures=[(str(injected), 'faults injected'),
                 (f'{max(found):.2f} s' if found else '-', 'slowest to be found'),
                 (f'{growth:+.1%}', 'memory after warm-up'),
                 (str(result['false_alarms']['defects']), 'false alarms')],
        sections={'Memory and threads': _plots(result), 'Faults': _table(result),
                  'What was run': fact_table({
                      'seed': str(result['seed']), 'backend': result['backend'],
                      'model SHA-256': result['model_sha256']})})


def _plots(result: Mapping[str, Any]) -> str:
    """Return memory, threads and open files over time, with the faults."""
    usage = result['usage']
    times = [each['at_s'] for each in usage]
    spans = [Span(each['at_s'], each['at_s'] + each['seconds'], each['name'])
             for each in result['injections']]
    plots = ''.join(
        f'<div class="card exhibit"><h3>{name}</h3>'
        f'{timeline(times, [each[key] for each in usage], spans, name)}</div>'
        for name, key in (('Resident memory, MiB', 'memory_mib'), ('Threads', 'threads'),
                          ('Open files', 'open_files')))
    return f'{plots}<p class="quiet">Shaded: a fault is injected; its name shows on hover.</p>'


def _table(result: Mapping[str, Any]) -> str:
    """Return what came of each kind of fault."""
    head = ''.join(f'<th>{escape(name)}</th>' for name in HEAD)
    rows = ''.join('<tr>' + ''.join(f'<td>{escape(cell)}</td>' for cell in cells(row)) + '</tr>'
                   for row in result['faults'])
    return (f'<div class="card">{SCROLL}<table><tr>{head}</tr>{rows}</table></div>'
            '<p class="quiet">Median / maximum. Found: from the start of the fault to the first '
            'report of its code. Recovered: from its end to the first report that all is well; '
            'faults of single frames are shown for 2 s.</p></div>')
