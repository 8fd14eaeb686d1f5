"""Scoring a labelled data set through the Segmenter, without ROS."""

from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path

from road_seg.backends import Backend
from road_seg.data.adapter import DatasetAdapter
from road_seg.data.adapter import Sample
from road_seg.pipeline import Segmenter
from road_seg.replay.scores import MaskScores


def score_data_set(root: Path, adapter_name: str, split: str, backend: Backend,
                   progress: Callable[[int, int], None] = lambda done, total: None) -> dict:
    """
    Score every labelled image of a split at its own resolution, in one confusion matrix.

    Where the truth allows several classes, the prediction counts as right if it is one of
    them, else the pixel counts as the first of them (DatasetAdapter.resolve).

    :param root: folder of the data set.
    :param adapter_name: name of its adapter, or path of the adapter's YAML file.
    :param split: name of the split.
    :param backend: an active backend.
    :param progress: called after each image with the numbers of images done and in all.
    :return: the summary, as `score --json` writes it.
    :raises RoadSegError: the data set cannot be read.
    """
    adapter = DatasetAdapter.load(adapter_name, backend.model.labels)
    scores = score_samples(adapter, adapter.samples(root, split), backend, progress)
    return {'frames': scores.frames, 'miou': scores.miou, 'iou': scores.iou,
            'boundary_f1': scores.boundary_f1, 'ece': scores.ece,
            'model_sha256': backend.model.sha256, 'backend': backend.name}


def score_samples(adapter: DatasetAdapter, samples: Sequence[Sample], backend: Backend,
                  progress: Callable[[int, int], None] = lambda done, total: None) -> MaskScores:
    """
    Score some samples; the parameters are those of score_data_set.

    :param adapter: reads the samples, to the classes of the backend's model.
    """
    segmenter = Segmenter(backend, grid_spec=None)
    scores = MaskScores(segmenter.labels)
    for index, sample in enumerate(samples):
        rgb, truth = adapter.read(sample)
        result = segmenter.process(rgb, index, with_confidence=True)
        scores.update(adapter.resolve(truth, result.mask), result.mask, result.confidence)
        progress(index + 1, len(samples))
    return scores
