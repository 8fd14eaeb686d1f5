"""Calibrations from messages, files and field of view."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from road_seg.calibration import CameraInfo
from road_seg.errors import CalibrationError

YAML = """
# comment
image_width: 1280
image_height: 720
camera_name: front
camera_matrix: {rows: 3, cols: 3, data: [1155.9, 0.0, 672.2, 0.0, 1150.5, 388.6, 0.0, 0.0, 1.0]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [-0.2485, -0.0193, -0.0006, 0.0002, 0.0082]}
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]
projection_matrix: {rows: 3, cols: 4, data: [1155, 0, 672, 0, 0, 1150, 388, 0, 0, 0, 1, 0]}
"""


def test_file(tmp_path: Path) -> None:
    path = tmp_path / 'camera.yaml'
    path.write_text(YAML)
    assert CameraInfo.load(path) == CameraInfo(
        width=1280, height=720, distortion_model='plumb_bob',
        d=(-0.2485, -0.0193, -0.0006, 0.0002, 0.0082),
        k=(1155.9, 0.0, 672.2, 0.0, 1150.5, 388.6, 0.0, 0.0, 1.0),
        r=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        p=(1155.0, 0.0, 672.0, 0.0, 0.0, 1150.0, 388.0, 0.0, 0.0, 0.0, 1.0, 0.0))


@pytest.mark.parametrize(('text', 'message'), [
    (YAML.replace('camera_matrix', 'matrix'), "found no field 'camera_matrix'"),
    (YAML.replace('image_width: 1280', 'image_width: wide'), 'found a field that is no number'),
    (YAML.replace('[1155.9', '[.inf, x'), 'found a field that is no number'),
    (YAML.replace('{rows: 1', '{rows: ['), 'found no YAML'),
    ('', 'found a field that is no number'),
    ('just text', 'found a field that is no number'),
])
def test_wrong_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / 'camera.yaml'
    path.write_text(text)
    with pytest.raises(CalibrationError, match=rf'camera\.yaml: {message}') as caught:
        CameraInfo.load(path)
    assert '\n' not in str(caught.value)


def test_binary_file(tmp_path: Path) -> None:
    (tmp_path / 'camera.yaml').write_bytes(bytes(range(256)))
    with pytest.raises(CalibrationError, match='found no YAML'):
        CameraInfo.load(tmp_path / 'camera.yaml')


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r'none\.yaml: found No such file'):
        CameraInfo.load(tmp_path / 'none.yaml')


def test_message_with_arrays() -> None:
    message = SimpleNamespace(
        width=4, height=3, distortion_model='equidistant', d=np.array([0.1, 0.2, 0.3, 0.4]),
        k=np.arange(9.0), r=np.eye(3).ravel(), p=np.arange(12.0), binning_x=2, binning_y=1,
        roi=SimpleNamespace(x_offset=1, y_offset=2, height=3, width=4, do_rectify=False))
    info = CameraInfo.from_message(message)
    assert info.d == (0.1, 0.2, 0.3, 0.4)
    assert info.k == (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
    assert info.roi == (1, 2, 3, 4)
    assert (info.binning_x, info.binning_y) == (2, 1)
    assert hash(info) == hash(CameraInfo.from_message(message))


def test_nominal() -> None:
    info = CameraInfo.nominal(640, 480, 90.0)
    np.testing.assert_allclose(info.k, (320.0, 0, 319.5, 0, 320.0, 239.5, 0, 0, 1), rtol=1e-12)
    assert info.p == (info.k[0], 0.0, 319.5, 0.0, 0.0, info.k[0], 239.5, 0.0, 0.0, 0.0, 1.0, 0.0)
    assert (info.width, info.height, info.d) == (640, 480, (0.0,) * 5)


@pytest.mark.parametrize(('width', 'height', 'hfov_deg'), [
    (0, 480, 90.0), (640, -1, 90.0), (640, 480, 0.0), (640, 480, 180.0),
    (640, 480, float('nan'))])
def test_nominal_refuses(width: int, height: int, hfov_deg: float) -> None:
    with pytest.raises(CalibrationError, match='nominal calibration'):
        CameraInfo.nominal(width, height, hfov_deg)
