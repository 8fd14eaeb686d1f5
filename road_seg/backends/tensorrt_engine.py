"""Compilation with TensorRT, in either of NVIDIA's packages."""

from collections import deque
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
import logging
from pathlib import Path
import time
from typing import Any

from road_seg.backends.base import Report
from road_seg.backends.engine_cache import cache_folder
from road_seg.backends.engine_cache import EngineCache
from road_seg.backends.engine_cache import EngineKey
from road_seg.backends.gpu import Gpu
from road_seg.backends.gpu import nvidia_gpus
from road_seg.backends.model_file import ModelFile
from road_seg.errors import BackendError

# `tensorrt`: data centre, Jetson, DRIVE; it tunes on the GPU it runs on. `tensorrt_rtx`: RTX
# cards; it compiles for a compute capability and needs no GPU. Their APIs are nearly one.
FLAVOURS = ('tensorrt', 'tensorrt_rtx')
# What tensorrt_rtx compiles for unless told otherwise: compute capability 8.0 and later.
PORTABLE = 'portable'

_ANY_GPU = 'any'
_KEPT_ERRORS = 10
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Compiled:
    """
    An engine.

    :param content: its bytes.
    :param path: where it lies.
    :param seconds: how long its compilation took; None if it was there already.
    """

    content: bytes
    path: Path
    seconds: float | None


def installed_flavour() -> str | None:
    """Return the first of FLAVOURS that is installed, or None."""
    return next((name for name in FLAVOURS if find_spec(name)), None)


def load_flavour(name: str | None = None) -> Any:
    """
    Return the module of a flavour.

    :param name: one of FLAVOURS; None for the first that is installed.
    :raises BackendError: it is not installed or does not load.
    """
    name = name or installed_flavour() or FLAVOURS[0]
    try:
        return import_module(name)
    except ImportError as error:
        raise BackendError(f'package {name}', found=str(error), expected='TensorRT',
                           fix=f'pip install {" or ".join(FLAVOURS)}') from error


def engine_key(model: ModelFile, trt: Any, precision: str | None = None,
               target: str | None = None) -> EngineKey:
    """
    Return the key of a model's engine.

    :param trt: module of the flavour.
    :param precision: of the engine; None for INT8 if the model is, else FP16.
    :param target: compute capability; None for the GPU's, without a GPU PORTABLE.
    :raises BackendError: the flavour cannot compile for the target here.
    """
    gpu = _first_gpu()
    name = _ANY_GPU if _crosses(trt) else gpu.name if gpu else ''
    target = target or (gpu.capability if gpu else PORTABLE)
    if _crosses(trt) and target != PORTABLE and target not in targets_of(trt):
        if gpu is None or target != gpu.capability:
            raise BackendError(f'target {target}', found=f'no such target of {trt.__name__}',
                               expected=f'one of {", ".join(targets_of(trt))}',
                               fix='choose one of them')
        target = PORTABLE
    if not _crosses(trt) and (gpu is None or target != gpu.capability):
        raise BackendError(f'target {target}', found=gpu.capability if gpu else 'no NVIDIA GPU',
                           expected=f'a GPU of that kind: {trt.__name__} compiles only on the '
                           'GPU it compiles for', fix='compile there, or use tensorrt_rtx')
    precision = precision or ('int8' if is_quantized(model) else 'fp16')
    return EngineKey(model.sha256, trt.__name__, trt.__version__, name, target, precision,
                     model.height, model.width)


def is_quantized(model: ModelFile) -> bool:
    """Return whether a model holds Q/DQ pairs; a look at its bytes does without onnx."""
    return b'QuantizeLinear' in model.path.read_bytes()


def targets_of(trt: Any) -> list[str]:
    """Return the compute capabilities a flavour can compile for without such a GPU."""
    if not _crosses(trt):
        return []
    return sorted((f'sm_{name.removeprefix("SM")}' for name in dir(trt.ComputeCapability)
                   if name.startswith('SM')), key=lambda target: int(target[3:]))


def compile_model(trt: Any, model: ModelFile, key: EngineKey, report: Report) -> Compiled:
    """
    Return a model's engine from the user's cache, compiled if it is not there.

    :param trt: module of the flavour.
    :param report: told the progress; False ends the work.
    :raises RoadSegError: TensorRT refuses the model, the work was ended, or the cache cannot be
        written to.
    """
    seconds = None

    def build() -> bytes:
        nonlocal seconds
        start = time.monotonic()
        engine = build_engine(trt, model, key, report)
        seconds = time.monotonic() - start
        return engine

    engines = EngineCache(cache_folder())
    return Compiled(engines.get(key, build, report), engines.path(key), seconds)


def build_engine(trt: Any, model: ModelFile, key: EngineKey, report: Report) -> bytes:
    """
    Compile a model; it takes seconds to minutes.

    :param trt: module of the flavour.
    :param key: what to compile.
    :param report: told the progress; False ends the work.
    :raises BackendError: TensorRT refuses the model, or the work was ended.
    """
    from road_seg.backends.tensorrt_graph import prepare

    log = error_log(trt)
    log.errors.clear()
    builder = trt.Builder(log)
    # TensorRT 11 and tensorrt_rtx have no other networks; 10 has to be told.
    network = builder.create_network(
        1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, log)
    if not parser.parse(prepare(model.path, key.precision)):
        raise _refused(trt, model, log)
    config = builder.create_builder_config()
    if _crosses(trt) and key.target != PORTABLE:
        config.num_compute_capabilities = 1
        config.set_compute_capability(
            getattr(trt.ComputeCapability, f'SM{key.target.removeprefix("sm_")}'), 0)
    monitor = _monitor(trt, report)
    config.progress_monitor = monitor
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        if monitor.stopped:
            raise BackendError('engine', found='its compilation was ended',
                               expected='an engine', fix='start it again')
        raise _refused(trt, model, log)
    return bytes(engine)


@cache
def error_log(trt: Any) -> Any:
    """
    Return the TensorRT logger, which keeps the latest errors in `errors`.

    There is one for all uses: TensorRT keeps to the first logger as long as any object of it
    lives, and ignores others.
    """
    class ErrorLog(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: deque[str] = deque(maxlen=_KEPT_ERRORS)

        def log(self, severity: Any, message: str) -> None:
            if severity <= trt.ILogger.ERROR:
                self.errors.append(message)
            _log.debug('%s', message)

    return ErrorLog()


def _monitor(trt: Any, report: Report) -> Any:
    """Return a progress monitor; TensorRT calls it from threads of its own."""
    class Monitor(trt.IProgressMonitor):
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.stopped = False
            self._steps: dict[str, int] = {}

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
            self._steps[phase] = steps

        def phase_finish(self, phase: str) -> None:
            self._steps.pop(phase, None)

        def step_complete(self, phase: str, step: int) -> bool:
            goes_on = report(f'building the engine: {phase.lower()}, '
                             f'{step + 1} of {self._steps.get(phase, step + 1)}')
            self.stopped = self.stopped or not goes_on
            return goes_on

    return Monitor()


def _refused(trt: Any, model: ModelFile, log: Any) -> BackendError:
    return BackendError(f'backend tensorrt with {model.path}',
                        found=' '.join(' '.join(log.errors).split()) or 'no engine',
                        expected='a model that TensorRT can compile',
                        fix='export the model again or choose another backend')


def _crosses(trt: Any) -> bool:
    """Return whether a flavour compiles for GPUs that are not there."""
    return hasattr(trt, 'ComputeCapability')


def _first_gpu() -> Gpu | None:
    try:
        return nvidia_gpus()[0]
    except RuntimeError:
        return None
