"""What the TensorRT backend takes, in which order, and what it gives back."""

import logging
from pathlib import Path
from threading import Thread
import time

import fake_tensorrt
from fake_tensorrt import FakeCuda
from fake_tensorrt import FakeTensorRt
import numpy as np
import onnx
import pytest
from tiny_model import expected_classes
from together import exit_statuses

from road_seg.backends import ModelFile
from road_seg.backends import read_model
from road_seg.backends.cuda import CudaStream
from road_seg.backends.engine_cache import cache_folder
from road_seg.backends.engine_cache import EngineCache
from road_seg.backends.tensorrt_backend import TensorRtBackend
from road_seg.backends.tensorrt_engine import engine_key
from road_seg.errors import BackendError

IMAGE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
FRAME = ['cudaMemcpyAsync', 'cudaMemcpyAsync', 'cudaMemcpyAsync', 'cudaMemcpyAsync']


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[FakeCuda, FakeTensorRt]:
    """Put a GPU with TensorRT into the process."""
    return fake_tensorrt.install(monkeypatch, tmp_path)


@pytest.fixture
def model(tiny_model_path: Path) -> ModelFile:
    """Return the tiny model."""
    return read_model(tiny_model_path)


def test_the_order_of_the_calls(fakes: tuple[FakeCuda, FakeTensorRt], model: ModelFile) -> None:
    """A first run, its capture, then one launch a frame; all given back in reverse."""
    cuda, _ = fakes
    with TensorRtBackend(model) as backend:
        taken = [name for name in cuda.calls if name in (
            'cudaStreamCreateWithFlags', 'cudaHostRegister', 'cudaMalloc')]
        assert taken == ['cudaStreamCreateWithFlags', *['cudaHostRegister', 'cudaMalloc'] * 4]
        rest = cuda.calls[len(taken):]
        assert rest[:13] == [*FRAME, 'cudaStreamSynchronize', 'cudaStreamBeginCapture', *FRAME,
                             'cudaStreamEndCapture', 'cudaGraphInstantiate', 'cudaGraphDestroy']
        assert rest[13:] == ['cudaGraphLaunch', 'cudaStreamSynchronize'] * 3  # parity, first run
        cuda.calls.clear()
        backend.infer(IMAGE)
        assert cuda.calls == ['cudaGraphLaunch', 'cudaStreamSynchronize']
        cuda.calls.clear()
    assert cuda.calls == ['cudaGraphExecDestroy', *['cudaFree', 'cudaHostUnregister'] * 4,
                          'cudaStreamDestroy']
    assert cuda.holds_nothing


def test_an_answer_outlives_the_backend(fakes: tuple[FakeCuda, FakeTensorRt],
                                        model: ModelFile) -> None:
    with TensorRtBackend(model) as backend:
        prediction = backend.infer(IMAGE)
    np.testing.assert_array_equal(prediction.classes, expected_classes(IMAGE))


def test_an_engine_that_cannot_be_captured_runs_without_a_graph(
        fakes: tuple[FakeCuda, FakeTensorRt], model: ModelFile,
        monkeypatch: pytest.MonkeyPatch) -> None:
    cuda, _ = fakes
    monkeypatch.setattr(fake_tensorrt._Context, 'is_stream_capturable',
                        lambda self, handle: False, raising=False)
    with TensorRtBackend(model) as backend:
        cuda.calls.clear()
        prediction = backend.infer(IMAGE)
        assert cuda.calls == [*FRAME, 'cudaStreamSynchronize']
    np.testing.assert_array_equal(prediction.classes, expected_classes(IMAGE))
    assert cuda.holds_nothing


def test_runs_in_a_worker_thread(fakes: tuple[FakeCuda, FakeTensorRt], model: ModelFile) -> None:
    answers = []
    with TensorRtBackend(model) as backend:
        thread = Thread(target=lambda: answers.append(backend.infer(IMAGE).classes.copy()))
        thread.start()
        thread.join()
    np.testing.assert_array_equal(answers[0], expected_classes(IMAGE))


@pytest.mark.parametrize('call', [
    'cudaStreamCreateWithFlags', 'cudaHostRegister', 'cudaMalloc', 'cudaMemcpyAsync',
    'cudaStreamSynchronize', 'cudaStreamBeginCapture', 'cudaGraphInstantiate', 'cudaGraphLaunch'])
def test_a_cuda_error_is_told_and_everything_given_back(
        fakes: tuple[FakeCuda, FakeTensorRt], model: ModelFile, call: str) -> None:
    cuda, _ = fakes
    cuda.failing = {call}
    backend = TensorRtBackend(model)
    with pytest.raises(BackendError, match=f'{call}: out of memory'):
        backend.activate()
    assert cuda.holds_nothing
    cuda.failing = set()
    with backend:
        assert backend.infer(IMAGE).classes.shape == (64, 96)


def test_the_engine_is_kept(fakes: tuple[FakeCuda, FakeTensorRt], model: ModelFile) -> None:
    _, trt = fakes
    for _ in range(3):
        with TensorRtBackend(model):
            pass
    assert trt.builds == 1


