"""The replay report."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path

from road_seg.bags.drive import TRUTH_TOPIC
from road_seg.files import atomic_write
from road_seg.replay.charts import histogram
from road_seg.replay.evaluate import Evaluation
from road_seg.replay.evaluate import ROUND_TRIP
from road_seg.replay.film_strip import film_strip
from road_seg.replay.gallery import Gallery
from road_seg.replay.markdown import summary_markdown
from road_seg.replay.modes import IN_PROCESS
from road_seg.replay.modes import LOCKSTEP
from road_seg.replay.modes import REALTIME
from road_seg.replay.outcome import Outcome
from road_seg.replay.outcome import percent
from road_seg.replay.page import exhibit_card
from road_seg.replay.page import fact_table
from road_seg.replay.page import grid_table
from road_seg.replay.page import legend
from road_seg.replay.page import score_tables
from road_seg.replay.page import SCROLL
from road_seg.replay.page import write_page
from road_seg.replay.scores import percentiles
from road_seg.replay.sparklines import sparklines
from road_seg.replay.timeline import HealthHistory
from road_seg.replay.timeline import Timeline

REPORT_NAME, SUMMARY_NAME = 'report.html', 'summary.md'
# How frames can be played, and what a page says of it.
MODES = {
    IN_PROCESS: 'Replay in one process: the same Segmenter and parameters as in the node, stages '
                'overlapped.',
    LOCKSTEP: 'Lock-step replay through the live node: each frame was sent after the answer to '
              'the one before.',
    REALTIME: 'Replay through the live node at the pace of the recording: frames it could not '
              'follow were dropped.'}
_LIVE_HEALTH = ("What the node's diagnostics, which come once a second, last said when a frame "
                'was answered. Times are those of the recording.')
_OWN_HEALTH = ('The pictures and their stamps, judged as the node judges them, by the time of the '
               'recording; load and transforms are judged by the live node alone.')
_MOST_CHANGES = 50

_NO_TRUTH = ('<p class="quiet">The bag has no image with a mask of its stamp on '
             f'<code>{TRUTH_TOPIC}</code>, so there is nothing to score against.</p>')


@dataclass(frozen=True)
class Report:
    """
    What a page and its summary in Markdown show.

    :param title: name of the drive.
    :param source: what the drive was recorded from.
    :param mode: how the frames were played.
    :param evaluation: what was measured.
    :param timeline: the same over time.
    :param gallery: the frames to show.
    :param facts: names and values of what was run: model, backend, versions.
    :param findings: what was found beside the scores, a sentence each.
    """

    title: str
    source: str
    mode: str
    evaluation: Evaluation
    timeline: Timeline
    gallery: Gallery
    facts: dict[str, str]
    findings: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """
        Write the page and the summary.

        :raises InputError: the folder cannot be written to.
        """
        title = f'Replay of {self.title}'
        outcome = Outcome.of(self.evaluation, self.timeline)
        write_page(
            folder / REPORT_NAME, title=title,
            subtitle=f'Source: {self.source}. {MODES[self.mode]}',
            verdict=[outcome.sentence, *outcome.points], level=outcome.level,
            figures=outcome.figures, sections=self._sections())
        with atomic_write(folder / SUMMARY_NAME) as temporary:
            temporary.write_text(summary_markdown(
                title, outcome, self.evaluation, self.facts, REPORT_NAME), encoding='utf-8')

    def _sections(self) -> dict[str, str]:
        """Return HTML by heading."""
        evaluation, gallery, timeline = self.evaluation, self.gallery, self.timeline
        scores, grids = evaluation.scores, evaluation.grid_scores
        frame_count = evaluation.frames + evaluation.dropped
        seconds = dict(zip(timeline.numbers, timeline.seconds, strict=True))
        worst = ''.join(map(exhibit_card, gallery.worst))
        return {
            'Drive': film_strip(gallery.film, seconds, frame_count, legend(
                scores.labels, with_truth=scores.frames > 0, grid=evaluation.grids > 0))
            + sparklines(timeline, frame_count),
            **({'Worst frames': worst} if worst else {}),
            'Scores': score_tables(scores) if scores.frames else _NO_TRUTH,
            **({'Grids': grid_table(grids)} if grids.counts.any() else {}),
            **({'Consistency': _list(self.findings)} if self.findings else {}),
            'Latency': _latency(evaluation),
            'Health': _health(timeline.health, is_live=self.mode != IN_PROCESS),
            'What was run': fact_table(self.facts)}


def _list(sentences: Iterable[str]) -> str:
    return ('<div class="card"><ul>' + ''.join(f'<li>{escape(text)}</li>' for text in sentences)
            + '</ul></div>')


def _latency(evaluation: Evaluation) -> str:
    def row(stage: str, values: list[float]) -> str:
        cells = ''.join(f'<td>{value:.1f}</td>' for value in percentiles(values).values())
        return (f'<tr><td>{escape(stage.replace("_", " "))}</td>{cells}'
                f'<td class="shape">{histogram(stage, values)}</td></tr>')

    rows = ''.join(row(*item) for item in evaluation.latency_ms.items() if item[0] != ROUND_TRIP)
    trip = evaluation.latency_ms[ROUND_TRIP]
    figures = ', '.join(f'{name} {value:.1f} ms' for name, value in percentiles(trip).items())
    return (
        '<div class="columns"><div class="card"><h3>Round trip</h3>'
        f'{histogram("the round trip", trip, evaluation.period_ms)}<p>{figures}</p><p '
        'class="quiet">From sending the image to having the last output, over all frames, without '
        'the scoring. The slowest percent is in the last bar.</p></div>'
        f'<div class="card"><h3>Stages</h3>{SCROLL}<table><tr><th>stage</th>'
        '<th>p50 ms</th><th>p95 ms</th><th>p99 ms</th><th>distribution, ms</th></tr>'
        f'{rows}</table></div><p class="quiet">As the node timed them.</p></div></div>')


def _health(health: HealthHistory, *, is_live: bool) -> str:
    """Return when the verdict changed."""
    if not health.changes:
        return '<p class="quiet">Nothing reported a health verdict.</p>'
    shares = ', '.join(f'{level.name} {percent(share)}' for level, share in health.shares.items())
    shown = health.changes[:_MOST_CHANGES]
    rows = ''.join(
        f'<tr><td>{change.t_s:.2f} s</td><td><b class="{change.verdict.level.name.lower()}">'
        f'{change.verdict.level.name}</b></td>'
        f'<td>{escape(", ".join(change.verdict.reasons)) or "-"}</td>'
        f'<td>{escape(change.verdict.message) if change.verdict.reasons else ""}</td></tr>'
        for change in shown)
    more = len(health.changes) - len(shown)
    rest = f' {more} later changes are left out.' if more else ''
    return (
        f'<div class="card"><h3>Share of the time: {shares}</h3>{SCROLL}<table '
        'class="words"><tr><th>from</th><th>level</th><th>reasons</th><th>in words</th></tr>'
        f'{rows}</table></div><p class="quiet">{_LIVE_HEALTH if is_live else _OWN_HEALTH}{rest}'
        '</p></div>')
