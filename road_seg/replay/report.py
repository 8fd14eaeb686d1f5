"""The replay report."""

from dataclasses import dataclass
from html import escape
import math
from pathlib import Path

from road_seg.bags.drive import TRUTH_TOPIC
from road_seg.replay.charts import histogram
from road_seg.replay.evaluate import Evaluation
from road_seg.replay.evaluate import ROUND_TRIP
from road_seg.replay.gallery import Gallery
from road_seg.replay.page import exhibit_card
from road_seg.replay.page import fact_table
from road_seg.replay.page import grid_table
from road_seg.replay.page import legend
from road_seg.replay.page import score_figures
from road_seg.replay.page import score_table
from road_seg.replay.page import value
from road_seg.replay.page import write_page
from road_seg.replay.scores import AGREEMENT_RANGE
from road_seg.replay.scores import number
from road_seg.replay.scores import percentiles

# How frames can be played, and what a page says of it.
IN_PROCESS, LOCKSTEP, REALTIME = 'in-process', 'lockstep', 'realtime'
MODES = {
    IN_PROCESS: 'Replay in one process: the same Segmenter and parameters as in the node, stages '
                'overlapped.',
    LOCKSTEP: 'Lock-step replay through the live node: each frame was sent after the answer to '
              'the one before.',
    REALTIME: 'Replay through the live node at the pace of the recording: frames it could not '
              'follow were dropped.'}

_NO_TRUTH = ('<p class="quiet">The bag has no image with a mask of its stamp on '
             f'<code>{TRUTH_TOPIC}</code>, so there is nothing to score against.</p>')


@dataclass(frozen=True)
class Report:
    """
    What a page shows.

    :param title: name of the drive.
    :param source: what the drive was recorded from.
    :param mode: how the frames were played.
    :param evaluation: what was measured.
    :param gallery: the frames to show.
    :param facts: names and values of what was run: model, backend, versions.
    """

    title: str
    source: str
    mode: str
    evaluation: Evaluation
    gallery: Gallery
    facts: dict[str, str]

    def write(self, path: Path) -> None:
        """
        Write the page.

        :raises InputError: the folder cannot be written to.
        """
        points, level = _verdict(self.evaluation)
        scores, grids = self.evaluation.scores, self.evaluation.grid_scores
        write_page(
            path, title=f'Replay of {self.title}',
            subtitle=f'Source: {self.source}. {MODES[self.mode]}',
            verdict=points, level=level, figures=_figures(self.evaluation), sections={
                'Scores': score_table(scores) if scores.frames else _NO_TRUTH,
                **({'Grids': grid_table(grids)} if grids.counts.any() else {}),
                'Latency': _latency(self.evaluation),
                'Frames': legend(scores.labels, with_truth=scores.frames > 0, grid=True)
                + _frames(self.gallery),
                'What was run': fact_table(self.facts)})


def _verdict(evaluation: Evaluation) -> tuple[list[str], str]:
    """Return what to know first, and whether it is 'good' or needs 'attention'."""
    sent = evaluation.frames + evaluation.dropped
    points = [f'{evaluation.frames} of {sent} frames answered with a mask, '
              f'{evaluation.grids} with a grid.']
    attention = evaluation.dropped > 0
    if evaluation.loss:
        attention = True
        points.append(f'The bag is damaged: {evaluation.loss}.')
    scores = evaluation.scores
    if scores.frames:
        shown = [f'{name} IoU {value(scores.iou[name])}' for name in scores.labels.drivable]
        points.append(f'{", ".join(shown)}, mIoU {value(scores.miou)} on {scores.frames} '
                      'frames with truth.')
    else:
        points.append('Nothing was scored: there is no truth for any image. Look at the '
                      'pictures.')
    agreement = evaluation.grid_scores.agreement(AGREEMENT_RANGE)
    if not math.isnan(agreement):
        points.append(f'Grid agreement {value(agreement)} within {AGREEMENT_RANGE:g} m, '
                      f'{value(number(evaluation.grid_scores.false_free(AGREEMENT_RANGE)))} of '
                      'the blocked and occluded cells there given as free.')
    unmatched = evaluation.truth_count - scores.frames
    if unmatched:
        attention = True
        points.append(f'{unmatched} of {evaluation.truth_count} truth masks have no image of '
                      'their stamp and were not scored.')
    period, p95 = evaluation.period_ms, percentiles(evaluation.latency_ms[ROUND_TRIP])['p95']
    if period:
        keeps_up = p95 <= period
        attention |= not keeps_up
        points.append(f'{"Keeps up with" if keeps_up else "Too slow on this machine for"} the '
                      f'recorded {1e3 / period:.3g} Hz: 95 % of the frames took at most '
                      f'{p95:.1f} ms, a new one comes every {period:.1f} ms.')
    if not evaluation.grids:
        attention = True
        points.append('No grid was published: is there a camera_info topic, and does it fit the '
                      'images?')
    return points, 'attention' if attention else 'good'


def _figures(evaluation: Evaluation) -> list[tuple[str, str]]:
    trip = evaluation.latency_ms[ROUND_TRIP]
    flicker = number(evaluation.scores.flicker.share())
    return [(f'{evaluation.frames}', 'frames answered'), (f'{evaluation.dropped}', 'dropped'),
            *(score_figures(evaluation.scores) if evaluation.scores.frames else ()),
            *([(f'{100 * flicker:.2f} %', 'flicker')] if flicker is not None else ()),
            (f'{percentiles(trip)["p50"]:.1f} ms', 'median round trip'),
            (f'{evaluation.frames / evaluation.duration_s:.1f}', 'frames per second')]


def _latency(evaluation: Evaluation) -> str:
    def row(stage: str, values: list[float]) -> str:
        cells = ''.join(f'<td>{value:.1f}</td>' for value in percentiles(values).values())
        return f'<tr><td>{escape(stage.replace("_", " "))}</td>{cells}</tr>'

    rows = ''.join(row(*item) for item in evaluation.latency_ms.items())
    return (
        '<div class="columns"><div class="card"><div class="scroll"><table><tr><th>stage</th>'
        f'<th>p50 ms</th><th>p95 ms</th><th>p99 ms</th></tr>{rows}</table></div>'
        '<p class="quiet">Stages as the node timed them, over all frames; the round trip is from '
        'sending the image to having the last output, without the scoring.</p></div>'
        '<div class="card"><h3>Round trip</h3>'
        f'{histogram(evaluation.latency_ms[ROUND_TRIP], evaluation.period_ms)}</div></div>')


def _frames(gallery: Gallery) -> str:
    parts = []
    if gallery.worst:
        parts.append('<h3>Worst frames</h3>' + ''.join(map(exhibit_card, gallery.worst)))
    return ''.join([*parts, '<h3>Over the drive</h3>', *map(exhibit_card, gallery.spread)])
