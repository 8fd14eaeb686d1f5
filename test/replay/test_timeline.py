"""Curves over time: what they hold and how they are drawn."""

from drives import picture
from drives import truth_of
from fake_node import grid_message
import numpy as np
import pytest

from road_seg.bags.drive import Frame
from road_seg.labels import ROAD_LABELS
from road_seg.replay.evaluate import ScoredFrame
from road_seg.replay.sparklines import sparklines
from road_seg.replay.timeline import envelope
from road_seg.replay.timeline import HealthHistory
from road_seg.replay.timeline import Timeline
from road_seg.serialized import Answer
from road_seg.verdict import Level
from road_seg.verdict import Verdict

OK = Verdict(Level.OK, 'active', (), {})
DARK = Verdict(Level.WARN, 'dark image', ('image_dark',), {})
DARKER = Verdict(Level.WARN, 'very dark image', ('image_dark',), {})


def add(timeline: Timeline, index: int, at_ms: int, confidence: np.ndarray | None = None,
        **answer: object) -> None:
    """Add a frame whose mask is two parts in five road, sidewalk or others."""
    mask = truth_of(picture(index))
    frame = Frame(index, at_ms * 10**6, b'')
    timeline.add(ScoredFrame(index, frame, Answer(b'', None, None, None, {}, 10.0 + index)
                             if not answer else Answer(confidence=None, **answer), mask, None,
                             confidence, None, None))


def test_the_values_of_a_frame() -> None:
    timeline = Timeline(ROAD_LABELS)
    confidence = np.full((48, 64), 51, np.uint8)
    add(timeline, 7, 1000, confidence, mask=b'', overlay=None, grid=grid_message(0), stages_ms={},
        round_trip_ms=12.5)
    mask = truth_of(picture(7))
    share = np.count_nonzero(mask == ROAD_LABELS.id_of('road')) / mask.size
    assert {name: values[0] for name, values in timeline.values.items()} == pytest.approx({
        'drivable': share, 'confidence': 0.2, 'grid_known': 7 / 8, 'flicker': np.nan,
        'error_share': np.nan, 'latency': 12.5}, nan_ok=True)
    assert (timeline.seconds, timeline.numbers) == ([0.0], [7])


def test_a_stamp_that_jumps_back_does_not_turn_time_back() -> None:
    timeline = Timeline(ROAD_LABELS)
    for index, at_ms in enumerate((500, 600, 100, 300)):
        add(timeline, index, at_ms)
    assert timeline.seconds == pytest.approx([0.0, 0.1, 0.1, 0.3])


def test_the_envelope_of_neighbours() -> None:
    nan = float('nan')
    np.testing.assert_equal(envelope([1.0, 3.0, nan, 5.0, nan, nan, 2.0], 4),
                            [[1, 2, 3], [5, 5, 5], [nan] * 3, [2, 2, 2]])
    np.testing.assert_equal(envelope([1.0, 2.0], 4), [[1, 1, 1], [2, 2, 2]])


def test_a_verdict_holds_until_the_next() -> None:
    health = HealthHistory()
    assert health.summary() is None
    for at_s, verdict in ((0.0, OK), (1.0, OK), (3.0, DARK), (3.5, DARKER), (4.0, OK)):
        health.add(at_s, verdict)
    assert health.summary() == {
        'changes': [{'t_s': 0.0, 'level': 'OK', 'reasons': []},
                    {'t_s': 3.0, 'level': 'WARN', 'reasons': ['image_dark']},
                    {'t_s': 4.0, 'level': 'OK', 'reasons': []}],
        'share': {'OK': 0.75, 'WARN': 0.25}}


def test_a_single_verdict_holds_all_the_time() -> None:
    health = HealthHistory()
    health.add(0.0, DARK)
    assert health.summary()['share'] == {'WARN': 1.0}


def test_curves_gaps_and_drops() -> None:
    timeline = Timeline(ROAD_LABELS)
    for index, at_ms in ((0, 0), (1, 100), (4, 200), (5, 1900), (6, 2000)):
        add(timeline, index, at_ms)
    html = sparklines(timeline, 8)
    # 10, 11, 14 ms, a gap, 15 and 16 ms; from 56 at the bottom (0 ms) to 4 at the top (16 ms).
    assert '<path class="line" d="M0.0 23.5L50.0 20.2L100.0 10.5M950.0 7.2L1000.0 4.0"/>' in html
    assert 'median 14.0 ms, 10.0 to 16.0 ms' in html
    assert '<path class="drop" d="M75.0 0v60"><title>2 dropped</title>' in html
    assert '<path class="drop" d="M1000.0 0v60"><title>1 dropped</title>' in html
    assert '3 of 8 frames' in html
    assert 'confidence' not in html
    assert 'class="band"' not in html


def test_points_of_several_frames_show_their_range() -> None:
    timeline = Timeline(ROAD_LABELS)
    for index in range(1200):
        add(timeline, index % 3, 10 * index)
    html = sparklines(timeline, 1200)
    assert html.count('class="band"') == 1  # only the latency varies
    assert html.count('L', html.index('class="line"'), html.index('/>', html.index(
        'class="line"'))) == 599
