"""Charts of a report as inline SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

_WIDTH, _HEIGHT = 480, 120
_BINS = 24
_LONG, _TALL, _MARGIN = 1100, 220, 52
_TICKS = 5


def histogram(name: str, values_ms: list[float], limit_ms: float | None = None) -> str:
    """
    Return the distribution of durations as HTML.

    :param name: of what.
    :param values_ms: durations [ms].
    :param limit_ms: marked with a line where it lies in the range [ms].
    """
    # The slowest percent would squeeze all others into one bar; it goes into the last bar.
    high = float(np.percentile(values_ms, 99)) * 1.05
    if limit_ms is not None and limit_ms < 3.0 * high:
        high = max(high, limit_ms * 1.1)
    high = max(high, 0.001)
    counts, edges = np.histogram(np.minimum(values_ms, high), bins=_BINS, range=(0.0, high))
    step = _WIDTH / _BINS
    bars = ''.join(
        f'<rect x="{index * step + 1:.1f}" y="{_HEIGHT - tall:.1f}" width="{step - 2:.1f}" '
        f'height="{tall:.1f}"><title>{_short(edges[index])} to {_short(edges[index + 1])} ms: '
        f'{count} frames</title></rect>'
        for index, count in enumerate(counts) if (tall := count / counts.max() * _HEIGHT))
    shown = limit_ms is not None and limit_ms <= high
    limit = (f'<line class="limit" x1="{_WIDTH * limit_ms / high:.1f}" x2="'
             f'{_WIDTH * limit_ms / high:.1f}" y1="0" y2="{_HEIGHT}"/>') if shown else ''
    note = (f'<p class="quiet limit">dashed: frame period {_short(limit_ms)} ms</p>'
            if shown else '')
    ticks = ''.join(f'<span>{_short(high * share)}</span>' for share in (0.0, 0.5))
    return (f'<div class="histogram"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'preserveAspectRatio="none" aria-label="distribution of {name}">{bars}{limit}</svg>'
            f'<div class="ticks">{ticks}<span>{_short(high)} ms</span></div>{note}</div>')


def reliability(bins: np.ndarray) -> str:
    """
    Return how often pixels are right, against how sure the network is of them.

    :param bins: (B, 3) mean confidence, accuracy and share of the pixels, all 0..1.
    """
    left, top, side = 44, 18, 300
    dots = ''.join(
        f'<circle cx="{left + side * confidence:.1f}" cy="{top + side * (1 - right):.1f}" '
        f'r="{3 + 12 * share**0.5:.1f}"><title>confidence {confidence:.3f}, right '
        f'{right:.3f}, {100 * share:.2f} % of the pixels</title></circle>'
        for confidence, right, share in bins)
    ticks = ''.join(
        f'<text x="{left + side * at:.0f}" y="{top + side + 16}" text-anchor="middle">{at:g}'
        f'</text><text x="{left - 6}" y="{top + side * (1 - at) + 4:.0f}" text-anchor="end">'
        f'{at:g}</text>' for at in (0.0, 0.5, 1.0))
    return (
        f'<svg class="reliability" viewBox="0 0 {left + side + 16} {top + side + 40}" role="img" '
        f'aria-label="accuracy against confidence"><rect class="axis" x="{left}" y="{top}" '
        f'width="{side}" height="{side}"/><line class="ideal" x1="{left}" y1="{top + side}" '
        f'x2="{left + side}" y2="{top}"/>{dots}{ticks}<text x="{left + side / 2}" '
        f'y="{top + side + 34}" text-anchor="middle">confidence</text><text transform="translate('
        f'12 {top + side / 2}) rotate(-90)" text-anchor="middle">share right</text></svg>')


@dataclass(frozen=True)
class Span:
    """A time that is marked: from and to [s], and what it is called."""

    start_s: float
    end_s: float
    name: str


def timeline(times_s: Sequence[float], values: Sequence[float], spans: Sequence[Span],
             label: str) -> str:
    """
    Return values over time, from 0 up.

    :param times_s: in order [s].
    :param values: one a time, 0 or more.
    :param spans: marked behind the line.
    :param label: what the values are.
    """
    end = max(times_s[-1], 1.0)
    high = 1.15 * max(*values, 1.0)
    base = _TALL - 30

    def at(time_s: float) -> float:
        return _MARGIN + (_LONG - _MARGIN - 12) * min(1.0, max(0.0, time_s / end))

    def level(value: float) -> float:
        return base - (base - 10) * value / high

    marks = ''.join(
        f'<rect x="{at(span.start_s):.1f}" y="10" height="{base - 10}" '
        f'width="{max(1.0, at(span.end_s) - at(span.start_s)):.1f}">'
        f'<title>{escape(span.name)}, at {span.start_s:.0f} s</title></rect>' for span in spans)
    line = ' '.join(f'{at(time):.1f},{level(value):.1f}'
                    for time, value in zip(times_s, values, strict=True))
    shares = np.linspace(0.0, 1.0, _TICKS)
    ticks = ''.join(
        f'<text x="{at(end * share):.0f}" y="{base + 18}" text-anchor="'
        f'{"end" if share == 1.0 else "middle"}">{end * share / 60:.3g} min</text>'
        f'<text x="{_MARGIN - 6}" y="{level(high * share) + 4:.0f}" text-anchor="end">'
        f'{_short(high * share)}</text>' for share in shares)
    return (f'<svg class="timeline" viewBox="0 0 {_LONG} {_TALL}" role="img" '
            f'aria-label="{escape(label)} over time">{marks}<line x1="{_MARGIN}" '
            f'x2="{_LONG - 12}" y1="{base}" y2="{base}"/><polyline points="{line}"/>{ticks}'
            '</svg>')


def _short(value: float) -> str:
    return f'{value:.0f}' if value >= 100.0 else f'{value:.3g}'
