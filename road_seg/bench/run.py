"""A whole measurement: network, Segmenter, peers and the live graph."""

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from road_seg.backends import Backend
from road_seg.backends import open_backend
from road_seg.backends import read_model
from road_seg.bench.peer import Peer
from road_seg.bench.peer import PRECISIONS
from road_seg.bench.rounds import interleave
from road_seg.bench.rounds import medians
from road_seg.bench.rounds import Work
from road_seg.calibration import CameraInfo
from road_seg.camera import CameraModel
from road_seg.camera import Extrinsics
from road_seg.grid import GridSpec
from road_seg.pipeline import Segmenter
from road_seg.replay.scores import percentiles
from road_seg.world.drive import drive

_NETWORK, _SEGMENTER = 'network', 'segmenter'
_HFOV_DEG = 60.0
_POSE = Extrinsics(x=1.5, y=0.0, z=1.4)
_NS_PER_MS = 1e6

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Bench:
    """
    What to measure.

    :param model: path of the model file.
    :param backend: name of the backend, or auto.
    :param threads: CPU threads of every network; 0 leaves the choice to the library.
    :param size: (width, height) of the camera's images.
    :param peers: other networks, ONNX or OpenVINO.
    :param rounds: turns of each network.
    :param repetitions: frames a turn.
    """

    model: Path
    backend: str
    threads: int
    size: tuple[int, int]
    peers: tuple[Path, ...] = ()
    rounds: int = 5
    repetitions: int = 30

    @cached_property
    def frame(self) -> np.ndarray:
        """A drawn frame of the camera's size, (H, W, 3) uint8 RGB."""
        return cv2.resize(next(drive('straight', 1)).rgb, self.size)

    @property
    def info(self) -> CameraInfo:
        """The camera's calibration."""
        return CameraInfo.nominal(*self.size, hfov_deg=_HFOV_DEG)

    def measure(self, progress: Progress) -> dict[str, Any]:
        """
        Time network, Segmenter and peers in turns.

        :param progress: called with the numbers of turns done and in all.
        :return: the summary as `bench --json` writes it, without the live graph.
        :raises RoadSegError: a model is unusable.
        """
        frame, model = self.frame, read_model(self.model)
        peers = {f'{path.stem} {precision}': Peer(path, precision, self.threads)
                 for path in self.peers for precision in PRECISIONS}
        with open_backend(model, self.backend, self.threads) as backend:
            works = {**_own_works(backend, frame, self.info),
                     **{name: _peer_work(peer, frame) for name, peer in peers.items()}}
            times = interleave(works, self.rounds, self.repetitions, progress)
            name = backend.name
        segmenter = times[_SEGMENTER]
        whole = medians(segmenter.pop(''))
        network = medians(segmenter[_NETWORK])
        return {
            'model': str(model.path), 'model_sha256': model.sha256, 'backend': name,
            'size': list(self.size), 'cores': len(os.sched_getaffinity(0)),
            'threads': self.threads or 'chosen by the library',
            'network_ms': medians(times[_NETWORK]['']), 'segmenter_ms': whole,
            'stages_ms': {stage: medians(rounds) for stage, rounds in segmenter.items()},
            'outside_network_share': 1.0 - network['p50'] / whole['p50'],
            'peers': {name: _peer_summary(peer, medians(times[name]['']), whole['p50'])
                      for name, peer in peers.items()}}


def graph_summary(sent_ns: list[int], masks_ns: Mapping[int, int], grids_ns: Mapping[int, int],
                  stages_ms: Mapping[str, list[float]], rate_hz: float) -> dict[str, Any]:
    """
    Return what the live graph achieved.

    The latency of a frame runs from its stamp until both its mask and its grid were received.

    :param sent_ns: stamps of the frames sent, ns.
    :param masks_ns: when the mask of a stamp came, ns.
    :param grids_ns: when the grid of a stamp came, ns.
    :param stages_ms: durations of each stage in the node, ms.
    :param rate_hz: frames sent a second.
    """
    answered = [stamp for stamp in sent_ns if stamp in masks_ns and stamp in grids_ns]
    share = len(answered) / len(sent_ns)
    latencies = {
        'latency_ms': [max(masks_ns[stamp], grids_ns[stamp]) - stamp for stamp in answered],
        'mask_latency_ms': [masks_ns[stamp] - stamp for stamp in answered],
        'grid_latency_ms': [grids_ns[stamp] - stamp for stamp in answered]}
    return {
        'frames': len(sent_ns), 'answered': len(answered), 'fps': rate_hz * share,
        'drop_ratio': 1.0 - share,
        **{name: percentiles([value / _NS_PER_MS for value in values]) if values else None
           for name, values in latencies.items()},
        'stages_ms': {stage: percentiles(values) for stage, values in stages_ms.items()}}


def _own_works(backend: Backend, frame: np.ndarray, info: CameraInfo) -> dict[str, Work]:
    """Return the network alone and the Segmenter, grid included."""
    segmenter = Segmenter(backend, GridSpec())
    camera = CameraModel.from_info(info)
    image = cv2.resize(frame, (backend.model.width, backend.model.height))

    def infer() -> None:
        backend.infer(image)

    return {_NETWORK: infer,
            _SEGMENTER: lambda: segmenter.process(frame, 0, camera, _POSE).stages_ns}


def _peer_work(peer: Peer, frame: np.ndarray) -> Work:
    """Return the segmentation of the frame by a peer."""
    def segment() -> None:
        peer.segment(frame)

    return segment


def _peer_summary(peer: Peer, whole: Mapping[str, float], own_p50: float) -> dict[str, Any]:
    """Return a peer's times, and how many times as long as ours they are."""
    return {'p50_ms': whole['p50'], 'p95_ms': whole['p95'], 'p99_ms': whole['p99'],
            'ratio': whole['p50'] / own_p50, 'precision': peer.precision,
            'threads': peer.threads}
