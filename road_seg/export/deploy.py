"""The last steps to a model file: INT8, temperature, scores, and the gate they must pass."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Sequence
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx

from road_seg.backends import open_backend
from road_seg.backends.model_file import ModelFile
from road_seg.backends.model_file import read_model
from road_seg.errors import InputError
from road_seg.errors import ModelError
from road_seg.export.int8_search import Int8Search
from road_seg.export.labelled_set import LabelledSet
from road_seg.export.onnx_export import export
from road_seg.export.onnx_export import set_metadata
from road_seg.export.temperature import fit_temperature
from road_seg.export.temperature import set_temperature
from road_seg.files import atomic_write
from road_seg.replay.dataset import score_samples
from road_seg.replay.scores import MaskScores
from road_seg.training.checkpoint import Checkpoint

MAX_LOSS = 0.005
QUANTIZATION = 'road_seg.quantization'
TEMPERATURE = 'road_seg.temperature'

Report = Callable[[str], None]
# Adapter, folder and split, as typed.
SetName = Sequence[str]


def export_model(source: Path, out: Path, validate: Sequence[SetName] = (), *,
                 calibrate: Sequence[SetName] = (), images: int = 300,
                 keep_float: Collection[str] = (), report: Report = print) -> ModelFile:
    """
    Write a checkpoint or a float ONNX model as the model file that is deployed.

    :param source: what `road-seg train` wrote, or an exported float model (`.onnx`).
    :param validate: adapter, folder and split of each set that calibrates and judges; with none
        the network is written as it is.
    :param calibrate: the same of the sets whose images give INT8 ranges; with none it stays
        float.
    :raises RoadSegError: a file or set is unusable, or the model fails a gate.
    """
    with TemporaryDirectory() as folder:
        model = None
        if source.suffix != '.onnx':
            target = Path(folder) / 'float.onnx' if validate else out
            model = export(Checkpoint.load(source), target, report=report)
        elif not validate:
            raise InputError(source, found='an exported model already', fix='add --validate',
                             expected='a checkpoint, or data sets to calibrate it on')
        model = model or read_model(source)
        if not validate:
            return model
        return deploy(model, out, [LabelledSet.open(*name, model) for name in validate],
                      calibration=[LabelledSet.open(*name, model) for name in calibrate],
                      images=images, keep_float=keep_float, report=report)


def deploy(source: ModelFile, out: Path, validation: Sequence[LabelledSet], *,
           calibration: Sequence[LabelledSet] = (), images: int = 300,
           keep_float: Collection[str] = (), report: Report = print) -> ModelFile:
    """
    Write a float model with a fitted temperature and its scores, on request as INT8.

    :param source: the float model.
    :param out: the file; it appears only if it passes the gate.
    :param validation: sets that fit the temperature, are scored and hold the gate.
    :param calibration: sets whose images calibrate an INT8 model; none: the model stays float.
    :param images: number of calibration images.
    :param keep_float: names of layers that INT8 leaves alone.
    :param report: takes a line for each step.
    :raises ModelError: an INT8 model loses more than 0.005 mIoU on a validation set.
    """
    if QUANTIZATION in source.metadata:
        raise ModelError(source.path, found='an INT8 model', expected='a float one',
                         fix='start from the checkpoint')
    graph = onnx.load(source.path)
    metadata = dict(source.metadata)
    if calibration:
        search = Int8Search(graph, source, calibration, images, keep_float)
        graph = search.best(report)
        metadata[QUANTIZATION] = json.dumps(search.facts)
    temperature = fit_temperature(graph, source, validation)
    set_temperature(graph, temperature)
    metadata[TEMPERATURE] = json.dumps(
        {'value': temperature, 'data': [labelled.name for labelled in validation]})
    report(f'temperature {temperature:.3f}')
    with atomic_write(out) as temporary:
        onnx.save(graph, temporary)
        set_metadata(temporary, metadata)
        scores = _score(read_model(temporary), validation, report)
        if calibration:
            _gate(out, search, _score(source, validation, report), scores)
        metadata['road_seg.scores'] = json.dumps({
            name: {'iou': score.iou, 'miou': score.miou, 'ece': score.ece}
            for name, score in scores.items()})
        set_metadata(temporary, metadata)
    return read_model(out)


def _score(model: ModelFile, sets: Sequence[LabelledSet], report: Report) -> dict[str, MaskScores]:
    with open_backend(model) as backend:
        scores = {labelled.name: score_samples(labelled.adapter, labelled.samples, backend)
                  for labelled in sets}
    kind = 'INT8' if QUANTIZATION in model.metadata else 'float'
    for name, score in scores.items():
        report(f'{kind} on {name}: mIoU {score.miou:.4f}, calibration error {score.ece:.4f}')
    return scores


def _gate(out: Path, search: Int8Search, before: dict[str, MaskScores],
          after: dict[str, MaskScores]) -> None:
    """Refuse an INT8 model that lost too much."""
    losses = {name: before[name].miou - after[name].miou for name in after}
    worst = max(losses, key=losses.get)
    if losses[worst] > MAX_LOSS:
        layer = search.worst_layer()
        raise ModelError(
            out, found=f'INT8 loses {losses[worst]:.4f} mIoU on {worst}',
            expected=f'at most {MAX_LOSS}',
            fix=f'keep the layer that loses most in float: --keep-float {layer}')
