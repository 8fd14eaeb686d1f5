"""Fixtures that several tests share."""

from collections.abc import Iterator
from importlib.util import find_spec
import os
from pathlib import Path
import secrets

import pytest
from tiny_model import write_tiny_model

from road_seg.backends import Backend
from road_seg.backends import open_backend
from road_seg.backends import read_model
from road_seg.backends.gpu import Gpu
from road_seg.backends.tensorrt_backend import TensorRtBackend

NEED_TORCH = ('export', 'network', 'training')


class _SkippedModule(pytest.Module):
    def collect(self) -> list:
        pytest.skip('needs torch, which is not installed', allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path,
                                parent: pytest.Collector) -> pytest.Module | None:
    """Skip the tests of network, training and export where PyTorch is left out."""
    if module_path.parent.name in NEED_TORCH and find_spec('torch') is None:
        return _SkippedModule.from_parent(parent, path=module_path)
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a GPU where TensorRT cannot run, and say why."""
    if item.get_closest_marker('gpu') and (reason := TensorRtBackend.unavailable()):
        pytest.skip(f'needs TensorRT and an NVIDIA GPU; tensorrt {reason}')


@pytest.fixture(scope='session', autouse=True)
def ros_domain() -> int:
    """
    Give every run of the tests, and the processes it starts, a random ROS domain.

    Runs beside each other then do not meet. In domains 1 to 100 all ports lie below those that
    Linux hands out to clients (ROS 2 documentation, "The ROS_DOMAIN_ID").
    """
    domain = 1 + secrets.randbelow(100)
    os.environ['ROS_DOMAIN_ID'] = str(domain)
    return domain


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the GPU of a machine that has one."""
    def none() -> list[Gpu]:
        raise RuntimeError('no NVIDIA driver')

    for place in ('tensorrt_backend', 'tensorrt_engine'):
        monkeypatch.setattr(f'road_seg.backends.{place}.nvidia_gpus', none)


@pytest.fixture(scope='session')
def tiny_model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of a tiny model for images of 96 x 64."""
    return write_tiny_model(tmp_path_factory.mktemp('model') / 'tiny.onnx')


@pytest.fixture
def tiny_backend(tiny_model_path: Path) -> Iterator[Backend]:
    """Active ONNX Runtime backend with the tiny model."""
    with open_backend(read_model(tiny_model_path), 'onnxruntime', threads=1) as backend:
        yield backend
