"""Evaluations as JSON, so that parts of a replay can be kept, sent and put together."""

from collections.abc import Iterable
from functools import reduce
from itertools import chain
from operator import add

import numpy as np

from road_seg.grid_scores import GridScores
from road_seg.labels import LabelMap
from road_seg.replay.evaluate import Evaluation
from road_seg.replay.scores import MaskScores

_NUMBERS = ('truth_count', 'frames', 'dropped', 'grids', 'span_ns', 'duration_s')
_MASK_COUNTS = ('confusion', 'boundary', 'calibration')


def to_json(evaluation: Evaluation) -> dict:
    """Return all that an evaluation counted, exactly."""
    scores = evaluation.scores
    return {
        **{name: getattr(evaluation, name) for name in (*_NUMBERS, 'loss', 'latency_ms')},
        'labelled': [[stamp_ns, counts.tolist()] for stamp_ns, counts in evaluation.labelled],
        'scored': scores.frames,
        **{name: getattr(scores, name).counts.tolist() for name in _MASK_COUNTS},
        'flicker': [scores.flicker.changed, scores.flicker.followed],
        'grid_scores': evaluation.grid_scores.counts.tolist()}


def from_json(data: dict, labels: LabelMap) -> Evaluation:
    """
    Return the evaluation of which to_json made some data.

    :param labels: the classes of its masks.
    :raises KeyError: it did not.
    """
    scores, grid_scores = MaskScores(labels), GridScores()
    scores.frames = data['scored']
    for name in _MASK_COUNTS:
        getattr(scores, name).counts += np.array(data[name], np.int64)
    scores.flicker.changed, scores.flicker.followed = data['flicker']
    grid_scores.counts += np.array(data['grid_scores'], np.int64)
    return Evaluation(
        scores, grid_scores=grid_scores,
        labelled=[(stamp_ns, np.array(counts, np.int64)) for stamp_ns, counts in data['labelled']],
        **{name: data[name] for name in (*_NUMBERS, 'loss', 'latency_ms')})


def merged(parts: Iterable[Evaluation], labels: LabelMap) -> Evaluation:
    """
    Return the evaluation of several parts, in their order, as if it had been one.

    :param parts: disjoint frames; parts of one drive follow each other.
    :param labels: the classes of their masks.
    """
    parts = list(parts)
    stages = dict.fromkeys(chain.from_iterable(part.latency_ms for part in parts))
    return Evaluation(
        reduce(add, (part.scores for part in parts), MaskScores(labels)),
        grid_scores=reduce(add, (part.grid_scores for part in parts), GridScores()),
        labelled=list(chain.from_iterable(part.labelled for part in parts)),
        latency_ms={stage: list(chain.from_iterable(
            part.latency_ms.get(stage, ()) for part in parts)) for stage in stages},
        loss='; '.join(dict.fromkeys(part.loss for part in parts if part.loss)) or None,
        **{name: sum(getattr(part, name) for part in parts) for name in _NUMBERS})
