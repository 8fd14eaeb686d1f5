"""How far two models agree on the frames of a drive; it needs no truth."""

import numpy as np

from road_seg.backends import Backend
from road_seg.bags.drive import Drive
from road_seg.errors import InputError
from road_seg.labels import LabelMap
from road_seg.metrics import ConfusionMatrix
from road_seg.pipeline import Segmenter
from road_seg.replay.evaluate import ScoredFrame
from road_seg.replay.scores import number


class Agreement:
    """
    Compare the masks of two models, the second as the reference.

    :param labels: the classes of both.
    """

    def __init__(self, labels: LabelMap) -> None:
        self.labels = labels
        self.confusion = ConfusionMatrix(len(labels.names))
        self.by_frame: list[tuple[int, float]] = []

    def update(self, stamp_ns: int, mask: np.ndarray, second: np.ndarray) -> float:
        """
        Add a frame and return the share of its pixels that both give the same class, 0..1.

        :param stamp_ns: of the frame.
        :param mask: (H, W) uint8 class ids of the first model.
        :param second: (H, W) uint8 class ids of the second model.
        :raises InputError: the shapes differ, or there are ids the classes do not have.
        """
        before = self.confusion.counts.trace()
        self.confusion.update(second, mask)
        share = float(self.confusion.counts.trace() - before) / mask.size
        self.by_frame.append((stamp_ns, share))
        return share

    def summary(self) -> dict:
        """Return share, IoU by class and the share of each frame, as `replay --json` does."""
        counts = self.confusion.counts
        return {
            'frames': len(self.by_frame),
            'share': number(counts.trace() / max(1, counts.sum())) if self.by_frame else None,
            'miou': number(self.confusion.miou()),
            'iou': dict(zip(self.labels.names, map(number, self.confusion.iou()), strict=True)),
            'by_frame': [{'stamp_ns': stamp_ns, 'share': share}
                         for stamp_ns, share in self.by_frame]}


class SecondModel:
    """
    Answer the frames of a drive once more.

    :param backend: an active backend of the second model.
    :param labels: the classes of the first.
    :param drive: what the frames are of.
    :raises InputError: the models have different classes.
    """

    def __init__(self, backend: Backend, labels: LabelMap, drive: Drive) -> None:
        model = backend.model
        if model.labels.names != labels.names:
            raise InputError(model.path, found=f'the classes {", ".join(model.labels.names)}',
                             expected=f"the first model's, {', '.join(labels.names)}",
                             fix='name a model of the same classes as --second-model')
        self._segmenter = Segmenter(backend, grid_spec=None)
        self._image_type = drive.image_type
        self._backend = backend
        self.agreement = Agreement(labels)

    def update(self, scored: ScoredFrame) -> float:
        """Segment a frame and return the share of its pixels that both give the same class."""
        frame = scored.frame
        result = self._segmenter.process(frame.rgb(self._image_type), frame.stamp_ns)
        return self.agreement.update(frame.stamp_ns, scored.mask, result.mask)

    def summary(self) -> dict:
        """Return the agreement and which model the second was."""
        model = self._backend.model
        return {'model': str(model.path), 'model_sha256': model.sha256,
                'backend': self._backend.name, **self.agreement.summary()}
