"""A replay in a few lines of Markdown, for a pull request."""

from html import escape
import re

from road_seg.replay.evaluate import Evaluation
from road_seg.replay.outcome import GOOD
from road_seg.replay.outcome import Outcome
from road_seg.replay.scores import percentiles
from road_seg.replay.scores import value


def summary_markdown(title: str, outcome: Outcome, evaluation: Evaluation, facts: dict[str, str],
                     report_name: str) -> str:
    """
    Return the summary.

    :param title: what was replayed.
    :param outcome: what it came to.
    :param evaluation: what was measured.
    :param facts: names and values of what was run.
    :param report_name: file name of the page beside it.
    """
    scores = evaluation.scores
    mark = ':white_check_mark:' if outcome.level == GOOD else ':warning:'
    parts = [f'### {_plain(title)}', f'{mark} **{_plain(outcome.sentence)}**',
             '\n'.join(f'- {_plain(point)}' for point in outcome.points)]
    if scores.frames:
        parts.append(_table(('class', 'IoU', 'boundary F1'), [
            *((name, value(scores.iou[name]), value(scores.boundary_f1[name]))
              for name in scores.labels.names), ('mean', value(scores.miou), '')]))
    parts.append(_table(('latency, ms', 'p50', 'p95', 'p99'), [
        (stage.replace('_', ' '), *(f'{each:.1f}' for each in percentiles(taken).values()))
        for stage, taken in evaluation.latency_ms.items()]))
    parts.append('\n'.join(f'- {name}: {_plain(fact)}' for name, fact in facts.items()))
    return '\n\n'.join([*parts, f'[Full report]({report_name})']) + '\n'


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ('---',) + ('---:',) * (len(head) - 1), *rows]
    return '\n'.join(f'| {" | ".join(map(_plain, line))} |' for line in lines)


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return re.sub(r'([\\`*_|\[\]])', r'\\\1', escape(text, quote=False))
