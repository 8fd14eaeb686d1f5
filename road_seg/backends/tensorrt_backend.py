"""Inference with TensorRT on an NVIDIA GPU."""

from contextlib import ExitStack
from dataclasses import replace
from importlib import import_module
import logging
from typing import Any

import numpy as np

from road_seg.backends.base import as_prediction
from road_seg.backends.base import Backend
from road_seg.backends.base import OUTPUTS
from road_seg.backends.base import Prediction
from road_seg.backends.cuda import CudaStream
from road_seg.backends.engine_cache import cache_folder
from road_seg.backends.engine_cache import CacheError
from road_seg.backends.engine_cache import EngineCache
from road_seg.backends.engine_cache import EngineKey
from road_seg.backends.gpu import nvidia_gpus
from road_seg.backends.model_file import ModelFile
from road_seg.backends.tensorrt_engine import build_engine
from road_seg.backends.tensorrt_engine import compile_model
from road_seg.backends.tensorrt_engine import engine_key
from road_seg.backends.tensorrt_engine import error_log
from road_seg.backends.tensorrt_engine import FLAVOURS
from road_seg.backends.tensorrt_engine import installed_flavour
from road_seg.backends.tensorrt_engine import load_flavour
from road_seg.backends.tensorrt_engine import PORTABLE
from road_seg.errors import BackendError

# Share of the reference pixels whose class must be ONNX Runtime's.
SMALLEST_AGREEMENT = {'fp32': 0.999, 'fp16': 0.999, 'int8': 0.995}
_log = logging.getLogger(__name__)


