"""Charts of a report as inline SVG."""

import numpy as np

_WIDTH, _HEIGHT, _BASE, _TOP = 480, 190, 160, 22
_BINS = 24


def histogram(values_ms: list[float], limit_ms: float | None) -> str:
    """
    Return the distribution of durations.

    :param values_ms: durations [ms].
    :param limit_ms: marked with a line where it lies in the range [ms].
    """
    # The slowest percent would squeeze all others into one bar; it goes into the last bar.
    high = float(np.percentile(values_ms, 99)) * 1.05
    if limit_ms is not None and limit_ms < 3.0 * high:
        high = max(high, limit_ms * 1.1)
    high = max(high, 0.1)
    counts, edges = np.histogram(np.minimum(values_ms, high), bins=_BINS, range=(0.0, high))
    step = _WIDTH / _BINS
    bars = ''.join(
        f'<rect x="{index * step + 1:.1f}" y="{_BASE - tall:.1f}" width="{step - 2:.1f}" '
        f'height="{tall:.1f}"><title>{edges[index]:.1f} to {edges[index + 1]:.1f} ms: '
        f'{count} frames</title></rect>'
        for index, count in enumerate(counts)
        if (tall := count / counts.max() * (_BASE - _TOP)))
    labels = ''.join(
        f'<text x="{_WIDTH * share:.0f}" y="{_BASE + 18}" text-anchor="{anchor}">'
        f'{_short(high * share)} ms</text>'
        for share, anchor in ((0.0, 'start'), (0.5, 'middle'), (1.0, 'end')))
    return (f'<svg class="histogram" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'aria-label="distribution of the round trip">{bars}'
            f'<line x1="0" x2="{_WIDTH}" y1="{_BASE}" y2="{_BASE}"/>{labels}'
            f'{_limit_line(limit_ms, high)}</svg>')


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


def _limit_line(limit_ms: float | None, high: float) -> str:
    """Draw the time a frame may take, if it lies in the range."""
    if limit_ms is None or limit_ms > high:
        return ''
    x = _WIDTH * limit_ms / high
    anchor, shift = ('end', -4) if x > _WIDTH / 2 else ('start', 4)
    return (f'<line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{_BASE}"/>'
            f'<text class="limit" x="{x + shift:.1f}" y="14" text-anchor="{anchor}">'
            f'frame period {_short(limit_ms)} ms</text>')


def _short(value: float) -> str:
    return f'{value:.0f}' if value >= 100.0 else f'{value:.3g}'
