"""A model with a camera input answers as the one outside it is resized for."""

import cv2
import numpy as np
import pytest

from road_seg.backends import open_backend
from road_seg.backends.model_file import ModelFile
from road_seg.cli.main import main
from road_seg.errors import ModelError
from road_seg.export.camera_input import export_camera_input
from road_seg.pipeline import Segmenter


def frames(height: int, width: int) -> list[np.ndarray]:
    """Return smooth pictures of a size."""
    rng = np.random.default_rng(1)
    return [cv2.resize(rng.integers(0, 256, (5, 7, 3), dtype=np.uint8), (width, height),
                       interpolation=cv2.INTER_CUBIC) for _ in range(3)]


@pytest.mark.parametrize('size', [(64, 96), (72, 128), (128, 192), (300, 400)])
@pytest.mark.parametrize('name', ['onnxruntime', 'openvino'])
def test_it_sees_what_the_segmenter_shows_the_network(name, size, float_model: ModelFile,
                                                      tmp_path) -> None:
    """
    Only pixels on class borders may differ: their logits are interpolated, not repeated.

    The network is untrained and the pictures smooth, so borders are few.
    """
    if name == 'openvino':
        pytest.importorskip('openvino', reason='needs OpenVINO')
    model = export_camera_input(float_model, tmp_path / 'camera.onnx', *size)
    assert (model.height, model.width) == size
    with open_backend(float_model, name) as inner, open_backend(model, name) as outer:
        plain, camera = Segmenter(inner, None), Segmenter(outer, None)
        for frame in frames(*size):
            expected = plain.process(frame, 0, with_confidence=True)
            found = camera.process(frame, 0, with_confidence=True)
            assert np.mean(found.mask != expected.mask) < 0.05
            assert np.abs(found.confidence.astype(int) - expected.confidence).mean() < 2


def test_the_command_writes_it(float_model: ModelFile, tmp_path, capsys) -> None:
    out = tmp_path / 'camera.onnx'
    arguments = ['export', str(float_model.path), '--out', str(out), '--camera-size']
    assert main([*arguments, '128x72']) == 0
    assert 'input 72x128' in capsys.readouterr().out
    for wrong in ('128', '0x72', '128x123456', 'x'):
        with pytest.raises(SystemExit, match='2'):
            main([*arguments, wrong])
        assert f'{wrong}: expected WIDTHxHEIGHT' in capsys.readouterr().err


def test_a_camera_input_is_not_added_twice(float_model: ModelFile, tmp_path) -> None:
    model = export_camera_input(float_model, tmp_path / 'camera.onnx', 128, 192)
    with pytest.raises(ModelError, match='found a camera input'):
        export_camera_input(model, tmp_path / 'again.onnx', 256, 256)
