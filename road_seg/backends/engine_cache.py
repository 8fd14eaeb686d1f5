"""Compiled engines in the user's cache folder, each with a manifest that says what it is of."""

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from dataclasses import dataclass
import fcntl
import hashlib
import json
import logging
import os
from pathlib import Path
import time

from road_seg.backends.base import Report
from road_seg.errors import BackendError
from road_seg.errors import InputError
from road_seg.files import atomic_write

_POLL_S = 0.1
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EngineKey:
    """
    What an engine is the compilation of, and for what.

    :param model_sha256: of the ONNX file.
    :param flavour: package that compiled it: tensorrt or tensorrt_rtx.
    :param version: of that package.
    :param gpu: name of the GPU it was tuned on; `any` for one that is not bound to a GPU's name.
    :param target: compute capability it is for, as sm_86, or `portable`.
    :param precision: fp16, int8 or fp32.
    :param height: rows of the input image.
    :param width: columns of the input image.
    """

    model_sha256: str
    flavour: str
    version: str
    gpu: str
    target: str
    precision: str
    height: int
    width: int

    @property
    def name(self) -> str:
        """File name without suffix; different for each key."""
        digest = hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()
        return f'{self.flavour}-{self.target}-{self.precision}-{digest[:16]}'


class CacheError(InputError):
    """
    The folder of the engines cannot be written to.

    :param folder: the folder.
    :param reason: why.
    :param engine: what was built and could not be kept, or None.
    """

    def __init__(self, folder: Path, reason: OSError | InputError,
                 engine: bytes | None = None) -> None:
        found = reason.found if isinstance(reason, InputError) else reason.strerror or str(reason)
        super().__init__(folder, found=found, expected='a folder that can be written to',
                         fix='set XDG_CACHE_HOME to one')
        self.engine = engine


def cache_folder() -> Path:
    """Return the folder of the engines: $XDG_CACHE_HOME/road_seg/engines, else in ~/.cache."""
    base = os.environ.get('XDG_CACHE_HOME')
    return (Path(base) if base else Path.home() / '.cache') / 'road_seg' / 'engines'


class EngineCache:
    """
    Keep engines; processes that want the same one at once build it once.

    :param folder: where they lie; made when the first is stored.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, key: EngineKey) -> Path:
        """Return where the engine of a key lies or would lie."""
        return self._folder / f'{key.name}.engine'

    def find(self, key: EngineKey, report: Report) -> bytes | None:
        """Return an engine, or None; a damaged or foreign one is logged and removed."""
        with self._locked(key, report) as problem:
            return self._read(key, removes=problem is None)

    def get(self, key: EngineKey, build: Callable[[], bytes], report: Report) -> bytes:
        """
        Return an engine, from the cache or else built and stored.

        :param build: returns a new engine.
        :param report: told while another process builds it; False ends the wait.
        :raises BackendError: the wait was ended.
        :raises CacheError: the engine is not there and the folder cannot be written to; if that
            came out after the building, the error holds the engine.
        """
        with self._locked(key, report) as problem:
            engine = self._read(key, removes=problem is None)
            if engine is not None:
                return engine
            if problem:
                raise problem
            engine = build()
            self._write(key, engine)
            return engine

    def discard(self, key: EngineKey, reason: str, report: Report) -> None:
        """Remove an engine, where that is possible, and log why."""
        with self._locked(key, report):
            self._remove(key, reason)

    def _read(self, key: EngineKey, removes: bool) -> bytes | None:
        """Return an engine, or None; `removes` one that is damaged or foreign."""
        path = self.path(key)
        try:
            engine = path.read_bytes()
        except OSError:
            return None
        problem = _problem(key, engine, path.with_suffix('.json'))
        if problem and removes:
            self._remove(key, problem)
        return None if problem else engine

    def _write(self, key: EngineKey, engine: bytes) -> None:
        path = self.path(key)
        try:
            with atomic_write(path) as temporary:
                temporary.write_bytes(engine)
            with atomic_write(path.with_suffix('.json')) as temporary:
                temporary.write_text(json.dumps(_manifest(key, engine), indent=2) + '\n',
                                     encoding='utf-8')
        except (OSError, InputError) as error:
            raise CacheError(self._folder, error, engine) from error

    def _remove(self, key: EngineKey, reason: str) -> None:
        path = self.path(key)
        _log.warning('engine %s is built again: %s', path, reason)
        try:
            path.unlink(missing_ok=True)
            path.with_suffix('.json').unlink(missing_ok=True)
        except OSError as error:
            _log.warning('engine %s not removed: %s', path, error)

    @contextmanager
    def _locked(self, key: EngineKey, report: Report) -> Iterator[CacheError | None]:
        """
        Hold the lock of one engine, waiting for whoever holds it.

        Where the folder cannot be written to there is no lock, and the reason is yielded: an
        engine that lies there can be read all the same, since nobody replaces it.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = (self._folder / f'{key.name}.lock').open('wb')
        except OSError as error:
            yield CacheError(self._folder, error)
            return
        with file:
            while not _try_lock(file.fileno()):
                if not report('waiting for another process that builds the engine'):
                    raise BackendError('engine', found='the wait for another process was ended',
                                       expected='an engine', fix='start it again')
                time.sleep(_POLL_S)
            yield


def _try_lock(descriptor: int) -> bool:
    """Take a file's lock, which ends with the descriptor or the process; say whether it worked."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _manifest(key: EngineKey, engine: bytes) -> dict[str, str | int]:
    return {**asdict(key), 'engine_bytes': len(engine),
            'engine_sha256': hashlib.sha256(engine).hexdigest()}


def _problem(key: EngineKey, engine: bytes, manifest: Path) -> str | None:
    """Return why an engine is not what its key asks for, or None."""
    try:
        found = json.loads(manifest.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return 'it has no readable manifest'
    expected = _manifest(key, engine)
    if not isinstance(found, dict):
        return 'its manifest is damaged'
    differing = [name for name in expected if found.get(name) != expected[name]]
    if not differing:
        return None
    name = differing[0]
    return f'{name} is {expected[name]}, its manifest says {found.get(name)}'
