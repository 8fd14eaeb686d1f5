"""What doctor finds, and how it takes what is missing or broken."""

import json
from pathlib import Path
import sys

import pytest

from road_seg import doctor
from road_seg.cli.main import main
from road_seg.doctor import Check
from road_seg.doctor import examine
from road_seg.doctor import main_job_works


@pytest.fixture
def shipped(tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ship a tiny model."""
    monkeypatch.setattr('road_seg.backends.default_model', lambda: tiny_model_path)


def _by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


@pytest.mark.usefixtures('shipped', 'no_gpu')
def test_main_job_works_where_the_tests_run() -> None:
    checks = examine()
    found = _by_name(checks)
    assert main_job_works(checks)
    assert [check.name for check in checks if check.is_needed] == [
        'Python', 'NumPy', 'OpenCV', 'ROS 2', 'messages', 'backends', 'model', 'inference']
    assert found['ROS 2'].found.startswith('a node started on rmw_')
    assert found['model'].found == (
        'tiny.onnx, 96x64, background, road, sidewalk, vehicle, person')
    assert found['inference'].found == 'a frame went through openvino'
    assert found['MP4 video'].works
    assert all(check.works or check.fix for check in checks)


def test_missing_model_ends_the_main_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                         capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr('road_seg.backends.default_model', lambda: tmp_path / 'none.onnx')
    assert main(['doctor', '--json', str(tmp_path / 'doctor.json')]) == 1
    printed = capsys.readouterr().out
    assert f'FAIL model       {tmp_path}/none.onnx: found no such file' in printed
    assert printed.endswith('The main job does NOT work here (road_seg 0.1.0).\n')
    written = json.loads((tmp_path / 'doctor.json').read_text(encoding='utf-8'))
    assert written['main_job_works'] is False
    assert {check['name']: check['works'] for check in written['checks']}['model'] is False


@pytest.mark.usefixtures('shipped', 'no_gpu')
@pytest.mark.parametrize(('module', 'name', 'found'), [
    ('cv2', 'OpenCV', 'cv2 is not installed'),
    ('rclpy', 'ROS 2', 'rclpy is not installed'),
    ('nav_msgs.msg', 'messages', 'nav_msgs.msg is not installed'),
])
def test_missing_package_is_named(module: str, name: str, found: str,
                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, 'road_seg.ros.check', raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    checks = examine()
    assert _by_name(checks)[name].found == found
    assert _by_name(checks)[name].fix
    assert not main_job_works(checks)


@pytest.mark.usefixtures('shipped', 'no_gpu')
def test_a_middleware_that_fails_or_hangs_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv('RMW_IMPLEMENTATION', 'rmw_none')
        assert 'rmw_none' in _by_name(examine())['ROS 2'].found
    monkeypatch.setattr(doctor, '_NODE_TIMEOUT_S', 0.01)
    found = _by_name(examine())['ROS 2']
    assert not found.works
    assert found.found == 'a node did not start and stop in 0.01 s'


@pytest.mark.usefixtures('shipped', 'no_gpu')
def test_one_backend_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'openvino', None)
    found = _by_name(examine())
    assert found['backends'].found.startswith('onnxruntime; tensorrt cannot be used: ')
    assert '; openvino not installed' in found['backends'].found
    assert found['inference'].found == 'a frame went through onnxruntime'


@pytest.mark.usefixtures('shipped', 'no_gpu')
def test_a_library_that_breaks_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(module: str) -> str:
        raise OSError(f'lib{module}.so:\n  cannot open shared object file')

    monkeypatch.setattr(doctor, '_version', broken)
    found = _by_name(examine())
    assert found['OpenCV'].found == 'libcv2.so: cannot open shared object file'
    assert not found['OpenCV'].works


@pytest.mark.usefixtures('shipped', 'no_gpu')
def test_prints_a_fix_below_what_is_missing(monkeypatch: pytest.MonkeyPatch,
                                            capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setitem(sys.modules, 'rosbags', None)
    assert main(['doctor']) == 0
    lines = capsys.readouterr().out.splitlines()
    row = lines.index('  -    rosbags     not installed')
    assert lines[row + 1] == f'{"":<19}-> for demo, sample and replay; pip install rosbags'
    assert lines[-1] == 'The main job works here (road_seg 0.1.0).'
