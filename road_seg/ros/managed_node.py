"""The node as a child process that a client brings to active and watches."""

from collections.abc import Callable
from collections.abc import Mapping
import itertools
import os
import re
from types import TracebackType

from diagnostic_msgs.msg import DiagnosticArray
from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.task import Future

from road_seg.errors import InputError
from road_seg.ros import qos
from road_seg.ros.client_node import ClientNode
from road_seg.ros.client_node import lossless_environment
from road_seg.ros.diagnostics import status_name
from road_seg.ros.diagnostics import verdict_of
from road_seg.ros.node_process import NodeProcess
from road_seg.verdict import Verdict

_START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 10.0
_DOMAINS = range(1, 102)  # below the ports that Linux hands out to clients
_serial_numbers = itertools.count()
_ERROR_TEXT = re.compile(r'(?:configure: |activate: )?(.*?): found (.*); expected (.*); (.*)')


def own_domain() -> int:
    """Return ROS_DOMAIN_ID, or without it a domain that follows from the process id."""
    return int(os.environ.get('ROS_DOMAIN_ID') or _DOMAINS[os.getpid() % len(_DOMAINS)])


def own_namespace(purpose: str) -> str:
    """Return a namespace in which no other node lives."""
    return f'/{purpose}_{os.getpid()}_{next(_serial_numbers)}'


class ManagedNode:
    """
    Start the real node in a process of its own, which ends when the context is left.

    :param client: what speaks for the caller. Subscriptions it has by now exist before the node
        does, so that the node knows them before it publishes.
    :param namespace: of the client and of the node.
    :param domain_id: ROS domain of both.
    :param parameters: the node's parameters by full name.
    :param log_path: file for what the node prints.
    """

    def __init__(self, client: ClientNode, namespace: str, domain_id: int,
                 parameters: Mapping[str, object],
                 log_path: str | os.PathLike | None = None) -> None:
        self._client = client
        self._name = f'{namespace}/road_seg'
        self._status = DiagnosticStatus()
        self.values: dict[str, str] = {}
        client.subscribe(DiagnosticArray, '/diagnostics', self._take_diagnostics,
                         qos.diagnostics())
        self._change_state = client.service_client(ChangeState, f'{self._name}/change_state')
        self._process = NodeProcess(
            parameters, namespace=namespace, log_path=log_path, environment={
                'ROS_DOMAIN_ID': str(domain_id), **lossless_environment()})

    def __enter__(self) -> 'ManagedNode':
        self._process.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self._process.__exit__(kind, error, traceback)

    @property
    def pid(self) -> int:
        """Process id of the node."""
        return self._process.pid

    @property
    def verdict(self) -> Verdict:
        """The node's last report on itself."""
        return verdict_of(self._status)

    def bring_up(self) -> None:
        """
        Configure and activate the node.

        :raises InputError: it does not become active.
        """
        if not self.wait(self._change_state.service_is_ready, _START_TIMEOUT_S):
            raise self.error('no lifecycle service')
        self._change(Transition.TRANSITION_CONFIGURE, 'inactive')
        self.activate()

    def activate(self) -> None:
        """
        Activate the inactive node.

        :raises InputError: it does not become active.
        """
        self._change(Transition.TRANSITION_ACTIVATE, 'active')

    def deactivate(self) -> None:
        """
        Deactivate the active node.

        :raises InputError: it does not become inactive.
        """
        self._change(Transition.TRANSITION_DEACTIVATE, 'inactive')

    def shut_down(self) -> None:
        """Ask an active node to finalize and wait for it."""
        future = self._request(Transition.TRANSITION_ACTIVE_SHUTDOWN)
        self.wait(lambda: future.done() or self._state == 'finalized', STOP_TIMEOUT_S)

    def wait(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Let messages come in until a condition holds; say whether it does in time."""
        return self._client.wait(condition, timeout_s, self._process.check)

    def error(self, found: str) -> InputError:
        """Return the node's own error where it reports one, else what was found here."""
        text = self._status.message if self._status.level != DiagnosticStatus.OK else ''
        own = _ERROR_TEXT.fullmatch(text)
        if own:
            where, its_found, expected, fix = own.groups()
            return InputError(where, found=its_found, expected=expected, fix=fix)
        return InputError('road_seg_node', found=f'{found} ({text or "its diagnostic is OK"})',
                          expected='an answer',
                          fix=f'see what it printed: {self._process.tail or "nothing"}')

    def _change(self, transition: int, state: str) -> None:
        """Ask for a transition and wait until the node reports its state."""
        self._request(transition)
        # The diagnostics tell, because a response may be lost: a service is ready for a client
        # before it knows where to respond to.
        if not self.wait(lambda: self._state == state or self._has_failed,
                         _START_TIMEOUT_S) or self._has_failed:
            raise self.error(f'it does not become {state}')

    def _request(self, transition: int) -> Future:
        """Ask for a lifecycle transition."""
        return self._change_state.call_async(
            ChangeState.Request(transition=Transition(id=transition)))

    @property
    def _state(self) -> str | None:
        """The lifecycle state the node reports."""
        return self.values.get('state')

    @property
    def _has_failed(self) -> bool:
        """Say whether the node reports an error."""
        return self._status.level == DiagnosticStatus.ERROR

    def _take_diagnostics(self, message: DiagnosticArray) -> None:
        """Keep the node's status."""
        for status in message.status:
            if status.name == status_name(self._name):
                self._status = status
                self.values = {item.key: item.value for item in status.values}
