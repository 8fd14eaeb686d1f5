"""Replay of many bags on Ray: pieces as tasks, results kept, one merged evaluation."""

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field
from functools import cache
import json
import os
from pathlib import Path
import signal
import time

import cv2
import ray

from road_seg.backends import Backend
from road_seg.backends import open_backend
from road_seg.backends import read_model
from road_seg.bags.stored import bag_names
from road_seg.bags.stored import stored_bag
from road_seg.bags.stored import StoredBag
from road_seg.errors import ModelError
from road_seg.errors import RoadSegError
from road_seg.files import atomic_write
from road_seg.parameters import checked_parameters
from road_seg.replay.evaluation_file import to_json
from road_seg.replay.pieces import FRAMES
from road_seg.replay.pieces import load_result
from road_seg.replay.pieces import Piece
from road_seg.replay.pieces import pieces_of
from road_seg.replay.pieces import replay_piece
from road_seg.replay.pieces import settings_of
from road_seg.replay.run import versions

# Of a task whose process died or whose bag could not be fetched.
_RETRIES = 3
# Tasks handed to Ray ahead of a free worker.
_AHEAD = 4
# The smallest that Ray takes: results are small, and pictures never leave their worker.
_STORE_BYTES = 80 * 2**20
_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Work:
    """
    What is done with each piece.

    :param values: parameters of the node by full name.
    :param model_sha256: digest of the model's file, wherever a worker finds it.
    :param threads: CPU threads of the network in a worker, unless the parameters say.
    :param image_topic: as for Drive.
    """

    values: dict[str, object]
    model_sha256: str
    threads: int
    image_topic: str | None = None


@dataclass
class Outcome:
    """
    What came out.

    :param bags: of each bag that was read whole, by name, its pieces' results in order.
    :param failed: why others could not be read, by name.
    :param reused: pieces whose results were there from an earlier run.
    :param retried: tries that Ray repeated.
    :param failed_pieces: pieces without a result.
    :param frames: frames replayed in this run.
    :param worker_s: what the pieces replayed in this run took, s.
    :param wall_s: how long all of it took, s.
    """

    bags: dict[str, list[dict]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    reused: int = 0
    retried: int = 0
    failed_pieces: int = 0
    frames: int = 0
    worker_s: float = 0.0
    wall_s: float = 0.0


@contextmanager
def cluster(workers: int | str) -> Iterator[tuple[int, int]]:
    """
    Yield how many workers there are and how many threads each may use, while Ray runs.

    :param workers: so many on this machine, or the ray://HOST:PORT of a cluster.
    :raises OSError: the cluster cannot be reached.
    """
    on_sigterm = signal.getsignal(signal.SIGTERM)
    quiet = {'logging_level': 'ERROR', 'log_to_driver': False}
    if isinstance(workers, str):
        # The cluster's machines get this very package; what it needs must be installed there.
        ray.init(workers, runtime_env={'py_modules': [str(_PACKAGE)]}, **quiet)
    else:
        with _environment():
            ray.init('local', num_cpus=workers, include_dashboard=False,
                     object_store_memory=_STORE_BYTES, **quiet)
    signal.signal(signal.SIGTERM, on_sigterm)  # Ray has put its own in place
    try:
        if isinstance(workers, str):
            yield int(ray.cluster_resources().get('CPU', 1)), 1
        else:
            yield workers, max(1, len(os.sched_getaffinity(0)) // workers)
    finally:
        ray.shutdown()


@contextmanager
def _environment() -> Iterator[None]:
    """Let processes find this package first, also in a checkout, and report to nobody."""
    before = dict(os.environ)
    os.environ['RAY_USAGE_STATS_ENABLED'] = '0'
    os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, (
        str(_PACKAGE.parent), before.get('PYTHONPATH'))))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def replay_fleet(source: str, work: Work, store: Path, workers: int, *, frames: int = FRAMES,
                 progress: Callable[[int, int], None] = lambda done, total: None) -> Outcome:
    """
    Replay the bags that a list or pattern names, all but what an earlier run has done.

    :param source: as for bag_names.
    :param store: folder of the pieces' results; each appears there when it is done.
    :param workers: how many tasks run at once.
    :param frames: of a piece, at most.
    :param progress: called with the megabytes of bags done and in all.
    :raises InputError: there are no bags.
    """
    outcome, started = Outcome(), time.perf_counter()
    settings = settings_of(work.values, work.model_sha256, work.image_topic, versions())
    pieces = _pieces(outcome, bag_names(source), work.image_topic, frames)
    total = sum(piece.size for piece in pieces)
    paths = {piece: store / f'{piece.digest(**settings)}.json' for piece in pieces}
    results = {piece: found for piece, path in paths.items() if (found := load_result(path))}
    outcome.reused = len(results)
    done = sum(piece.size for piece in results)
    progress(done >> 20, total >> 20)
    missing = [piece for piece in pieces if piece not in results]
    for piece, result in _completed(missing, work, workers * _AHEAD, outcome):
        done += piece.size
        if 'error' in result:
            outcome.failed_pieces += 1
            outcome.failed.setdefault(piece.bag.name, result['error'])
        else:
            with atomic_write(paths[piece]) as temporary:
                temporary.write_text(json.dumps(result), encoding='utf-8')
            outcome.frames += result['frames']
            outcome.worker_s += result['worker_s']
            results[piece] = result
        progress(done >> 20, total >> 20)
    for piece in pieces:
        if piece.bag.name not in outcome.failed:
            outcome.bags.setdefault(piece.bag.name, []).append(results[piece])
    outcome.wall_s = time.perf_counter() - started
    return outcome


