"""Scoring a labelled data set through the Segmenter, without ROS."""

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
import os
from pathlib import Path

import numpy as np

from road_seg.backends import Backend
from road_seg.data.adapter import DatasetAdapter
from road_seg.data.adapter import Sample
from road_seg.labels import LabelMap
from road_seg.pipeline import Segmenter
from road_seg.replay import pictures
from road_seg.replay.gallery import Exhibit
from road_seg.replay.gallery import WorstFrames
from road_seg.replay.score_report import write_score_report
from road_seg.replay.scores import error_share
from road_seg.replay.scores import MaskScores
from road_seg.replay.scores import number

REPORT_NAME = 'report.html'
_WORST_COUNT = 20


@dataclass(frozen=True)
class ScoredImage:
    """
    One labelled image and the answer to it; the arrays are valid until the next one.

    :param sample: its files.
    :param rgb: (H, W, 3) uint8.
    :param truth: (H, W) uint8 class ids without partial labels, 255 ignored.
    :param mask: (H, W) uint8 predicted class ids.
    :param counts: (C, 3) int64 pixels by class: right, of the truth, of the mask.
    """

    sample: Sample
    rgb: np.ndarray
    truth: np.ndarray
    mask: np.ndarray
    counts: np.ndarray


def score_data_set(root: Path, adapter_name: str, split: str, backend: Backend,
                   progress: Callable[[int, int], None] = lambda done, total: None,
                   report: Path | None = None) -> dict:
    """
    Score every labelled image of a split at its own resolution, in one confusion matrix.

    Where the truth allows several classes, the prediction counts as right if it is one of
    them, else the pixel counts as the first of them (DatasetAdapter.resolve). Classes that no id
    stands for alone are not scored.

    :param root: folder of the data set.
    :param adapter_name: name of its adapter, or path of the adapter's YAML file.
    :param split: name of the split.
    :param backend: an active backend.
    :param progress: called after each image with the numbers of images done and in all.
    :param report: folder to write a report to.
    :return: the summary, as `score --json` writes it.
    :raises RoadSegError: the data set cannot be read.
    """
    adapter = DatasetAdapter.load(adapter_name, backend.model.labels)
    worst = WorstFrames(_WORST_COUNT)
    labelled = []

    def watch(scored: ScoredImage) -> None:
        labelled.append({'image': os.path.relpath(str(scored.sample.image), root),
                         'counts': (scored.counts * adapter.named[:, None]).tolist()})
        if report:
            _add_frame(worst, adapter.labels, scored)

    scores = score_samples(adapter, adapter.samples(root, split), backend, progress, watch=watch)
    if report:
        write_score_report(report / REPORT_NAME, f'{adapter.name} {split}', scores,
                           worst.exhibits, backend)
    return {**scores.summary(),
            'thresholds': [{'confidence': threshold, 'errors_caught': number(caught),
                            'correct_given_up': number(given_up)}
                           for threshold, caught, given_up in scores.thresholds],
            'model_sha256': backend.model.sha256, 'backend': backend.name,
            'data_set': str(root.absolute()), 'labelled': labelled}


def score_samples(adapter: DatasetAdapter, samples: Sequence[Sample], backend: Backend,
                  progress: Callable[[int, int], None] = lambda done, total: None, *,
                  watch: Callable[[ScoredImage], None] | None = None) -> MaskScores:
    """
    Score some samples; the other parameters are those of score_data_set.

    :param adapter: reads the samples, to the classes of the backend's model.
    :param watch: called with each image and its answer.
    """
    segmenter = Segmenter(backend, grid_spec=None)
    scores = MaskScores(segmenter.labels, adapter.named)
    for index, sample in enumerate(samples):
        rgb, truth = adapter.read(sample)
        result = segmenter.process(rgb, index, with_confidence=True)
        if index and not adapter.follows(samples[index - 1], sample):
            scores.flicker.cut()
        if adapter.frame_step:
            scores.flicker.update(rgb, result.mask)
        truth = adapter.resolve(truth, result.mask)
        counts = scores.update(truth, result.mask, result.confidence)
        if watch:
            watch(ScoredImage(sample, rgb, truth, result.mask, counts))
        progress(index + 1, len(samples))
    return scores


def _add_frame(worst: WorstFrames, labels: LabelMap, scored: ScoredImage) -> None:
    """Offer an image to the collection of the worst."""
    share = error_share(scored.counts)
    worst.add(share, lambda: Exhibit(scored.sample.image.name, share, {
        'image': pictures.photo(scored.rgb),
        'truth': pictures.class_map(scored.truth, labels),
        'prediction': pictures.class_map(scored.mask, labels),
        'errors': pictures.errors(scored.rgb, scored.truth, scored.mask)}))
