"""Truth for unlabelled pictures: what networks are sure of."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from road_seg.bags.sources import Source
from road_seg.bags.sources import SourceFrame
from road_seg.data.folder import create_data_set
from road_seg.errors import BackendError
from road_seg.errors import InputError
from road_seg.labels import LabelMap
from road_seg.labels import UNLABELLED
from road_seg.pipeline import Segmenter

# Ids of the masks, as config/datasets/pseudo_road.yaml maps them.
OTHER, ROAD, KERB = 0, 1, 2
# What a model of this project calls it.
_MODEL_IDS = {'background': 3, 'road': ROAD, 'sidewalk': 4, 'vehicle': 5, 'person': 6}
# What the teacher's anything but road and its kerb may be.
_KINDS = {OTHER: (3, 4, 5, 6), KERB: (3, 4)}
# Channels of road-segmentation-adas-0001: background, road, kerb, lane mark.
_TEACHER_IDS = (OTHER, ROAD, KERB, ROAD)
_SURE = 0.9
_SURE_MODEL = 0.8
_JPEG_QUALITY = 92


class Teacher:
    """
    Open Model Zoo's road-segmentation-adas-0001 (Apache-2.0), run with OpenVINO.

    :param path: its OpenVINO IR file (.xml).
    :raises InputError: the file is missing or has other inputs or outputs.
    :raises BackendError: OpenVINO is not installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            import openvino
        except ImportError as error:
            raise BackendError('openvino', found='not installed', expected='it for the teacher',
                               fix='pip install openvino') from error
        try:
            self._model = openvino.Core().compile_model(path, 'CPU')
            _, channels, self._height, self._width = self._model.input().shape
            outputs = self._model.output().shape[1]
        except (RuntimeError, ValueError) as error:
            raise InputError(path, found=' '.join(str(error).split())[:200],
                             expected='road-segmentation-adas-0001.xml with its .bin',
                             fix='correct the path') from error
        if (channels, outputs) != (3, len(_TEACHER_IDS)):
            raise InputError(path, found=f'{channels} input and {outputs} output channels',
                             expected='3 and 4, as road-segmentation-adas-0001 has',
                             fix='name that model')

    def label(self, rgb: np.ndarray) -> np.ndarray:
        """
        Return the mask of what the teacher is sure of.

        :param rgb: (H, W, 3) uint8.
        :return: (H, W) uint8: OTHER, ROAD, KERB, or 255 where it is not sure.
        """
        bgr = cv2.resize(rgb, (self._width, self._height))[..., ::-1]
        blob = np.ascontiguousarray(bgr.transpose(2, 0, 1)[None], np.float32)
        probabilities = self._model(blob)[0][0].transpose(1, 2, 0)
        return sure_ids(cv2.resize(probabilities, rgb.shape[1::-1]))


def sure_ids(probabilities: np.ndarray) -> np.ndarray:
    """
    Return the ids of pixels whose probability is at least 0.9, and 255 elsewhere.

    :param probabilities: (H, W, 4) float, the teacher's channels.
    :return: (H, W) uint8.
    """
    ids = np.full(probabilities.shape[:2], UNLABELLED, np.uint8)
    for wanted in (OTHER, ROAD, KERB):
        channels = [channel for channel, meaning in enumerate(_TEACHER_IDS) if meaning == wanted]
        ids[probabilities[..., channels].sum(axis=-1) >= _SURE] = wanted
    return ids


def model_ids(classes: np.ndarray, confidence: np.ndarray, labels: LabelMap) -> np.ndarray:
    """
    Return the ids of the classes of which a model is at least 80 % sure, and 255 elsewhere.

    :param classes: (H, W) uint8 class ids of the model.
    :param confidence: (H, W) uint8 its confidence, 0..255.
    :param labels: its classes.
    :return: (H, W) uint8.
    """
    table = np.full(256, UNLABELLED, np.uint8)
    table[:len(labels.names)] = [_MODEL_IDS.get(name, UNLABELLED) for name in labels.names]
    return np.where(confidence >= _SURE_MODEL * 255, table[classes], np.uint8(UNLABELLED))


def name_kinds(ids: np.ndarray, kinds: np.ndarray) -> None:
    """
    Say of what is not road to the teacher what it is.

    A class the teacher rules out (road, or a vehicle on the kerb) changes nothing.

    :param ids: (H, W) uint8 of the teacher, changed in place.
    :param kinds: (H, W) uint8 of `model_ids`.
    """
    for teacher_id, allowed in _KINDS.items():
        known = (ids == teacher_id) & np.isin(kinds, allowed)
        ids[known] = kinds[known]


def write_pseudo_labels(sources: list[tuple[str, Source]], every: int, out: Path, *,
                        teacher: Teacher | None = None, model: Segmenter | None = None,
                        progress: Callable[[int, int], None] = lambda done, total: None) -> int:
    """
    Write pictures and pseudo-labels as a data set for the adapter `pseudo_road`, split train.

    :param sources: a name for the files and the pictures, each.
    :param every: take each so manieth picture of a source.
    :param out: folder to make; nothing remains of it after an error.
    :param teacher: tells road from what is not; one of the two must be given.
    :param model: tells apart what is not road to the teacher (`name_kinds`), or without one all
        of its classes (`model_ids`); on an active backend.
    :param progress: called with the numbers of pictures read and in all.
    :return: pictures written.
    :raises RoadSegError: a source is unreadable or the folder cannot be made.
    """
    total, read, written = sum(source.count for _, source in sources), 0, 0
    with create_data_set(out, _JPEG_QUALITY) as add:
        for name, source in sources:
            for index, frame in enumerate(source.frames()):
                read += 1
                if index % every:
                    continue
                add(f'{name}_{index:06d}', frame.rgb, _label(frame, teacher, model))
                written += 1
                progress(read, total)
    return written


def _label(frame: SourceFrame, teacher: Teacher | None, model: Segmenter | None) -> np.ndarray:
    if not model:
        return teacher.label(frame.rgb)
    result = model.process(frame.rgb, frame.time_ns, with_confidence=True)
    kinds = model_ids(result.mask, result.confidence, model.labels)
    if not teacher:
        return kinds
    ids = teacher.label(frame.rgb)
    name_kinds(ids, kinds)
    return ids
