"""TensorRT and the CUDA runtime without a GPU: engines are ONNX models, ONNX Runtime runs them."""

from collections.abc import Callable
import ctypes
from importlib.machinery import ModuleSpec
from pathlib import Path
import sys
from types import ModuleType
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest

from road_seg.backends.gpu import Gpu

GPU = Gpu('Fake GPU', 'sm_86')
OK, FAILED = 0, 2


class FakeCuda(ModuleType):
    """
    `cuda.bindings.runtime` with one stream whose work runs when it is waited for.

    It refuses what CUDA forbids: copies of memory that is not there or not pinned, waiting
    while capturing, giving back twice. `calls` are the names of the functions called.
    """

    cudaStreamNonBlocking = 1  # noqa: N815 (CUDA's names)
    cudaHostRegisterDefault = 0  # noqa: N815
    cudaMemcpyKind = SimpleNamespace(  # noqa: N815
        cudaMemcpyHostToDevice='in', cudaMemcpyDeviceToHost='out')
    cudaStreamCaptureMode = SimpleNamespace(  # noqa: N815
        cudaStreamCaptureModeThreadLocal=1)
    cudaError_t = SimpleNamespace(cudaSuccess=OK)  # noqa: N815

    def __init__(self) -> None:
        super().__init__('cuda.bindings.runtime')
        self.calls: list[str] = []
        self.device: dict[int, np.ndarray] = {}
        self.pinned: set[int] = set()
        self.streams: set[int] = set()
        self.graphs: dict[int, list] = {}
        self.failing: set[str] = set()
        self.capturing: list[Callable[[], None]] | None = None
        self._queue: list[Callable[[], None]] = []

    @property
    def holds_nothing(self) -> bool:
        """Whether all that was taken was given back."""
        return not (self.device or self.pinned or self.streams or self.graphs)

    def enqueue(self, work: Callable[[], None]) -> None:
        """Put work on the stream or into the graph that is being captured."""
        (self._queue if self.capturing is None else self.capturing).append(work)

    def __getattr__(self, name: str) -> Callable:
        if not name.startswith('cuda'):
            raise AttributeError(name)
        method = object.__getattribute__(self, f'_{name.removeprefix("cuda")}')

        def call(*arguments: object) -> tuple:
            self.calls.append(name)
            if name in self.failing:
                return (FAILED, None)
            value = method(*arguments)
            return (OK,) if value is None else (OK, value)

        return call

    def _GetErrorString(self, status: int) -> bytes:  # noqa: N802
        return b'out of memory'

    def _StreamCreateWithFlags(self, flags: int) -> int:  # noqa: N802
        self.streams.add(77)
        return 77

    def _StreamDestroy(self, stream: int) -> None:  # noqa: N802
        assert not self.device
        assert not self.graphs
        self.streams.remove(stream)

    def _Malloc(self, size: int) -> int:  # noqa: N802
        memory = np.full(size, 0xAA, np.uint8)
        self.device[memory.ctypes.data] = memory
        return memory.ctypes.data

    def _Free(self, address: int) -> None:  # noqa: N802
        self._queue.clear()  # cudaFree waits for the device
        del self.device[address]

    def _HostRegister(self, address: int, size: int, flags: int) -> None:  # noqa: N802
        assert address not in self.pinned
        self.pinned.add(address)

    def _HostUnregister(self, address: int) -> None:  # noqa: N802
        self.pinned.remove(address)

    def _MemcpyAsync(self, to: int, source: int, size: int, kind: str,  # noqa: N802
                     stream: int) -> None:
        device, host = (to, source) if kind == 'in' else (source, to)
        assert self.device[device].nbytes == size
        assert host in self.pinned
        assert stream in self.streams
        self.enqueue(lambda: ctypes.memmove(to, source, size))

    def _StreamSynchronize(self, stream: int) -> None:  # noqa: N802
        assert self.capturing is None
        queue, self._queue = self._queue, []
        for work in queue:
            work()

    def _StreamBeginCapture(self, stream: int, mode: int) -> None:  # noqa: N802
        assert not self._queue
        self.capturing = []

    def _StreamEndCapture(self, stream: int) -> list:  # noqa: N802
        captured, self.capturing = self.capturing, None
        return captured

    def _GraphInstantiate(self, graph: list, flags: int) -> int:  # noqa: N802
        self.graphs[1 + len(self.graphs)] = graph
        return len(self.graphs)

    def _GraphDestroy(self, graph: list) -> None:  # noqa: N802
        pass

    def _GraphLaunch(self, graph: int, stream: int) -> None:  # noqa: N802
        self._queue.extend(self.graphs[graph])

    def _GraphExecDestroy(self, graph: int) -> None:  # noqa: N802
        del self.graphs[graph]


