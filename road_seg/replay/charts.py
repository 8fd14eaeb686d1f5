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
