"""Fixtures that several tests share."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from tiny_model import write_tiny_model

from road_seg.backends import Backend
from road_seg.backends import open_backend
from road_seg.backends import read_model

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


@pytest.fixture(scope='session')
def tiny_model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of a tiny model for images of 96 x 64."""
    return write_tiny_model(tmp_path_factory.mktemp('model') / 'tiny.onnx')


@pytest.fixture
def tiny_backend(tiny_model_path: Path) -> Iterator[Backend]:
    """Active ONNX Runtime backend with the tiny model."""
    with open_backend(read_model(tiny_model_path), 'onnxruntime', threads=1) as backend:
        yield backend
