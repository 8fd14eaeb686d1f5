"""The replay report: one HTML page that needs nothing but itself."""

from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import numpy as np

from road_seg.bags.drive import TRUTH_TOPIC
from road_seg.files import atomic_write
from road_seg.replay import pictures
from road_seg.replay.charts import histogram
from road_seg.replay.evaluate import Evaluation
from road_seg.replay.evaluate import ROUND_TRIP
from road_seg.replay.gallery import Exhibit
from road_seg.replay.gallery import Gallery
from road_seg.replay.scores import MaskScores
from road_seg.replay.scores import percentiles

_NONE = '-'


@dataclass(frozen=True)
class Report:
    """
    What a page shows.

    :param title: name of the drive.
    :param source: what the drive was recorded from.
    :param evaluation: what was measured.
    :param gallery: the frames to show.
    :param facts: names and values of what was run: model, backend, versions.
    """

    title: str
    source: str
    evaluation: Evaluation
    gallery: Gallery
    facts: dict[str, str]

    def write(self, path: Path) -> None:
        """
        Write the page.

        :raises InputError: the folder cannot be written to.
        """
        with atomic_write(path) as temporary:
            temporary.write_text(self._html(), encoding='utf-8')

    def _html(self) -> str:
        template = Template(Path(__file__).with_name('report.html').read_text(encoding='utf-8'))
        points, level = _verdict(self.evaluation)
        head, *rest = map(escape, points)
        more = ''.join(f'<li>{point}</li>' for point in rest)
        return template.substitute(
            title=escape(f'Replay of {self.title}'),
            subtitle=escape(f'Source: {self.source}. Lock-step replay through the live node: '
                            'each frame was sent after the answer to the one before.'),
            level=level, verdict=f'<b>{head}</b><ul>{more}</ul>',
            figures=_figures(self.evaluation), scores=_scores(self.evaluation.scores),
            latency=_latency(self.evaluation), legend=_legend(self.evaluation.scores),
            frames=_frames(self.gallery), facts=_facts(self.facts))


def _verdict(evaluation: Evaluation) -> tuple[list[str], str]:
    """Return what to know first, and whether it is 'good' or needs 'attention'."""
    sent = evaluation.frames + evaluation.dropped
    points = [f'{evaluation.frames} of {sent} frames answered with a mask, '
              f'{evaluation.grids} with a grid.']
    attention = evaluation.dropped > 0
    scores = evaluation.scores
    if scores.frames:
        shown = [f'{name} IoU {_value(scores.iou[name])}' for name in scores.labels.drivable]
        points.append(f'{", ".join(shown)}, mIoU {_value(scores.miou)} on {scores.frames} '
                      'frames with truth.')
    else:
        points.append('Nothing was scored: there is no truth for any image. Look at the '
                      'pictures.')
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


def _figures(evaluation: Evaluation) -> str:
    scores = evaluation.scores
    trip = evaluation.latency_ms[ROUND_TRIP]
    figures = [(f'{evaluation.frames}', 'frames answered'), (f'{evaluation.dropped}', 'dropped')]
    if scores.frames:
        figures += [(_value(scores.iou[name]), f'{name} IoU') for name in scores.labels.drivable]
        figures.append((_value(scores.miou), 'mean IoU'))
    figures += [(f'{percentiles(trip)["p50"]:.1f} ms', 'median round trip'),
                (f'{1e3 / np.mean(trip):.1f} Hz', 'lock-step rate')]
    return ''.join(f'<div class="figure"><b>{value}</b><span class="quiet">{escape(name)}</span>'
                   '</div>' for value, name in figures)


