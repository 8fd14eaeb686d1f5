"""A whole replay: a bag through the player, into an output bag, a report and a summary."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextlib import nullcontext
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
import platform

import cv2
import numpy as np

from road_seg import __version__
from road_seg.backends import ModelFile
from road_seg.bags.drive import Drive
from road_seg.bags.drive import TRUTH_TOPIC
from road_seg.bags.reader import BagReader
from road_seg.bags.sample import CAMERA_KEY
from road_seg.bags.sample import labels_of
from road_seg.bags.sample import SOURCE_KEY
from road_seg.bags.truth import open_truth
from road_seg.bags.writer import BagWriter
from road_seg.bags.writer import check_bag_target
from road_seg.bags.writer import create_bag
from road_seg.errors import InputError
from road_seg.labels import LabelMap
from road_seg.parameters import Parameters
from road_seg.replay.evaluate import evaluate
from road_seg.replay.evaluate import Evaluation
from road_seg.replay.evaluate import ScoredFrame
from road_seg.replay.examination import Questions
from road_seg.replay.findings import findings
from road_seg.replay.gallery import Gallery
from road_seg.replay.machine import machine_facts
from road_seg.replay.player import Player
from road_seg.replay.report import Report
from road_seg.replay.scores import grid_summary
from road_seg.replay.scores import number
from road_seg.replay.scores import percentiles
from road_seg.replay.timeline import Timeline

# Of what the player tells about itself; its rates and durations would repeat the report's.
_SHOWN_INFO = ('backend', 'backends passed over', 'image', 'last error')
_BACKEND_PACKAGES = ('onnxruntime', 'openvino', 'tensorrt', 'tensorrt_rtx', 'torch')

OpenPlayer = Callable[[Drive], AbstractContextManager[Player]]


@dataclass(frozen=True)
class Replay:
    """
    What to replay and where the results go.

    :param bag: the recorded drive.
    :param model: the model the player runs; its classes give the ids their meaning.
    :param parameters: the node's; they say which recorded transforms count.
    :param report: folder of the report.
    :param outputs: bag of the answers; None keeps none.
    :param mode: how the frames are played, for people.
    :param image_topic: topic of the images; by default the only one in the bag.
    :param truth: folder or bag of the truth masks; by default they are in the bag itself.
    :param overwrite: replace an existing bag of answers, or capture.
    :param questions: what to look at beside the scores.
    """

    bag: Path
    model: ModelFile
    parameters: Parameters
    report: Path
    outputs: Path | None
    mode: str
    image_topic: str | None = None
    truth: Path | None = None
    overwrite: bool = False
    questions: Questions = Questions()  # noqa: RUF009 (frozen)

    def run(self, open_player: OpenPlayer,
            progress: Callable[[int, int], None] = lambda done, total: None) -> dict:
        """
        Replay; write the answers and the report.

        :param open_player: makes the player of a drive; entering it starts it.
        :param progress: called after each frame with the numbers of frames done and in all.
        :return: the summary, as `replay --json` writes it.
        :raises RoadSegError: the bag is unusable, a frame got no answer, or a place is taken.
        """
        if self.outputs:
            check_bag_target(self.outputs, self.overwrite)
        uses_tf = self.parameters.extrinsics_source != 'parameters'
        with BagReader(self.bag) as reader, open_truth(self.truth, TRUTH_TOPIC) as truth:
            drive = Drive(reader, self.image_topic, truth=truth,
                          base_frame=self.parameters.base_frame if uses_tf else None)
            check_labels(self.bag, labels_of(reader.custom), self.model.labels)
            gallery = Gallery(drive.frame_count, drive.image_type, self.model.labels)
            timeline = Timeline(self.model.labels)
            asked = self.questions.examine(reader, drive, self.model.labels, self.parameters,
                                           overwrite=self.overwrite)
            with (asked as examination, open_player(drive) as player,
                  self._open_outputs() as outputs):

                def observe(scored: ScoredFrame) -> None:
                    gallery.add(scored)
                    timeline.add(scored)
                    examination.look(scored)

                evaluation = evaluate(
                    drive, player, self.model.labels, outputs, observe=observe,
                    progress=lambda done: progress(done, drive.frame_count))
                info = dict(player.info)
            facts = self._facts(drive, reader.custom, info)
            source = reader.custom.get(SOURCE_KEY, 'not recorded in the bag')
        found = examination.summary()
        Report(self.bag.name, source, self.mode, evaluation, timeline, gallery, facts,
               tuple(findings(found))).write(self.report)
        return {**self._summary(evaluation, info), **found,
                'health': timeline.health.summary()}

    def _open_outputs(self) -> AbstractContextManager[BagWriter | None]:
        return create_bag(self.outputs, overwrite=self.overwrite) if self.outputs else (
            nullcontext())

    def _facts(self, drive: Drive, custom: dict[str, str], info: dict) -> dict[str, str]:
        return {
            'bag': str(self.bag),
            'images': f'{drive.image_topic} ({drive.image_type})',
            'camera': custom.get(CAMERA_KEY, 'as recorded') if drive.info_topic else 'none',
            'model': str(self.model.path), 'model SHA-256': self.model.sha256,
            **{name: str(info[name]) for name in _SHOWN_INFO if name in info},
            'answers': str(self.outputs or 'not kept'),
            'versions': ', '.join(f'{name} {number}' for name, number in versions().items()),
            **machine_facts()}

    def _summary(self, evaluation: Evaluation, info: dict) -> dict:
        return {
            'bag': str(self.bag.absolute()), 'mode': self.mode, 'loss': evaluation.loss,
            **measured(evaluation),
            'frames_per_s': evaluation.frames / evaluation.duration_s,
            'model_sha256': self.model.sha256, 'backend': info.get('backend'),
            'versions': versions(),
            'outputs': str(self.outputs.absolute()) if self.outputs else None,
            'image_topic': self.image_topic, 'labels': self.model.labels.to_json(),
            'labelled': labelled(evaluation)}


def measured(evaluation: Evaluation) -> dict:
    """Return what was measured, as `replay --json` writes it."""
    scores = evaluation.scores
    return {
        'frames': evaluation.frames, 'dropped': evaluation.dropped,
        'labelled_frames': scores.frames, 'grids': evaluation.grids,
        'miou': scores.miou, 'iou': scores.iou, 'boundary_f1': scores.boundary_f1,
        'ece': scores.ece, 'flicker': number(scores.flicker.share()),
        'latency_ms': {stage: percentiles(values)
                       for stage, values in evaluation.latency_ms.items()},
        'grid': grid_summary(evaluation.grid_scores)}


def labelled(evaluation: Evaluation) -> list[dict]:
    """Return the counts of each frame with truth, which `road-seg compare` resamples."""
    return [{'stamp_ns': stamp_ns, 'counts': counts.tolist()}
            for stamp_ns, counts in evaluation.labelled]


def check_labels(bag: Path, truth: LabelMap | None, model: LabelMap) -> None:
    """Refuse to score a bag whose truth has other classes than the model."""
    if truth and truth.names != model.names:
        raise InputError(bag, found=f'truth of the classes {", ".join(truth.names)}',
                         expected=f"the model's classes {', '.join(model.names)}",
                         fix='use a model trained on the classes of the truth')


def versions() -> dict[str, str]:
    """Return the versions of what took part."""
    found = {'road_seg': __version__, 'python': platform.python_version(),
             'numpy': np.__version__, 'opencv': cv2.__version__}
    for distribution in metadata.distributions():
        if distribution.name in _BACKEND_PACKAGES:
            found[distribution.name] = distribution.version
    return found