def _pieces(outcome: Outcome, names: list[str], image_topic: str | None,
            frames: int) -> list[Piece]:
    """Return the pieces of all bags that can be opened; note why others cannot."""
    def of_bag(name: str) -> list[Piece]:
        try:
            return pieces_of(stored_bag(name), image_topic, frames)
        except (RoadSegError, OSError) as error:
            outcome.failed[name] = str(error)
            return []

    return [piece for name in names for piece in of_bag(name)]


def _completed(pieces: list[Piece], work: Work, most: int,
               outcome: Outcome) -> Iterator[tuple[Piece, dict]]:
    """
    Yield each piece with its result, or the error instead of one, as they come.

    Ray chooses the worker, and repeats what a dead one had begun.

    :param most: pieces handed to Ray at a time.
    """
    if not pieces:
        return
    attempts = ray.remote(num_cpus=0)(_Attempts).remote()
    ray.get(attempts.repeated.remote())  # it hears of the first piece too
    task = ray.remote(num_cpus=1, max_retries=_RETRIES, retry_exceptions=[OSError])(_run)
    pending: dict[ray.ObjectRef, Piece] = {}
    waiting = iter(pieces)
    while True:
        while len(pending) < most and (piece := next(waiting, None)):
            pending[task.remote(piece, work, attempts)] = piece
        if not pending:
            break
        (done, *_), _ = ray.wait(list(pending))
        piece = pending.pop(done)
        try:
            yield piece, ray.get(done)
        except ray.exceptions.RayError as error:
            yield piece, {'error': _last_line(piece.bag, error)}
    with suppress(ray.exceptions.RayError):  # its machine may be gone; the results are not
        outcome.retried = ray.get(attempts.repeated.remote())
    ray.kill(attempts)


class _Attempts:
    """Count how often pieces were begun: a worker that dies can tell nobody afterwards."""

    def __init__(self) -> None:
        self._begun: dict[tuple[str, int], int] = {}

    def begin(self, name: str, first: int) -> None:
        self._begun[name, first] = self._begun.get((name, first), 0) + 1

    def repeated(self) -> int:
        return sum(self._begun.values()) - len(self._begun)


def _run(piece: Piece, work: Work, attempts: object) -> dict:
    """Replay a piece in a worker; return its result, or why its bag is unusable."""
    # Not waited for: Ray would give the CPU of a task that waits to another one.
    attempts.begin.remote(piece.bag.name, piece.first)
    started = time.perf_counter()
    parameters = checked_parameters(work.values)
    try:
        backend = _active_backend(parameters.model, work.model_sha256, parameters.backend,
                                  parameters.threads or work.threads)
        evaluation = replay_piece(piece, backend, work.values, work.image_topic)
    except RoadSegError as error:
        return {'error': str(error)}
    return {**to_json(evaluation), 'backend': backend.name,
            'worker_s': time.perf_counter() - started}


@cache
def _active_backend(model: Path, sha256: str, name: str, threads: int) -> Backend:
    """
    Return this process's backend, active until the process ends.

    :raises ModelError: the file here is another one.
    """
    cv2.setNumThreads(threads)
    file = read_model(model)
    if file.sha256 != sha256:
        raise ModelError(model, found=f'SHA-256 {file.sha256} on a worker',
                         expected=f'that of the model here, {sha256}',
                         fix='put the same file there, on a shared file system for example')
    return open_backend(file, name, threads).__enter__()


def _last_line(bag: StoredBag, error: Exception) -> str:
    """Return what matters of an error whose text holds a worker's traceback."""
    cause = getattr(error, 'cause', None) or error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    text = lines[-1] if lines and getattr(error, 'cause', None) else (lines or [''])[0]
    return text if bag.name in text else f'{bag.name}: {text or type(cause).__name__}'
