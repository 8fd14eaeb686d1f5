"""Curves over the time of a drive, one below the other on one axis, as inline SVG."""

from dataclasses import dataclass
from html import escape
from itertools import pairwise
import json

import numpy as np

from road_seg.replay.timeline import Change
from road_seg.replay.timeline import envelope
from road_seg.replay.timeline import Timeline
from road_seg.verdict import Level

MOST_POINTS = 600
_WIDTH, _HEIGHT, _MARGIN = 1000, 60, 4
# Longer between two points, in their usual distances, and the curve has a gap.
_GAP = 8
# A change must be wide enough to be seen and touched.
_MIN_WIDTH = 4


@dataclass(frozen=True)
class Curve:
    """
    How a value of the timeline is shown.

    :param key: its name there.
    :param name: its name for people.
    :param unit: behind each number.
    :param factor: what makes the value one of that unit.
    :param from_zero: the vertical axis begins at zero, not at the smallest value.
    """

    key: str
    name: str
    unit: str = ' %'
    factor: float = 100.0
    from_zero: bool = True


CURVES = (
    Curve('drivable', 'drivable share', from_zero=False),
    Curve('confidence', 'mean confidence', from_zero=False),
    Curve('error_share', 'wrong pixels'),
    Curve('flicker', 'flicker'),
    Curve('grid_known', 'grid known', from_zero=False),
    Curve('latency', 'latency', ' ms', 1.0),
)


def sparklines(timeline: Timeline, frame_count: int) -> str:
    """
    Return all curves that have values, and the health verdict, as HTML; '' for a single moment.

    :param frame_count: frames sent, those without an answer too.
    """
    span = timeline.seconds[-1]
    if not span:
        return ''
    seconds = envelope(timeline.seconds, MOST_POINTS)[:, 1]
    places = _WIDTH * seconds / span
    points: dict[str, list[float | None]] = {'t': seconds.round(3).tolist()}
    rows = []
    for curve in CURVES:
        values = curve.factor * np.array(timeline.values[curve.key])
        if not np.isnan(values).all():
            rows.append(_row(curve, values, places))
            points[curve.key] = _rounded(envelope(values, MOST_POINTS)[:, 1])
    if timeline.health.changes:
        rows.append(_health_row(timeline, span))
    drops = _drop_row(timeline, span, frame_count)
    ticks = ''.join(f'<span>{span * share:.{0 if span >= 20 else 1}f} s</span>'
                    for share in (0.0, 0.25, 0.5, 0.75, 1.0))
    return (f'<div class="card timeline" data-span="{span:.6g}">{"".join(rows)}{drops}'
            f'<div class="row axis"><div></div><div class="ticks">{ticks}</div></div>'
            f'<script type="application/json">{json.dumps(points)}</script></div>')


def _row(curve: Curve, values: np.ndarray, places: np.ndarray) -> str:
    low, middle, high = (float(each) for each in (
        np.nanmin(values), np.nanmedian(values), np.nanmax(values)))
    said = (f'median {_text(middle)}{curve.unit}, {_text(low)} to {_text(high)}{curve.unit}')
    bottom = 0.0 if curve.from_zero else low
    bands = envelope(values, MOST_POINTS)
    heights = _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * (bands - bottom) / (
        (high - bottom) or 1.0)
    return (
        f'<div class="row" data-key="{curve.key}" data-unit="{curve.unit}"><div class="name">'
        f'<b>{curve.name}</b><output></output><span class="quiet">{said}</span></div>'
        f'{_chart(f"{curve.name} over time: {said}", _paths(places, heights))}</div>')


def _paths(places: np.ndarray, heights: np.ndarray) -> str:
    """Return the mean as a line, and where points stand for several frames their range."""
    steps = np.diff(places)
    usual = np.median(steps)
    breaks = np.isnan(heights[:, 1])
    starts = np.r_[True, (steps > _GAP * usual) | breaks[:-1]]
    line, area = [], []
    for first, last in _runs(starts, breaks):
        run, x = heights[first:last], places[first:last]
        line.append('M' + 'L'.join(f'{at:.1f} {y:.1f}' for at, y in zip(x, run[:, 1], strict=True))
                    + 'h0' * (len(x) == 1))
        if (run[:, 0] != run[:, 2]).any():
            edge = [*zip(x, run[:, 2], strict=True), *zip(x[::-1], run[::-1, 0], strict=True)]
            area.append('M' + 'L'.join(f'{at:.1f} {y:.1f}' for at, y in edge) + 'Z')
    band = f'<path class="band" d="{"".join(area)}"/>' if area else ''
    return f'{band}<path class="line" d="{"".join(line)}"/>'


def _runs(starts: np.ndarray, breaks: np.ndarray) -> list[tuple[int, int]]:
    """Return (first, behind the last) of each stretch of points without a gap."""
    edges = [*np.flatnonzero(starts | breaks), len(starts)]
    runs = [(int(first) + bool(breaks[first]), int(last))
            for first, last in pairwise(edges)]
    return [run for run in runs if run[0] < run[1]]


def _health_row(timeline: Timeline, span: float) -> str:
    changes, shares = timeline.health.changes, timeline.health.shares
    said = ', '.join(f'{level.name} {100 * share:.1f} %' for level, share in shares.items())
    ends = [*(change.t_s for change in changes[1:]), span]
    boxes = ''.join(_box(change, end, span) for change, end in zip(changes, ends, strict=True))
    return (f'<div class="row low"><div class="name"><b>health</b><span class="quiet">{said}'
            f'</span></div>{_chart(f"health verdict over time: {said}", boxes)}</div>')


def _box(change: Change, end_s: float, span: float) -> str:
    start, width = _WIDTH * change.t_s / span, _WIDTH * (end_s - change.t_s) / span
    reasons = ', '.join(change.verdict.reasons)
    level = change.verdict.level
    if level != Level.OK:
        width = max(width, _MIN_WIDTH)
    return (f'<rect class="{level.name.lower()}" x="{min(start, _WIDTH - width):.1f}" y="0" '
            f'width="{width:.1f}" height="{_HEIGHT}"><title>{change.t_s:.1f} s: {level.name} '
            f'{escape(reasons)}</title></rect>')


def _drop_row(timeline: Timeline, span: float, frame_count: int) -> str:
    """Return where frames got no answer; nothing if all did."""
    dropped = frame_count - len(timeline.numbers)
    if not dropped:
        return ''
    numbers = [-1, *timeline.numbers, frame_count]
    seconds = [0.0, *timeline.seconds, span]
    marks = ''.join(
        f'<path class="drop" d="M{_WIDTH * (before + after) / 2 / span:.1f} 0v{_HEIGHT}">'
        f'<title>{count} dropped</title></path>'
        for before, after, number, following in zip(seconds, seconds[1:], numbers, numbers[1:],
                                                    strict=False)
        if (count := following - number - 1))
    said = f'{dropped} of {frame_count} frames'
    return (f'<div class="row low"><div class="name"><b>dropped</b><span class="quiet">{said}'
            f'</span></div>{_chart(f"dropped frames over time: {said}", marks)}</div>')


def _chart(label: str, inside: str) -> str:
    return (f'<div class="chart"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" '
            f'role="img" aria-label="{label}">{inside}</svg><i class="cursor"></i></div>')


def _text(value: float) -> str:
    """Return a number with one decimal, two below ten."""
    return f'{value:.{1 if abs(value) >= 10 else 2}f}'


def _rounded(values: np.ndarray) -> list[float | None]:
    """Return numbers as JSON holds them, to four digits."""
    return [None if np.isnan(value) else float(f'{value:.4g}') for value in values]