class TensorRtBackend(Backend):
    """
    Run a compiled engine: one copy in, the network, copies out, as one CUDA graph.

    Activate takes the engine from the user's cache or compiles it, and refuses it where its
    answers are not those of ONNX Runtime. The first GPU is used.
    """

    name = 'tensorrt'
    package = 'tensorrt'
    is_slow_to_start = True

    def __init__(self, model: ModelFile, threads: int = 0) -> None:
        super().__init__(model, threads)
        self._taken = ExitStack()
        self._graph: Any = None

    @classmethod
    def unavailable(cls) -> str | None:
        """Return what is missing here, or None: driver and GPU, one flavour, CUDA for Python."""
        try:
            nvidia_gpus()
        except RuntimeError as error:
            return f'cannot be used: {error}'
        flavour = installed_flavour()
        if flavour is None:
            return f'not installed: pip install {" or ".join(FLAVOURS)}'
        problems = map(_import_problem, (flavour, 'cuda.bindings.runtime', 'onnx', 'onnxruntime'),
                       (flavour, 'cuda-bindings', 'onnx', 'onnxruntime'))
        return next(filter(None, problems), None)

    def _activate(self) -> None:
        """Load the engine, capture its run in a CUDA graph and check the answers."""
        from road_seg.backends.parity import check_parity

        trt = load_flavour()
        key = engine_key(self.model, trt)
        self._log = error_log(trt)
        with ExitStack() as stack:
            self._stream = CudaStream()
            stack.callback(self._stream.close)
            # TensorRT wants the context gone before its engine, and that before its runtime.
            self._keep(stack, '_runtime', trt.Runtime(self._log))
            self._keep(stack, '_engine', self._load(trt, key))
            self._take_buffers(stack, trt)
            self._keep(stack, '_context', self._engine.create_execution_context())
            if self._context is None:
                raise self._failure('no execution context')
            for name, address in self._addresses.items():
                self._context.set_tensor_address(name, address)
            self._capture(stack)
            self._taken = stack.pop_all()
        self.report('comparing with ONNX Runtime')
        check_parity(self._infer, self.model, SMALLEST_AGREEMENT[key.precision])

    def _infer(self, image: np.ndarray) -> Prediction:
        """Run the engine on a copy of the image."""
        self._buffers['image'][0] = image
        if self._graph is None:
            self._enqueue()
        else:
            self._stream.launch(self._graph)
        self._stream.synchronize()
        return self._prediction

    def _deactivate(self) -> None:
        """Give graph, context, buffers and stream back."""
        self._taken.close()

    def _keep(self, stack: ExitStack, name: str, value: Any) -> None:
        """Set an attribute until the stack is closed."""
        setattr(self, name, value)
        stack.callback(setattr, self, name, None)

    def _load(self, trt: Any, key: EngineKey) -> Any:
        """Return the engine of a key; compile it if it is not cached or does not load."""
        cache = EngineCache(cache_folder())
        portable = replace(key, target=PORTABLE)
        if cache.path(portable).exists() and not cache.path(key).exists():
            content = cache.find(portable, self.report)
            engine = None if content is None else self._runtime.deserialize_cuda_engine(content)
            if engine is not None:
                return engine
        for _ in range(2):
            content = self._compiled(trt, key)
            engine = self._runtime.deserialize_cuda_engine(content)
            if engine is not None:
                return engine
            cache.discard(key, f'{key.flavour} cannot load it: {self._errors()}', self.report)
        raise self._failure('no engine that loads')

    def _compiled(self, trt: Any, key: EngineKey) -> bytes:
        """Return the engine of a key from the cache, else compiled, and kept where possible."""
        self.warning = ''
        try:
            return compile_model(trt, self.model, key, self.report).content
        except CacheError as error:
            self.warning = f'the engine is not kept and is compiled at every start: {error}'
            _log.warning('%s', self.warning)
            return error.engine or build_engine(trt, self.model, key, self.report)

    def _take_buffers(self, stack: ExitStack, trt: Any) -> None:
        """Take host and device memory for every input and output; the stack gives it back."""
        shapes = {'image': (1, *self._image_shape),
                  **dict.fromkeys(OUTPUTS, (1, *self._image_shape[:2]))}
        engine = self._engine
        found = {name: (tuple(engine.get_tensor_shape(name)), engine.get_tensor_dtype(name))
                 for name in map(engine.get_tensor_name, range(engine.num_io_tensors))}
        if found != {name: (shape, trt.uint8) for name, shape in shapes.items()}:
            raise ValueError(f'inputs and outputs {found}, not uint8 {shapes}')
        self._buffers, self._addresses = {}, {}
        for name, shape in shapes.items():
            self._buffers[name] = self._stream.pinned(shape)
            stack.callback(self._stream.unpin, self._buffers[name])
            self._addresses[name] = self._stream.allocate(self._buffers[name].nbytes)
            stack.callback(self._stream.free, self._addresses[name])
        self._prediction = as_prediction(self._buffers)

    def _capture(self, stack: ExitStack) -> None:
        """Record one frame's work as a CUDA graph, where the engine allows it."""
        # TensorRT allocates and compiles on the first run, which a capture cannot record.
        self._enqueue()
        self._stream.synchronize()
        # tensorrt_rtx alone has engines that cannot be captured.
        is_capturable = getattr(self._context, 'is_stream_capturable', lambda handle: True)
        if is_capturable(self._stream.handle):
            self._graph = self._stream.capture(self._enqueue)
            stack.callback(self._drop_graph)

    def _enqueue(self) -> None:
        """Put one frame's copies and network on the stream."""
        self._stream.copy_in(self._addresses['image'], self._buffers['image'])
        if not self._context.execute_async_v3(self._stream.handle):
            raise self._failure('an inference that failed')
        for name in OUTPUTS:
            self._stream.copy_out(self._buffers[name], self._addresses[name])

    def _drop_graph(self) -> None:
        graph, self._graph = self._graph, None
        self._stream.drop(graph)

    def _errors(self) -> str:
        """Return what TensorRT complained of last."""
        return ' '.join(self._log.errors[-1].split()) if self._log.errors else 'no reason given'

    def _failure(self, what: str) -> BackendError:
        return BackendError(f'TensorRT with {self.model.path}',
                            found=f'{what}: {self._errors()}', expected='an engine that runs',
                            fix='choose another backend')


def _import_problem(module: str, package: str) -> str | None:
    """Return why a module cannot be imported, or None."""
    try:
        import_module(module)
    except Exception as error:
        return f'import failed ({error}): pip install {package}'
    return None
