"""The live graph under load: a camera's process, the node's, and this one, which subscribes."""

from collections.abc import Callable
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
import time

from diagnostic_msgs.msg import DiagnosticArray
from nav_msgs.msg import OccupancyGrid
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image

from road_seg.process_usage import ProcessUsage
from road_seg.ros import qos
from road_seg.ros.camera_process import Camera
from road_seg.ros.camera_process import camera_process
from road_seg.ros.client_node import ClientNode
from road_seg.ros.managed_node import ManagedNode
from road_seg.ros.managed_node import own_domain
from road_seg.ros.managed_node import own_namespace
from road_seg.serialized import header_stamp_ns

_START_TIMEOUT_S = 60.0
_LAST_ANSWER_S = 1.0


@dataclass(frozen=True)
class GraphRun:
    """
    What the subscriber saw of the frames after the warm-up.

    :param sent_ns: stamps of the frames sent, ns.
    :param masks_ns: when the mask of a stamp came, ns of the stamps' clock.
    :param grids_ns: when the grid of a stamp came.
    :param stages_ms: durations of each stage in the node, ms.
    :param cpu_cores: cores that the node's process kept busy.
    :param memory_mib: its resident memory at the end, MiB.
    """

    sent_ns: list[int]
    masks_ns: dict[int, int]
    grids_ns: dict[int, int]
    stages_ms: dict[str, list[float]]
    cpu_cores: float
    memory_mib: float


def run_live_graph(camera: Camera, warm_up: int, parameters: Mapping[str, object],
                   progress: Callable[[int, int], None]) -> GraphRun:
    """
    Let the camera send its frames to the real node and note when the answers come.

    :param warm_up: frames at the start that do not count.
    :param parameters: the node's parameters by full name.
    :param progress: called with the numbers of masks so far and of frames in all.
    :raises InputError: the node does not become active, or nothing comes.
    """
    domain_id, namespace = own_domain(), own_namespace('bench')
    with ExitStack() as stack:
        client = stack.enter_context(ClientNode(namespace, domain_id))
        arrivals = _Arrivals(client, lambda masks: progress(masks, camera.count))
        node = stack.enter_context(ManagedNode(client, namespace, domain_id, parameters))
        node.bring_up()
        stamps = stack.enter_context(camera_process(camera, namespace, domain_id))
        if not node.wait(lambda: bool(arrivals.masks), _START_TIMEOUT_S):
            raise node.error('no mask')
        node.wait(stamps.poll, warm_up / camera.rate_hz)
        before = ProcessUsage.of(node.pid)
        sent = _stamps(stamps, node, _START_TIMEOUT_S + 2 * camera.count / camera.rate_hz)
        after = ProcessUsage.of(node.pid)
        node.wait(lambda: sent[-1] in arrivals.masks and sent[-1] in arrivals.grids,
                  _LAST_ANSWER_S)
        node.shut_down()
    counted = sent[warm_up:]
    return GraphRun(counted, _only(arrivals.masks, counted), _only(arrivals.grids, counted),
                    arrivals.stages_ms(counted), after.cores_since(before), after.memory_mib)


def _stamps(connection: Connection, node: ManagedNode, timeout_s: float) -> list[int]:
    """Return the stamps of the frames sent, once the last one is."""
    if not node.wait(connection.poll, timeout_s):
        raise node.error('a camera that does not end')
    return connection.recv()


def _only(arrivals: dict[int, int], stamps: list[int]) -> dict[int, int]:
    """Return the arrivals of these stamps."""
    return {stamp: arrivals[stamp] for stamp in stamps if stamp in arrivals}


class _Arrivals:
    """
    When masks and grids come, by stamp.

    :param client: what subscribes.
    :param progress: called after each mask with their number.
    """

    def __init__(self, client: ClientNode, progress: Callable[[int], None]) -> None:
        self.masks: dict[int, int] = {}
        self.grids: dict[int, int] = {}
        self._timings: dict[int, bytes] = {}
        self._progress = progress
        for kind, topic, callback in (
                (Image, 'road_mask', self._take_mask),
                (OccupancyGrid, 'drivable_area', self._take_grid),
                (DiagnosticArray, 'road_seg/debug/timings', self._take_timings)):
            client.subscribe(kind, topic, callback, qos.output(), raw=True)

    def stages_ms(self, stamps: list[int]) -> dict[str, list[float]]:
        """Return the durations of each stage in the frames of these stamps, ms."""
        stages: dict[str, list[float]] = {}
        for stamp in stamps:
            if stamp in self._timings:
                message = deserialize_message(self._timings[stamp], DiagnosticArray)
                for item in message.status[0].values:
                    stages.setdefault(item.key, []).append(float(item.value))
        return stages

    def _take_mask(self, cdr: bytes) -> None:
        self.masks[header_stamp_ns(cdr)] = time.time_ns()
        self._progress(len(self.masks))

    def _take_grid(self, cdr: bytes) -> None:
        self.grids[header_stamp_ns(cdr)] = time.time_ns()

    def _take_timings(self, cdr: bytes) -> None:
        self._timings[header_stamp_ns(cdr)] = cdr
