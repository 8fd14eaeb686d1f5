"""Export of a checkpoint to ONNX with embedded metadata and a parity gate."""

from collections.abc import Callable
import json
import logging
import os
from pathlib import Path
import subprocess
import warnings

import cv2
import numpy as np
import onnx
import torch

from road_seg.backends import open_backend
from road_seg.backends.model_file import FORMAT_VERSION
from road_seg.backends.model_file import ModelFile
from road_seg.backends.model_file import read_model
from road_seg.errors import ModelError
from road_seg.export.byte_network import ByteNetwork
from road_seg.files import atomic_write
from road_seg.labels import LabelMap
from road_seg.training.checkpoint import Checkpoint

OUTPUTS = ('classes', 'drivable', 'confidence')
MAX_DISAGREEMENT = 0.001
_OPSET = 18


def export(checkpoint: Checkpoint, out: Path, *,
           report: Callable[[str], None] = print) -> ModelFile:
    """
    Write the averaged weights of a checkpoint as one ONNX file.

    :param checkpoint: what `road-seg train` wrote.
    :param out: the file; it appears only if it passes the parity gate.
    :raises ModelError: ONNX Runtime and PyTorch disagree on more than 0.1 % of pixels.
    """
    labels = LabelMap.from_json(checkpoint.metadata['labels'])
    network = ByteNetwork(checkpoint.network(), labels).eval()
    height, width = checkpoint.metadata['input']
    with atomic_write(out) as temporary:
        _write_graph(network, temporary, height, width)
        _clean(temporary)
        set_metadata(temporary, {
            'road_seg.format': FORMAT_VERSION,
            'road_seg.labels': labels.to_json(),
            'road_seg.input': json.dumps({'height': height, 'width': width}),
            'road_seg.training': json.dumps({
                'data': checkpoint.metadata['data'], 'steps': checkpoint.step,
                'seconds': checkpoint.metadata['seconds'],
                'network': checkpoint.metadata['network']}),
            'road_seg.scores': json.dumps(checkpoint.metadata['scores']),
            'road_seg.commit': _commit()})
        worst = disagreement(network, read_model(temporary))
        if worst > MAX_DISAGREEMENT:
            raise ModelError(out, found=f'{worst:.2%} of pixels differ from PyTorch',
                             expected=f'at most {MAX_DISAGREEMENT:.1%}',
                             fix='report this with the versions `road-seg doctor` prints')
        report(f'parity with PyTorch: {worst:.4%} of pixels differ')
    return read_model(out)


def disagreement(network: ByteNetwork, model: ModelFile, frames: int = 4) -> float:
    """
    Return the largest share of pixels, over generated frames, whose classes differ.

    :param network: the reference.
    :param model: its exported file, run by ONNX Runtime.
    """
    rng = np.random.default_rng(0)
    worst = 0.0
    with open_backend(model, 'onnxruntime') as backend, torch.no_grad():
        for _ in range(frames):
            coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
            image = cv2.resize(coarse, (model.width, model.height),
                               interpolation=cv2.INTER_CUBIC)
            expected = network(torch.from_numpy(image)[None])[0][0].numpy()
            worst = max(worst, float(np.mean(expected != backend.infer(image).classes)))
    return worst


def _write_graph(network: ByteNetwork, path: Path, height: int, width: int) -> None:
    image = torch.zeros(1, height, width, 3, dtype=torch.uint8)
    logging.getLogger('torch.onnx').setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # The exporter warns of its own deprecated calls, which a user can do nothing about.
        warnings.simplefilter('ignore')
        torch.onnx.export(network, (image,), path, input_names=['image'], dynamo=True,
                          output_names=list(OUTPUTS), opset_version=_OPSET,
                          external_data=False, verbose=False)


def set_metadata(path: Path, properties: dict[str, str]) -> None:
    """Replace the metadata of an ONNX file, which must be well-formed."""
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, properties)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def _clean(path: Path) -> None:
    """Remove the exporter's notes: stack traces with paths of the build machine."""
    model = onnx.load(path)
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ''
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    onnx.save(model, path)


def _commit() -> str:
    """Return the source commit the package runs from, or `unknown` outside a checkout."""
    found = subprocess.run(('git', 'rev-parse', 'HEAD'), cwd=os.path.dirname(__file__),
                           capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else 'unknown'