def _run(model: ModelFile) -> None:
    with TensorRtBackend(model) as backend:
        np.testing.assert_array_equal(backend.infer(IMAGE).classes, expected_classes(IMAGE))


def test_processes_that_start_together_build_the_engine_once_and_all_run_it(
        fakes: tuple[FakeCuda, FakeTensorRt], model: ModelFile, tmp_path: Path) -> None:
    def note_and_wait() -> None:
        with (tmp_path / 'builds').open('a', encoding='utf-8') as file:
            file.write('x')
        time.sleep(0.5)

    fakes[1].amid_build = note_and_wait
    assert exit_statuses(3, _run, model) == [0, 0, 0]
    assert (tmp_path / 'builds').read_text(encoding='utf-8') == 'x'


def test_an_engine_that_cannot_be_kept_is_used(
        fakes: tuple[FakeCuda, FakeTensorRt], model: ModelFile, tmp_path: Path) -> None:
    _, trt = fakes
    blocked = EngineCache(cache_folder()).path(engine_key(model, trt))
    blocked.mkdir(parents=True)  # the disk takes the lock and not the engine
    with TensorRtBackend(model) as backend:
        np.testing.assert_array_equal(backend.infer(IMAGE).classes, expected_classes(IMAGE))
        assert f'compiled at every start: {blocked.parent}: found a folder' in backend.warning
    assert trt.builds == 1
    blocked.rmdir()
    with backend:
        assert backend.warning == ''
    assert trt.builds == 2


def test_an_engine_that_does_not_load_is_built_again(
        fakes: tuple[FakeCuda, FakeTensorRt], model: ModelFile,
        caplog: pytest.LogCaptureFixture) -> None:
    """Its hash is right, but another driver or library wrote it."""
    _, trt = fakes
    trt.compile = lambda content: b'of an older driver' if trt.builds == 1 else content
    with caplog.at_level(logging.WARNING), TensorRtBackend(model) as backend:
        np.testing.assert_array_equal(backend.infer(IMAGE).classes, expected_classes(IMAGE))
    assert trt.builds == 2
    assert 'is built again: tensorrt cannot load it: ' in caplog.text


def test_an_engine_that_never_loads_is_an_error(fakes: tuple[FakeCuda, FakeTensorRt],
                                                model: ModelFile) -> None:
    cuda, trt = fakes
    trt.compile = lambda content: b'damaged'
    with pytest.raises(BackendError, match='no engine that loads'):
        TensorRtBackend(model).activate()
    assert trt.builds == 2
    assert cuda.holds_nothing


def _with_other_classes(content: bytes) -> bytes:
    """Return a graph that divides red by another number."""
    graph = onnx.load_from_string(content)
    for tensor in graph.graph.initializer:
        if tensor.name == 'step':
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.float32(33.0), 'step'))
    return graph.SerializeToString()


def test_an_engine_with_other_answers_is_refused(fakes: tuple[FakeCuda, FakeTensorRt],
                                                 model: ModelFile) -> None:
    cuda, trt = fakes
    trt.compile = _with_other_classes
    with pytest.raises(BackendError, match=r'parity with ONNX Runtime: found 9\d\.\d+% of the '
                                           r'reference pixels with the same class; expected 99'):
        TensorRtBackend(model).activate()
    assert cuda.holds_nothing


def test_the_binding_has_every_function_that_is_called() -> None:
    """The real one, where it is installed; a fake has only what is known to be called."""
    runtime = pytest.importorskip('cuda.bindings.runtime', reason='needs cuda-bindings')
    names = {name for method in vars(CudaStream).values() if hasattr(method, '__code__')
             for name in (*method.__code__.co_consts, *method.__code__.co_names)
             if str(name).startswith('cuda')}
    kinds = (runtime.cudaMemcpyKind, runtime.cudaStreamCaptureMode, runtime.cudaError_t)
    names -= {'cuda', 'cuda.bindings', *(name for kind in kinds for name in dir(kind))}
    assert len(names) > 16
    assert not [name for name in names if not hasattr(runtime, name)]


@pytest.mark.gpu
class TestOnAGpu:
    """What only a GPU can show."""

    def test_device_memory_is_given_back(self, model: ModelFile) -> None:
        from cuda.bindings import runtime
        with TensorRtBackend(model):
            pass  # libraries and kernels stay loaded after the first time
        _, before, _ = runtime.cudaMemGetInfo()
        for _ in range(5):
            with TensorRtBackend(model) as backend:
                backend.infer(IMAGE)
        _, after, _ = runtime.cudaMemGetInfo()
        assert after == before

    def test_the_shipped_model_passes_the_gate(self) -> None:
        from road_seg.backends import default_model
        shipped = read_model(default_model())
        with TensorRtBackend(shipped) as backend:
            image = np.zeros((shipped.height, shipped.width, 3), np.uint8)
            assert backend.infer(image).classes.shape == (shipped.height, shipped.width)
