"""A soak run: the real node, a camera with faults, and what a monitor sees."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import ExitStack
from multiprocessing.connection import Connection
import os
import signal
import time

from diagnostic_msgs.msg import DiagnosticArray
from nav_msgs.msg import OccupancyGrid
import numpy as np
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image

from road_seg.errors import InputError
from road_seg.process_usage import ProcessUsage
from road_seg.ros import qos
from road_seg.ros.client_node import ClientNode
from road_seg.ros.diagnostics import status_name
from road_seg.ros.diagnostics import verdict_of
from road_seg.ros.fault_camera import fault_camera
from road_seg.ros.fault_camera import HEALTHY
from road_seg.ros.fault_camera import Loop
from road_seg.ros.fault_camera import Switched
from road_seg.ros.managed_node import ManagedNode
from road_seg.ros.managed_node import own_domain
from road_seg.ros.managed_node import own_namespace
from road_seg.serialized import header_stamp_ns
from road_seg.soak.faults import Action
from road_seg.soak.faults import Fault
from road_seg.soak.record import found_ns
from road_seg.soak.record import Injection
from road_seg.soak.record import Record
from road_seg.soak.record import recovered_ns
from road_seg.soak.record import Report
from road_seg.soak.record import with_silences
from road_seg.soak.schedule import Step
from road_seg.verdict import Level

_START_TIMEOUT_S = 60.0
_CAMERA_TIMEOUT_S = 10.0
# A fault that is not found by then is missed; so is a recovery.
_FOUND_TIMEOUT_S, _RECOVERED_TIMEOUT_S = 8.0, 10.0
# No fault is begun that could not end in the run.
_LAST_FAULT_S = 6.0
_USAGE_S = 1.0
_NS_PER_S = 1e9


def run_soak(loop: Loop, steps: Iterator[Step], seconds: float,
             parameters: Mapping[str, object], progress: Callable[[int, int], None]
             ) -> tuple[Record, dict[str, str]]:
    """
    Let the camera send frames to the real node and inject one fault after the other.

    :param steps: healthy stretches and faults, without end.
    :param seconds: how long, from the first mask on.
    :param parameters: the node's parameters by full name.
    :param progress: called with the whole seconds gone and in all.
    :return: what was seen, and the values of the node's last report.
    :raises InputError: the node does not become active.
    """
    domain_id, namespace = own_domain(), own_namespace('soak')
    image = f'qos_overrides.{namespace}/image.subscription.reliability'
    with ExitStack() as stack:
        client = stack.enter_context(ClientNode(namespace, domain_id))
        record = Record()
        _watch(client, f'{namespace}/road_seg', record)
        # Every publisher would match a best-effort subscription.
        node = stack.enter_context(ManagedNode(
            client, namespace, domain_id, {**parameters, image: 'reliable'}))
        node.bring_up()
        camera = stack.enter_context(fault_camera(loop, namespace, domain_id))
        if not node.wait(lambda: bool(record.masks), _START_TIMEOUT_S):
            raise node.error('no mask')
        _Run(node, camera, record, seconds, progress).go(steps)
        values = dict(node.values)
        if not record.broken:
            node.shut_down()
    return record, values


def _watch(client: ClientNode, node_name: str, record: Record) -> None:
    """Subscribe to what a planner and a monitor subscribe to."""
    def take_report(message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == status_name(node_name):
                verdict = verdict_of(status)
                record.reports.append(Report(
                    time.perf_counter_ns(), verdict.level, verdict.reasons))

    def take_mask(cdr: bytes) -> None:
        record.masks.add(header_stamp_ns(cdr))

    def take_grid(cdr: bytes) -> None:
        cells = deserialize_message(cdr, OccupancyGrid).data
        record.grids[header_stamp_ns(cdr)] = bool(np.any(np.frombuffer(cells, np.int8) >= 0))

    client.subscribe(DiagnosticArray, '/diagnostics', take_report, qos.diagnostics())
    client.subscribe(Image, 'road_mask', take_mask, qos.output(), raw=True)
    client.subscribe(OccupancyGrid, 'drivable_area', take_grid, qos.output(), raw=True)


class _Run:
    """
    Inject faults until the time is up.

    :param node: active.
    :param camera: its connection; it sends frames without a fault.
    :param record: filled.
    :param seconds: the whole run.
    :param progress: called with the whole seconds gone and in all.
    """

    def __init__(self, node: ManagedNode, camera: Connection, record: Record, seconds: float,
                 progress: Callable[[int, int], None]) -> None:
        self._node = node
        self._camera = camera
        self._record = record
        self._seconds = seconds
        self._progress = progress

    def go(self, steps: Iterator[Step]) -> None:
        """Run all steps there is time for."""
        self._answer()  # it began without a fault
        self._record.started_ns = time.perf_counter_ns()
        reports = self._record.reports
        self._wait(_START_TIMEOUT_S, lambda: reports and reports[-1].level == Level.OK)
        del reports[:-1]
        while self._left_s() > _LAST_FAULT_S and not self._record.broken:
            step = next(steps)
            try:
                self._wait(step.healthy_s)
                self._inject(step.fault)
            except InputError as error:  # what was seen until then still counts
                self._record.broken = f'{step.fault.name}: {error}'
        if not self._record.broken:
            self._wait(self._left_s())
            self._record.healthy_stamps += self._switch(HEALTHY).stamps
        self._record.ended_ns = time.perf_counter_ns()

    def _inject(self, fault: Fault) -> None:
        """Let a fault begin, wait until it is found, end it, wait until all is well again."""
        reports, since = self._record.reports, len(self._record.reports)
        started_ns = self._start(fault)
        try:
            self._wait(fault.hold_s)
            self._wait(_FOUND_TIMEOUT_S - fault.hold_s, lambda: found_ns(
                fault, started_ns, with_silences(reports[since - 1:], time.perf_counter_ns()))
                is not None)
        finally:
            if fault.action is Action.PAUSE:
                os.kill(self._node.pid, signal.SIGCONT)
        ended = self._switch(HEALTHY)
        self._record.injections.append(Injection(fault, started_ns, ended.at_ns, ended.stamps))
        self._wait(_RECOVERED_TIMEOUT_S, lambda: recovered_ns(ended.at_ns, reports[since:])
                   is not None)

    def _start(self, fault: Fault) -> int:
        """Let a fault begin; return when it did, perf_counter_ns."""
        if fault.action is Action.RESTART:
            self._node.deactivate()
        switched = self._switch(fault.name)
        self._record.healthy_stamps += switched.stamps
        if fault.action is Action.NONE:
            return switched.at_ns
        started_ns = time.perf_counter_ns()
        if fault.action is Action.RESTART:
            self._node.activate()
        else:
            os.kill(self._node.pid, signal.SIGSTOP)
        return started_ns

    def _switch(self, order: str) -> Switched:
        """Give the camera an order and return its answer."""
        self._camera.send(order)
        return self._answer()

    def _answer(self) -> Switched:
        """Return the camera's next answer."""
        if not self._node.wait(self._camera.poll, _CAMERA_TIMEOUT_S):
            raise self._node.error('a camera that does not answer')
        return self._camera.recv()

    def _wait(self, seconds: float, condition: Callable[[], bool] = lambda: False) -> None:
        """Let messages come in until a condition holds, and look at the process meanwhile."""
        def look() -> bool:
            usage = self._record.usage
            if not usage or time.perf_counter() - usage[-1].at_s >= _USAGE_S:
                usage.append(ProcessUsage.of(self._node.pid))
                self._progress(round(self._seconds - self._left_s()), round(self._seconds))
            return condition()

        self._node.wait(look, seconds)

    def _left_s(self) -> float:
        """Return the time until the end, s."""
        gone_ns = time.perf_counter_ns() - self._record.started_ns
        return self._seconds - gone_ns / _NS_PER_S
