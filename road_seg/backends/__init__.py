"""Inference backends: one model file, several libraries that can run it."""

from collections.abc import Callable
from collections.abc import Sequence
import logging
import sys

from road_seg.backends.base import Backend
from road_seg.backends.base import Prediction
from road_seg.backends.handover import Handover
from road_seg.backends.handover import Service
from road_seg.backends.model_file import default_model
from road_seg.backends.model_file import ModelFile
from road_seg.backends.model_file import read_model
from road_seg.backends.onnxruntime_backend import OnnxRuntimeBackend
from road_seg.backends.openvino_backend import OpenVinoBackend
from road_seg.backends.tensorrt_backend import TensorRtBackend
from road_seg.errors import BackendError

__all__ = ['BACKENDS', 'Backend', 'ModelFile', 'Prediction', 'Service', 'availability',
           'default_model', 'open_backend', 'open_service', 'read_model']

AUTO = 'auto'
# Fastest first: the order in which `auto` tries them.
BACKENDS: tuple[type[Backend], ...] = (TensorRtBackend, OpenVinoBackend, OnnxRuntimeBackend)

# Importing OpenVINO starts a process that reports the import over the network: not in a vehicle.
# Without this package OpenVINO reports nothing.
sys.modules.setdefault('openvino_telemetry', None)

_log = logging.getLogger(__name__)


def availability() -> list[tuple[str, str | None]]:
    """Return each backend's name, fastest first, and why it is unusable here (None: usable)."""
    return [(backend.name, backend.unavailable()) for backend in BACKENDS]


def open_backend(model: ModelFile, name: str = AUTO, threads: int = 0) -> Backend:
    """
    Return a backend for the model; it is not active yet.

    :param model: the model to run.
    :param name: name of a backend, or auto for the fastest usable one.
    :param threads: CPU threads to use; 0 leaves the choice to the library.
    :raises BackendError: there is no such backend or none is usable.
    """
    by_name = {backend.name: backend for backend in BACKENDS}
    if name != AUTO and name not in by_name:
        raise BackendError(f'backend {name!r}', found='no such backend',
                           expected=f'one of {AUTO}, {", ".join(by_name)}',
                           fix='correct the name')
    return _first_usable(model, BACKENDS if name == AUTO else (by_name[name],), threads)


def open_service(model: ModelFile, name: str, threads: int,
                 tell: Callable[[Service], None]) -> Backend:
    """
    Return a backend that answers soon after activate, also where the wanted one is slow to start.

    :param name: as for open_backend.
    :param tell: called with every change of who serves, from any thread; must not raise.
    :raises BackendError: there is no such backend or none is usable.
    """
    wanted = open_backend(model, name, threads)
    if not wanted.is_slow_to_start:
        return wanted
    quick = [backend for backend in BACKENDS if not backend.is_slow_to_start]
    return Handover(wanted, _first_usable(model, quick, threads), tell)


def _first_usable(model: ModelFile, candidates: Sequence[type[Backend]], threads: int) -> Backend:
    """Return the first of the candidates that is usable here, and log why others are not."""
    reasons = []
    for candidate in candidates:
        reason = candidate.unavailable()
        if reason is None:
            _log.info('backend %s chosen%s', candidate.name, _passed_over(reasons))
            return candidate(model, threads)
        reasons.append(f'{candidate.name} {reason}')
    raise BackendError(' or '.join(f'backend {candidate.name}' for candidate in candidates),
                       found='; '.join(reasons), expected='a usable backend',
                       fix='install one of them')


def _passed_over(reasons: list[str]) -> str:
    """Return the end of a sentence that says why faster backends were not chosen."""
    return f' ({"; ".join(reasons)})' if reasons else ''