class _Tensors:
    """An engine: an ONNX Runtime session and what its inputs and outputs are called."""

    def __init__(self, cuda: FakeCuda, content: bytes) -> None:
        self._cuda = cuda
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(content, options,
                                                    providers=['CPUExecutionProvider'])
        self._values = {value.name: value for value in (*self.session.get_inputs(),
                                                        *self.session.get_outputs())}
        self.num_io_tensors = len(self._values)

    def get_tensor_name(self, index: int) -> str:
        return list(self._values)[index]

    def get_tensor_shape(self, name: str) -> list[int]:
        return self._values[name].shape

    def get_tensor_dtype(self, name: str) -> str:
        return self._values[name].type.removeprefix('tensor(').removesuffix(')')

    def create_execution_context(self) -> '_Context':
        return _Context(self._cuda, self)


class _Context:
    """An execution context; its first run cannot be captured, as with TensorRT."""

    def __init__(self, cuda: FakeCuda, tensors: _Tensors) -> None:
        self._cuda = cuda
        self._tensors = tensors
        self._addresses: dict[str, int] = {}
        self._has_run = False

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        if self._cuda.capturing is not None and not self._has_run:
            return False
        self._has_run = True
        self._cuda.enqueue(self._run)
        return True

    def _run(self) -> None:
        session, memory = self._tensors.session, self._cuda.device
        source = session.get_inputs()[0]
        image = memory[self._addresses[source.name]].reshape(source.shape)
        for output, value in zip(session.get_outputs(), session.run(None, {source.name: image}),
                                 strict=True):
            memory[self._addresses[output.name]][:] = value.ravel()


class _Log:
    """Base of loggers."""

    ERROR = 1


class _Monitor:
    """Base of progress monitors."""


class _Parser:
    """Takes what the onnx package finds right."""

    def __init__(self, network: dict, log: object) -> None:
        self._network = network
        self._log = log

    def parse(self, content: bytes) -> bool:
        try:
            onnx.checker.check_model(onnx.load_from_string(content))
        except onnx.checker.ValidationError as error:
            self._log.log(1, str(error))
            return False
        self._network['content'] = content
        return True


class FakeTensorRt(ModuleType):
    """
    The package `tensorrt`, for the one GPU of FakeCuda.

    :param cuda: where engines run.
    """

    uint8 = 'uint8'
    ILogger, IProgressMonitor, OnnxParser = _Log, _Monitor, _Parser
    NetworkDefinitionCreationFlag = SimpleNamespace(STRONGLY_TYPED=1)
    __version__ = '10.99'

    def __init__(self, cuda: FakeCuda) -> None:
        super().__init__('tensorrt')
        self.__spec__ = ModuleSpec('tensorrt', None)
        self._cuda = cuda
        self.builds = 0
        # Called amid a build.
        self.amid_build: Callable[[], None] = lambda: None
        # Changes the ONNX bytes that an engine is made of.
        self.compile: Callable[[bytes], bytes] = lambda content: content

    def Builder(self, log: object) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(create_network=lambda flags: {},
                               create_builder_config=SimpleNamespace,
                               build_serialized_network=self._build)

    def Runtime(self, log: object) -> SimpleNamespace:  # noqa: N802
        def deserialize(content: bytes) -> _Tensors | None:
            try:
                return _Tensors(self._cuda, content)
            except Exception as error:  # ONNX Runtime's errors have no common root
                log.log(1, str(error))
                return None

        return SimpleNamespace(deserialize_cuda_engine=deserialize)

    def _build(self, network: dict, config: SimpleNamespace) -> bytes | None:
        self.builds += 1
        monitor = config.progress_monitor
        monitor.phase_start('Building', None, 2)
        goes_on = monitor.step_complete('Building', 0)
        self.amid_build()
        if not goes_on:
            return None
        monitor.phase_finish('Building')
        return self.compile(network['content'])


def install(monkeypatch: pytest.MonkeyPatch, cache: Path) -> tuple[FakeCuda, FakeTensorRt]:
    """
    Put a GPU with TensorRT into this process.

    :param cache: folder for the engines.
    """
    cuda = FakeCuda()
    trt = FakeTensorRt(cuda)
    bindings = ModuleType('cuda.bindings')
    bindings.runtime = cuda
    for name, module in (('tensorrt', trt), ('tensorrt_rtx', None), ('cuda', ModuleType('cuda')),
                         ('cuda.bindings', bindings), ('cuda.bindings.runtime', cuda)):
        monkeypatch.setitem(sys.modules, name, module)
    for place in ('tensorrt_backend', 'tensorrt_engine'):
        monkeypatch.setattr(f'road_seg.backends.{place}.nvidia_gpus', lambda: [GPU])
    monkeypatch.setattr('road_seg.backends.parity.reference_frames', _noise)
    monkeypatch.setenv('XDG_CACHE_HOME', str(cache))
    return cuda, trt


def _noise(height: int, width: int) -> list[np.ndarray]:
    """Return pictures that cost nothing to draw."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (height, width, 3), np.uint8) for _ in range(2)]
