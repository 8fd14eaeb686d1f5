"""What a replay came to: a verdict in one sentence, the points behind it, and a few figures."""

from dataclasses import dataclass
import math

import numpy as np

from road_seg.replay.evaluate import Evaluation
from road_seg.replay.evaluate import ROUND_TRIP
from road_seg.replay.scores import AGREEMENT_RANGE
from road_seg.replay.scores import number
from road_seg.replay.scores import percentiles
from road_seg.replay.scores import value
from road_seg.replay.timeline import HealthHistory
from road_seg.replay.timeline import Timeline
from road_seg.verdict import Level

GOOD, ATTENTION = 'good', 'attention'


@dataclass(frozen=True)
class Outcome:
    """
    What to know first.

    :param sentence: the verdict.
    :param level: GOOD or ATTENTION.
    :param points: what is behind it, a sentence each.
    :param figures: value and name of a few large figures.
    """

    sentence: str
    level: str
    points: list[str]
    figures: list[tuple[str, str]]

    @classmethod
    def of(cls, evaluation: Evaluation, timeline: Timeline) -> 'Outcome':
        """Judge what was measured."""
        parts = [_answered(evaluation), _scored(evaluation), _gridded(evaluation, timeline),
                 _timed(evaluation), _healthy(timeline.health)]
        concerns = [concern for part in parts for concern in part.concerns]
        good = '; '.join(part.good for part in parts if part.good)
        return cls(f'Needs attention: {"; ".join(concerns)}.' if concerns
                   else f'All is well: {good}.', ATTENTION if concerns else GOOD,
                   [point for part in parts for point in part.points],
                   [figure for part in parts for figure in part.figures])


@dataclass(frozen=True)
class _Part:
    """
    One aspect of an outcome.

    :param good: what to say in the sentence if nothing needs attention; empty for nothing.
    :param concerns: what needs attention, a few words each.
    :param points: sentences.
    :param figures: value and name.
    """

    good: str
    concerns: list[str]
    points: list[str]
    figures: list[tuple[str, str]]


def _answered(evaluation: Evaluation) -> _Part:
    sent = evaluation.frames + evaluation.dropped
    concerns, points = [], [f'{evaluation.frames} of {sent} frames answered with a mask, '
                            f'{evaluation.grids} with a grid.']
    if evaluation.dropped:
        concerns.append(f'{evaluation.dropped} of {sent} frames dropped')
    if evaluation.loss:
        concerns.append('the bag is damaged')
        points.append(f'The bag is damaged: {evaluation.loss}.')
    return _Part('every frame answered', concerns, points,
                 [(f'{evaluation.frames}', 'frames answered'), (f'{evaluation.dropped}',
                                                                'dropped')])


def _scored(evaluation: Evaluation) -> _Part:
    scores = evaluation.scores
    concerns = []
    if scores.frames:
        drivable = [(value(scores.iou[name]), f'{name} IoU') for name in scores.labels.drivable]
        shown = ', '.join(f'{name} {iou}' for iou, name in drivable)
        good = f'mIoU {value(scores.miou)}'
        points = [f'{shown}, {good} on {scores.frames} frames with truth.']
        figures = [(value(scores.miou), 'mIoU'), *drivable]
    else:
        good, figures = 'nothing to score against', [('no truth', 'no mIoU')]
        points = ['Nothing was scored: there is no truth for any image. Look at the pictures.']
    unmatched = evaluation.truth_count - scores.frames
    if unmatched:
        concerns.append(f'{unmatched} of {evaluation.truth_count} truth masks without an image')
        points.append(f'{unmatched} of {evaluation.truth_count} truth masks have no image of '
                      'their stamp and were not scored.')
    return _Part(good, concerns, points, figures)


def _gridded(evaluation: Evaluation, timeline: Timeline) -> _Part:
    if not evaluation.grids:
        return _Part('', ['no grid'], [
            'No grid was published: is there a camera_info topic, and does it fit the images?'],
            [('none', 'grids')])
    grids = evaluation.grid_scores
    agreement = grids.agreement(AGREEMENT_RANGE)
    if math.isnan(agreement):
        known = np.nanmean(timeline.values['grid_known'])
        return _Part('', [], [], [(percent(known), 'of the grid is known')])
    false_free = number(grids.false_free(AGREEMENT_RANGE))
    return _Part('', [], [
        f'Grid agreement {value(agreement)} within {AGREEMENT_RANGE:g} m, {value(false_free)} of '
        'the blocked and occluded cells there given as free.'],
        [(f'{value(number(grids.coverage(AGREEMENT_RANGE)))} / {value(false_free)}',
          f'grid coverage / false free, {AGREEMENT_RANGE:g} m')])


def _timed(evaluation: Evaluation) -> _Part:
    trip = percentiles(evaluation.latency_ms[ROUND_TRIP])
    figures = [(f'{trip["p50"]:.1f} / {trip["p95"]:.1f} ms', 'latency, p50 / p95'),
               (f'{evaluation.frames / evaluation.duration_s:.1f}', 'frames per second')]
    period = evaluation.period_ms
    if not period:
        return _Part('', [], [], figures)
    rate = f'the recorded {1e3 / period:.3g} Hz'
    keeps_up = trip['p95'] <= period
    return _Part(
        f'keeps up with {rate}', [] if keeps_up else [f'too slow for {rate}'],
        [f'{"Keeps up with" if keeps_up else "Too slow on this machine for"} {rate}: 95 % of the '
         f'frames took at most {trip["p95"]:.1f} ms, a new one comes every {period:.1f} ms.'],
        figures)


def _healthy(health: HealthHistory) -> _Part:
    if not health.changes:
        return _Part('', [], [], [])
    good = health.shares.get(Level.OK, 0.0)
    reasons = dict.fromkeys(reason for change in health.changes
                            for reason in change.verdict.reasons)
    figures = [(percent(good), 'of the time healthy')]
    if not reasons:
        return _Part('healthy throughout', [], ['The health verdict was OK throughout.'], figures)
    named = ', '.join(reasons)
    return _Part('', [f'health reports {named}'], [
        f'The health verdict was OK {percent(good)} of the time; reported were {named}.'], figures)


def percent(share: float, decimals: int = 1) -> str:
    """Return a share, 0..1, in percent."""
    return f'{100 * share:.{decimals}f} %'
