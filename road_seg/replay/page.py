"""The parts that all reports are made of: one HTML page that needs nothing but itself."""

from html import escape
from pathlib import Path
from string import Template

import numpy as np

from road_seg.files import atomic_write
from road_seg.grid_scores import BANDS
from road_seg.grid_scores import GridScores
from road_seg.labels import LabelMap
from road_seg.replay import pictures
from road_seg.replay.gallery import Exhibit
from road_seg.replay.scores import AGREEMENT_RANGE
from road_seg.replay.scores import BOUNDARY_DIAGONAL
from road_seg.replay.scores import BOUNDARY_TOLERANCE
from road_seg.replay.scores import MaskScores
from road_seg.replay.scores import number
from road_seg.replay.scores import value

# Opens what scrolls in itself where it is too wide, also by keyboard.
SCROLL = '<div class="scroll" tabindex="0">'


def write_page(path: Path, *, title: str, subtitle: str, verdict: list[str], level: str,
               figures: list[tuple[str, str]], sections: dict[str, str]) -> None:
    """
    Write a page.

    :param path: the file.
    :param title: its heading; this and the other words are plain text.
    :param subtitle: what was done to what.
    :param verdict: what to know first, a sentence each.
    :param level: whether that is `good` or needs `attention`.
    :param figures: value and name of each of the large figures.
    :param sections: HTML by heading.
    :raises InputError: the folder cannot be written to.
    """
    template, style, script = (
        Path(__file__).with_name(f'page.{kind}').read_text(encoding='utf-8')
        for kind in ('html', 'css', 'js'))
    head, *rest = map(escape, verdict)
    more = f'<ul>{"".join(f"<li>{point}</li>" for point in rest)}</ul>' if rest else ''
    anchors = {name: name.lower().replace(' ', '-') for name in sections}
    text = Template(template).substitute(
        title=escape(title), subtitle=escape(subtitle), level=level, style=style, script=script,
        verdict=f'<b>{head}</b>{more}', links=''.join(
            f'<a href="#{anchor}">{escape(name)}</a>' for name, anchor in anchors.items()),
        figures=''.join(f'<div class="figure"><b>{escape(value)}</b><span class="quiet">'
                        f'{escape(name)}</span></div>' for value, name in figures),
        sections=''.join(f'<h2 id="{anchors[name]}">{escape(name)}</h2>\n{body}\n'
                         for name, body in sections.items()))
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding='utf-8')


def score_figures(scores: MaskScores) -> list[tuple[str, str]]:
    """Return the IoU of each drivable class and the mean, as large figures."""
    return [*((value(scores.iou[name]), f'{name} IoU') for name in scores.labels.drivable),
            (value(scores.miou), 'mean IoU')]


def score_tables(scores: MaskScores) -> str:
    """Return the scores by class and the confusion matrix beside them."""
    return f'<div class="columns">{_score_table(scores)}{_confusion_table(scores)}</div>'


def _score_table(scores: MaskScores) -> str:
    """Return IoU, boundary F1 and share of the truth by class, and how they were counted."""
    truth = scores.confusion.counts.sum(axis=1)
    shares = truth / max(1, truth.sum())
    rows = ''.join(
        f'<tr><td>{_swatch(colour)}{escape(name)}</td>'
        f'<td>{value(scores.iou[name])}<span class="bar"><i style="width:'
        f'{100 * (scores.iou[name] or 0.0):.1f}%"></i></span></td>'
        f'<td>{value(scores.boundary_f1[name])}</td><td>{100 * share:.2f} %</td></tr>'
        for name, colour, share in zip(scores.labels.names, scores.labels.colours, shares,
                                       strict=True))
    calibration = '' if scores.ece is None else (
        f' Calibration error of the confidence: {value(scores.ece)}.')
    return (
        f'<div class="card">{SCROLL}<table><tr><th>class</th><th>IoU</th>'
        f'<th>boundary F1</th><th>of the truth</th></tr>{rows}</table></div>'
        '<p class="quiet">Aggregation: one confusion matrix over all pixels of '
        f'{scores.frames} frames with truth, at the images&rsquo; own resolution; pixels '
        'labelled 255 do not count. Mean IoU is the mean over the classes present; '
        'a class that the truth never tells from others has no score. Boundaries '
        f'match within {BOUNDARY_TOLERANCE} pixels of an image {BOUNDARY_DIAGONAL} pixels across '
        'the diagonal (480x360), to which those of larger ones are reduced.'
        f'{calibration}</p></div>')


