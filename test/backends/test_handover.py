"""A stand-in serves until the wanted backend is ready, and after it failed."""

from collections.abc import Iterator
import os
from pathlib import Path
from threading import active_count
from threading import Event
from threading import get_native_id
import time

import numpy as np
import pytest
from tiny_model import expected_classes

from road_seg.backends import Backend
from road_seg.backends import ModelFile
from road_seg.backends import Prediction
from road_seg.backends import read_model
from road_seg.backends import Service
from road_seg.backends.handover import Handover
from road_seg.backends.onnxruntime_backend import OnnxRuntimeBackend
from road_seg.errors import BackendError

IMAGE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
GPU_CLASS = 3  # what SlowGpu answers everywhere
TIMEOUT_S = 20.0


class SlowGpu(Backend):
    """A backend that becomes ready when it is told to."""

    name = 'gpu'
    package = 'numpy'
    is_slow_to_start = True

    def __init__(self, model: ModelFile) -> None:
        super().__init__(model)
        self.may_start = Event()
        self.refusal: Exception | None = None
        self.fault: Exception | None = None
        self.holds_memory = False
        self.niceness = 0

    def _activate(self) -> None:
        self.holds_memory = True
        self.niceness = os.getpriority(os.PRIO_PROCESS, get_native_id())
        while not self.may_start.wait(0.01):
            if not self.report('building'):
                raise BackendError('engine', found='ended', expected='an engine', fix='wait')
        if self.refusal:
            raise self.refusal

    def _infer(self, image: np.ndarray) -> Prediction:
        if self.fault:
            raise self.fault
        answer = np.full(image.shape[:2], GPU_CLASS, np.uint8)
        return Prediction(answer, answer, answer)

    def _deactivate(self) -> None:
        self.holds_memory = False


@pytest.fixture
def model(tiny_model_path: Path) -> ModelFile:
    """Return the tiny model."""
    return read_model(tiny_model_path)


@pytest.fixture
def told() -> list[Service]:
    """Return what the backend told so far."""
    return []


@pytest.fixture
def gpu(model: ModelFile) -> SlowGpu:
    """Return the wanted backend."""
    return SlowGpu(model)


@pytest.fixture
def served(model: ModelFile, gpu: SlowGpu, told: list[Service]) -> Iterator[Backend]:
    """Return the active pair."""
    before = active_count()
    with Handover(gpu, OnnxRuntimeBackend(model, threads=1), told.append) as backend:
        yield backend
    assert active_count() == before
    assert not gpu.holds_memory


def _is_from_gpu(prediction: Prediction) -> bool:
    if (prediction.classes == GPU_CLASS).all():
        return True
    np.testing.assert_array_equal(prediction.classes, expected_classes(IMAGE))
    return False


def _infer_until(backend: Backend, condition: object) -> list[bool]:
    """Infer again and again; return who answered, and fail if the condition does not come."""
    answers = []
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline
        answers.append(_is_from_gpu(backend.infer(IMAGE)))
    return answers


def test_every_frame_is_answered_during_the_switch(served: Backend, gpu: SlowGpu,
                                                   told: list[Service]) -> None:
    answers = [_is_from_gpu(served.infer(IMAGE)) for _ in range(5)]
    assert answers == [False] * 5
    assert served.name == 'onnxruntime'
    assert told[-1].note.startswith('onnxruntime serves while gpu gets ready: ')
    assert not told[-1].is_settled
    gpu.may_start.set()
    answers = _infer_until(served, lambda: served.name == 'gpu')
    assert gpu.niceness > os.getpriority(os.PRIO_PROCESS, get_native_id())
    assert answers == sorted(answers)  # first the stand-in, then the GPU alone
    assert _is_from_gpu(served.infer(IMAGE))
    assert told[-1] == Service('gpu', '', is_settled=True)


@pytest.mark.parametrize('refusal', [
    BackendError('parity with ONNX Runtime', found='97 %', expected='99 %', fix='recompile'),
    RuntimeError('cudaMalloc: out of\nmemory'),
])
def test_a_refused_engine_leaves_the_stand_in_serving(
        served: Backend, gpu: SlowGpu, told: list[Service], refusal: Exception) -> None:
    gpu.refusal = refusal
    gpu.may_start.set()
    answers = _infer_until(served, lambda: told[-1].is_settled)
    assert not any(answers)
    assert told[-1].backend == 'onnxruntime'
    assert told[-1].note.startswith('onnxruntime serves: gpu refused: ')
    assert str(refusal).split()[-1] in told[-1].note
    assert not _is_from_gpu(served.infer(IMAGE))
    assert not gpu.holds_memory


def test_a_gpu_that_fails_amid_a_drive_costs_no_frame(served: Backend, gpu: SlowGpu,
                                                      told: list[Service]) -> None:
    gpu.may_start.set()
    _infer_until(served, lambda: served.name == 'gpu')
    gpu.fault = RuntimeError('cudaGraphLaunch: unspecified launch failure')
    assert not _is_from_gpu(served.infer(IMAGE))
    assert told[-1] == Service(
        'onnxruntime', 'onnxruntime serves: gpu failed: RuntimeError: cudaGraphLaunch: '
        'unspecified launch failure', is_settled=True)
    assert not gpu.holds_memory
    assert not _is_from_gpu(served.infer(IMAGE))


def test_deactivate_ends_a_build(model: ModelFile, gpu: SlowGpu, told: list[Service]) -> None:
    backend = Handover(gpu, OnnxRuntimeBackend(model, threads=1), told.append)
    for _ in range(2):
        backend.activate()
        backend.deactivate()
        assert not gpu.holds_memory
        assert not any(service.is_settled for service in told)
    with pytest.raises(BackendError, match='infer before activate'):
        backend.infer(IMAGE)


def test_a_stand_in_that_cannot_start_is_an_error(gpu: SlowGpu, told: list[Service],
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Handover(gpu, OnnxRuntimeBackend(gpu.model), told.append)
    monkeypatch.setattr(OnnxRuntimeBackend, 'unavailable', lambda self: 'not installed')
    with pytest.raises(BackendError, match='backend onnxruntime: found not installed'):
        backend.activate()
    assert not gpu.holds_memory
