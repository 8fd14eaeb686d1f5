"""The verdict of a replay in one sentence, and the summary made of it."""

import numpy as np
import pytest

from road_seg.grid import DrivableGrid
from road_seg.grid import GridSpec
from road_seg.grid import Reason
from road_seg.labels import LabelMap
from road_seg.replay.evaluate import Evaluation
from road_seg.replay.markdown import summary_markdown
from road_seg.replay.outcome import Outcome
from road_seg.replay.scores import MaskScores
from road_seg.replay.timeline import Timeline
from road_seg.verdict import Level
from road_seg.verdict import Verdict

LABELS = LabelMap(('ground_a', 'road'), ((0, 0, 9), (9, 9, 9)), ('road',))


@pytest.fixture
def evaluation() -> Evaluation:
    """Return what four frames at 10 Hz gave, two of them with truth, all with a grid."""
    scores = MaskScores(LABELS)
    for mask in ([[0, 1]], [[0, 0]]):
        scores.update(np.array([[0, 1]], np.uint8), np.array(mask, np.uint8))
    result = Evaluation(scores, truth_count=2, frames=4, grids=4, span_ns=300_000_000,
                        duration_s=0.5)
    result.latency_ms = {'network': [8.0] * 4, 'round_trip': [10.0, 10.0, 20.0, 20.0]}
    return result


@pytest.fixture
def timeline() -> Timeline:
    """Return a timeline of grids of which a quarter is known, without health."""
    made = Timeline(LABELS)
    made.values['grid_known'] = [0.25] * 4
    return made


def test_all_is_well(evaluation: Evaluation, timeline: Timeline) -> None:
    timeline.health.add(0.0, Verdict(Level.OK, 'active', (), {}))
    outcome = Outcome.of(evaluation, timeline)
    assert outcome.level == 'good'
    # ground_a: 2 of 3 right, road: 1 of 2.
    assert outcome.sentence == ('All is well: every frame answered; mIoU 0.583; keeps up with '
                                'the recorded 10 Hz; healthy throughout.')
    assert outcome.figures == [
        ('4', 'frames answered'), ('0', 'dropped'), ('0.583', 'mIoU'), ('0.500', 'road IoU'),
        ('25.0 %', 'of the grid is known'), ('15.0 / 20.0 ms', 'latency, p50 / p95'),
        ('8.0', 'frames per second'), ('100.0 %', 'of the time healthy')]


def test_everything_that_needs_attention_is_named(evaluation: Evaluation,
                                                  timeline: Timeline) -> None:
    evaluation.dropped, evaluation.truth_count, evaluation.grids = 1, 5, 0
    evaluation.loss = '5 of 9 images'
    evaluation.latency_ms['round_trip'] = [100.0] * 4
    for at_s, verdict in enumerate((Verdict(Level.OK, 'active', (), {}),
                                    Verdict(Level.ERROR, 'ice', ('image_frozen',), {}),
                                    Verdict(Level.OK, 'active', (), {}))):
        timeline.health.add(float(at_s), verdict)
    outcome = Outcome.of(evaluation, timeline)
    assert outcome.level == 'attention'
    assert outcome.sentence == (
        'Needs attention: 1 of 5 frames dropped; the bag is damaged; 3 of 5 truth masks without '
        'an image; no grid; too slow for the recorded 13.3 Hz; health reports image_frozen.')
    assert 'The bag is damaged: 5 of 9 images.' in outcome.points
    assert 'The health verdict was OK 50.0 % of the time; reported were image_frozen.' in (
        outcome.points)


def test_grids_with_truth_show_coverage_and_false_free(evaluation: Evaluation,
                                                       timeline: Timeline) -> None:
    spec = GridSpec(10.0, 0.0, 20.0, -10.0, 10.0)
    reasons = np.full((2, 2), Reason.BLOCKED, np.uint8)
    truth = DrivableGrid(spec, np.full((2, 2), 100, np.int8), reasons)
    evaluation.grid_scores.update(truth, DrivableGrid(spec, np.zeros((2, 2), np.int8), reasons))
    outcome = Outcome.of(evaluation, timeline)
    assert ('1.000 / 1.000', 'grid coverage / false free, 30 m') in outcome.figures


def test_without_truth_or_health_nothing_is_claimed(evaluation: Evaluation,
                                                    timeline: Timeline) -> None:
    evaluation.scores = MaskScores(LABELS)
    evaluation.truth_count = 0
    outcome = Outcome.of(evaluation, timeline)
    assert outcome.sentence == ('All is well: every frame answered; nothing to score against; '
                                'keeps up with the recorded 10 Hz.')
    assert ('no truth', 'no mIoU') in outcome.figures


def test_the_summary_in_markdown(evaluation: Evaluation, timeline: Timeline) -> None:
    text = summary_markdown('Replay of a|b', Outcome.of(evaluation, timeline), evaluation,
                            {'model': 'x_y.onnx', 'CPU': '<none>'}, 'report.html')
    assert text == r"""### Replay of a\|b

:white_check_mark: **All is well: every frame answered; mIoU 0.583; keeps up with the recorded 10 Hz.**

- 4 of 4 frames answered with a mask, 4 with a grid.
- road IoU 0.500, mIoU 0.583 on 2 frames with truth.
- Keeps up with the recorded 10 Hz: 95 % of the frames took at most 20.0 ms, a new one comes every 100.0 ms.

| class | IoU | boundary F1 |
| --- | ---: | ---: |
| ground\_a | 0.667 | 0.667 |
| road | 0.500 | 0.667 |
| mean | 0.583 |  |

| latency, ms | p50 | p95 | p99 |
| --- | ---: | ---: | ---: |
| network | 8.0 | 8.0 | 8.0 |
| round trip | 15.0 | 20.0 | 20.0 |

- model: x\_y.onnx
- CPU: &lt;none&gt;

[Full report](report.html)
"""  # noqa: E501