def _scores(scores: MaskScores) -> str:
    if not scores.frames:
        return ('<p class="quiet">The bag has no image with a mask of its stamp on '
                f'<code>{TRUTH_TOPIC}</code>, so there is nothing to score against.</p>')
    truth = scores.confusion.counts.sum(axis=1)
    shares = truth / max(1, truth.sum())
    rows = ''.join(
        f'<tr><td>{_swatch(colour)}{escape(name)}</td>'
        f'<td>{_value(scores.iou[name])}<span class="bar"><i style="width:'
        f'{100 * (scores.iou[name] or 0.0):.1f}%"></i></span></td>'
        f'<td>{_value(scores.boundary_f1[name])}</td><td>{100 * share:.2f} %</td></tr>'
        for name, colour, share in zip(scores.labels.names, scores.labels.colours, shares,
                                       strict=True))
    return (
        '<div class="card"><div class="scroll"><table><tr><th>class</th><th>IoU</th>'
        f'<th>boundary F1</th><th>of the truth</th></tr>{rows}</table></div>'
        '<p class="quiet">Aggregation: one confusion matrix over all pixels of '
        f'{scores.frames} frames with truth, at the images&rsquo; own resolution; pixels '
        'labelled 255 do not count. Mean IoU is the mean over the classes present. Boundaries '
        f'match within {scores.boundary.tolerance:.1f} px, 0.75 % of the image diagonal.</p>'
        '</div>')


def _latency(evaluation: Evaluation) -> str:
    def row(stage: str, values: list[float]) -> str:
        cells = ''.join(f'<td>{value:.1f}</td>' for value in percentiles(values).values())
        return f'<tr><td>{escape(stage.replace("_", " "))}</td>{cells}</tr>'

    rows = ''.join(row(*item) for item in evaluation.latency_ms.items())
    return (
        '<div class="columns"><div class="card"><div class="scroll"><table><tr><th>stage</th>'
        f'<th>p50 ms</th><th>p95 ms</th><th>p99 ms</th></tr>{rows}</table></div>'
        '<p class="quiet">Stages as the node timed them, over all frames; the round trip is from '
        'publishing the image to receiving the last output.</p></div>'
        '<div class="card"><h3>Round trip</h3>'
        f'{histogram(evaluation.latency_ms[ROUND_TRIP], evaluation.period_ms)}</div></div>')


def _legend(scores: MaskScores) -> str:
    entries = list(zip(scores.labels.names, scores.labels.colours, strict=True))
    unlabelled = ''
    if scores.frames:
        entries += [('wrong', pictures.ERROR_COLOUR), ('unlabelled', pictures.IGNORED_COLOUR)]
        unlabelled = '<span class="quiet">in the truth, unlabelled pixels are black</span>'
    grid = [('free', pictures.FREE_COLOUR), ('blocked', pictures.BLOCKED_COLOUR),
            ('unknown', pictures.UNKNOWN_COLOUR)]
    return ''.join(
        f'<div class="legend"><b>{head}</b>'
        + ''.join(f'<span>{_swatch(colour)}{escape(name)}</span>' for name, colour in group)
        + f'{note}</div>'
        for head, group, note in (
            ('Masks', entries, unlabelled),
            ('Grid', grid, '<span class="quiet">seen from above, forward is up; the yellow arrow '
             'is the vehicle, rings are 10 m apart</span>')))


def _frames(gallery: Gallery) -> str:
    parts = []
    if gallery.worst:
        parts.append('<h3>Worst frames</h3>' + ''.join(map(_exhibit, gallery.worst)))
    return ''.join([*parts, '<h3>Over the drive</h3>', *map(_exhibit, gallery.spread)])


def _exhibit(exhibit: Exhibit) -> str:
    share = '' if exhibit.error_share is None else (
        f', {100 * exhibit.error_share:.1f} % of the labelled pixels wrong')
    scored = ' scored' if share else ''
    shown = ''.join(
        f'<figure><figcaption>{caption}</figcaption>' + (
            picture if picture.startswith('<svg') else
            f'<img{" class=pixels" if "image/png" in picture[:16] else ""} src="{picture}" '
            f'alt="{caption} of frame {exhibit.index}" loading="lazy">') + '</figure>'
        for caption, picture in exhibit.pictures.items())
    return (f'<div class="card exhibit"><h3>Frame {exhibit.index}<span class="quiet">{share}'
            f'</span></h3><div class="pictures{scored}">{shown}</div></div>')


def _facts(facts: dict[str, str]) -> str:
    rows = ''.join(f'<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>'
                   for name, value in facts.items())
    return f'<table class="facts">{rows}</table>'


def _swatch(colour: tuple[int, int, int]) -> str:
    return f'<i class="swatch" style="background:{pictures.hex_colour(colour)}"></i>'


def _value(score: float | None) -> str:
    return _NONE if score is None else f'{score:.3f}'