def _confusion_table(scores: MaskScores) -> str:
    """Return the confusion matrix in percent of each true class."""
    names = scores.labels.names
    shares = 100 * scores.confusion.counts / np.maximum(
        scores.confusion.counts.sum(axis=1, keepdims=True), 1)
    head = ''.join(f'<th>{escape(name)}</th>' for name in names)
    rows = ''.join(
        f'<tr><td>{escape(name)}</td>' + ''.join(
            f'<td style="background:rgb({"28 138 90" if row == column else "214 60 60"} / '
            f'{share * 0.6:.1f}%)">{share:.2f}</td>' for column, share in enumerate(line))
        + '</tr>' for row, (name, line) in enumerate(zip(names, shares, strict=True)))
    return (f'<div class="card"><h3>Confusion matrix</h3>{SCROLL}<table><tr><th>truth \\ '
            f'prediction</th>{head}</tr>{rows}</table></div><p class="quiet">Percent of the '
            'pixels of each true class.</p></div>')


def grid_table(grids: GridScores) -> str:
    """Return agreement, coverage and false-free rate of grids by range, and what they mean."""
    rows = [(f'{near}-{far}', scores['agreement'], scores['coverage'], scores['false_free'])
            for (near, far), scores in zip(BANDS, grids.by_band(), strict=True)]
    rows.append((f'0-{AGREEMENT_RANGE:g}', *(score(AGREEMENT_RANGE) for score in (
        grids.agreement, grids.coverage, grids.false_free))))
    body = ''.join(f'<tr><td>{band} m</td>' + ''.join(
        f'<td>{value(number(score), 4)}</td>' for score in scores) + '</tr>'
        for band, *scores in rows)
    return (
        f'<div class="card">{SCROLL}<table><tr><th>range</th><th>agreement</th>'
        f'<th>coverage</th><th>false free</th></tr>{body}</table></div><p class="quiet">Distances '
        'from base_link. Agreement: of the cells the grid knows, away from borders of the truth, '
        'the share that says what the truth says. Coverage: the share of the cells in view that '
        'it knows. False free: the share of the cells blocked or occluded in truth that it gives '
        'as free.</p></div>')


def legend(labels: LabelMap, *, with_truth: bool, grid: bool = False) -> str:
    """Return what the colours of the pictures mean."""
    entries = list(zip(labels.names, labels.colours, strict=True))
    note = ''
    if with_truth:
        entries += [('wrong', pictures.ERROR_COLOUR), ('unlabelled', pictures.IGNORED_COLOUR)]
        note = 'in the truth, unlabelled pixels are black'
    groups = [('Masks', entries, note)]
    if grid:
        groups.append(('Grid', [('free', pictures.FREE_COLOUR),
                                ('blocked', pictures.BLOCKED_COLOUR),
                                ('unknown', pictures.UNKNOWN_COLOUR)],
                       'seen from above, forward is up; the yellow arrow is the vehicle, rings '
                       'are 10 m apart'))
    return ''.join(
        f'<div class="legend"><b>{head}</b>'
        + ''.join(f'<span>{_swatch(colour)}{escape(name)}</span>' for name, colour in group)
        + f'<span class="quiet">{note}</span></div>' for head, group, note in groups)


def exhibit_card(exhibit: Exhibit) -> str:
    """Return one frame with its pictures."""
    share = '' if exhibit.error_share is None else (
        f', {100 * exhibit.error_share:.1f} % of the labelled pixels wrong')
    wide = ' scored' if len(exhibit.pictures) > 4 else ''
    shown = ''.join(
        f'<figure><figcaption>{caption}</figcaption>' + (
            picture if picture.startswith('<svg') else
            f'<img{" class=pixels" if "image/png" in picture[:16] else ""} src="{picture}" '
            f'alt="{caption} of {escape(exhibit.name)}" decoding="async">') + '</figure>'
        for caption, picture in exhibit.pictures.items())
    return (f'<div class="card exhibit"><h3>{escape(exhibit.name)}<span class="quiet">{share}'
            f'</span></h3><div class="pictures{wide}">{shown}</div></div>')


def fact_table(facts: dict[str, str]) -> str:
    """Return names and values of what was run."""
    rows = ''.join(f'<tr><td>{escape(name)}</td><td>{escape(fact)}</td></tr>'
                   for name, fact in facts.items())
    return f'<section class="card"><table class="facts">{rows}</table></section>'


def _swatch(colour: tuple[int, int, int]) -> str:
    return f'<i class="swatch" style="background:{pictures.hex_colour(colour)}"></i>'
