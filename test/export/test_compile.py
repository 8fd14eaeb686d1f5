"""A network straight from the exporter compiles with TensorRT."""

import numpy as np
import onnxruntime
import pytest

from road_seg.backends.model_file import ModelFile
from road_seg.backends.tensorrt_engine import build_engine
from road_seg.backends.tensorrt_engine import engine_key
from road_seg.backends.tensorrt_graph import prepare


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_an_exported_network_compiles(float_model: ModelFile, precision: str) -> None:
    trt = pytest.importorskip('tensorrt_rtx', reason='needs tensorrt_rtx')
    key = engine_key(float_model, trt, precision, 'sm_86')
    assert build_engine(trt, float_model, key, lambda text: True).startswith(b'vtrt')


def test_fp16_keeps_the_classes(float_model: ModelFile) -> None:
    image = np.random.default_rng(0).integers(
        0, 256, (1, float_model.height, float_model.width, 3), np.uint8)
    expected, found = (
        onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider']).run(
            ['classes'], {'image': image})[0]
        for model in (str(float_model.path), prepare(float_model.path, 'fp16')))
    assert np.mean(expected == found) >= 0.999
