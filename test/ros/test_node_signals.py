"""SIGINT and SIGTERM end the node in any state, and amid any transition without waiting for it."""

from collections.abc import Callable
from collections.abc import Iterator
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import pytest

from road_seg.ros import qos
from road_seg.ros.client_node import ClientNode
from road_seg.ros.client_node import lossless_environment

pytestmark = pytest.mark.ros

TIMEOUT_S = 60.0
# Beyond TIMEOUT_S: what ends earlier has not waited for it.
ENDLESS_S = 600.0
NAMESPACE = '/signals'
CONFIGURE, ACTIVATE = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE
DEACTIVATE, CLEANUP = Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP
STATES = {CONFIGURE: 'inactive', ACTIVATE: 'active',
          Transition.TRANSITION_UNCONFIGURED_SHUTDOWN: 'finalized'}
WALKS = {'unconfigured': (), 'inactive': (CONFIGURE,), 'active': (CONFIGURE, ACTIVATE),
         'finalized': (Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,)}
# Runs the node with one of its functions made slow; says when it is at work.
SLOW = """
import importlib, sys, time
seconds = float(sys.argv.pop(1))
module, owner, name = sys.argv.pop(1).split(':')
module = importlib.import_module(module)
owner = getattr(module, owner) if owner else module
function = getattr(owner, name)
def slow(*arguments, **options):
    print('amid', flush=True)
    time.sleep(seconds)
    return function(*arguments, **options)
from road_seg.ros.node import main
setattr(owner, name, slow)
sys.exit(main())
"""
# Runs it with a TensorRT that takes long over one step of a build.
BUILDING = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
import fake_tensorrt, pytest
from road_seg.ros.node import main
def build():
    print('amid', flush=True)
    time.sleep({ENDLESS_S})
with pytest.MonkeyPatch.context() as patch:
    fake_tensorrt.install(patch, sys.argv.pop(1))[1].amid_build = build
    sys.exit(main())
"""
ONNX_RUNTIME = 'road_seg.backends.onnxruntime_backend:OnnxRuntimeBackend'
SLOW_AT = {
    'configure': (f'{ONNX_RUNTIME}:_activate', (), CONFIGURE),
    'activate': ('road_seg.ros.node::input_topics', (CONFIGURE,), ACTIVATE),
    'deactivate': ('road_seg.ros.worker:NewestItemWorker:stop', (CONFIGURE, ACTIVATE), DEACTIVATE),
    'cleanup': (f'{ONNX_RUNTIME}:_deactivate', (CONFIGURE,), CLEANUP),
}

both_signals = pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])


class Child:
    """
    A node in a process, and a client that asks it for transitions.

    :param arguments: to Python.
    """

    def __init__(self, client: ClientNode, arguments: list[str], environment: dict[str, str],
                 **parameters: object) -> None:
        self._client = client
        self._state: str | None = None
        client.subscribe(DiagnosticArray, '/diagnostics', self._take_state, qos.diagnostics())
        self._change = client.service_client(ChangeState, f'{NAMESPACE}/road_seg/change_state')
        rules = [word for name, value in parameters.items()
                 for word in ('-p', f'{name}:={value}')]
        self.process = subprocess.Popen(
            [sys.executable, *arguments, '--ros-args', '-r', f'__ns:={NAMESPACE}', *rules],
            text=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait while the process lives."""
        def check() -> None:
            assert self.process.poll() is None, self.process.communicate()

        assert self._client.wait(condition, TIMEOUT_S, check)

    def walk(self, *transitions: int) -> None:
        """
        Go through transitions.

        The diagnostics tell when one is done: a response may be lost, because a service is ready
        for a client before it knows where to respond to.
        """
        self.wait(self._change.service_is_ready)
        for transition in transitions:
            self.ask(transition)
            self.wait(lambda wanted=STATES[transition]: self._state == wanted)

    def ask(self, transition: int) -> None:
        """Ask for a transition."""
        self._change.call_async(ChangeState.Request(transition=Transition(id=transition)))

    def _take_state(self, message: DiagnosticArray) -> None:
        """Keep the state the node reports."""
        for status in message.status:
            self._state = {item.key: item.value for item in status.values}.get(
                'state', self._state)

    def end(self, number: signal.Signals) -> None:
        """Send a signal; check that the process ends in order and in time."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=TIMEOUT_S)
        assert self.process.returncode == 0
        assert 'Traceback' not in errors


@pytest.fixture
def start(ros_domain: int, tmp_path: Path) -> Iterator[Callable[..., Child]]:
    """Return what starts a node; it ends after the test."""
    children = []
    environment = {**os.environ, **lossless_environment(), 'ROS_DOMAIN_ID': str(ros_domain),
                   'ROS_LOG_DIR': str(tmp_path)}
    with ClientNode(NAMESPACE, ros_domain) as client:
        def run(*arguments: str, **parameters: object) -> Child:
            children.append(Child(client, list(arguments), environment, **parameters))
            return children[-1]

        yield run
        for child in children:
            child.process.kill()
            child.process.communicate()


@both_signals
@pytest.mark.parametrize('state', WALKS)
def test_in_every_state(start: Callable[..., Child], tiny_model_path: Path, state: str,
                        number: signal.Signals) -> None:
    child = start('-m', 'road_seg.ros.node', model=tiny_model_path, backend='onnxruntime')
    child.walk(*WALKS[state])
    child.end(number)


@both_signals
@pytest.mark.parametrize('verb', SLOW_AT)
@pytest.mark.parametrize('slow_s', [0.2, ENDLESS_S])
def test_amid_every_transition(start: Callable[..., Child], tiny_model_path: Path, slow_s: float,
                               verb: str, number: signal.Signals) -> None:
    function, walk, transition = SLOW_AT[verb]
    child = start('-c', SLOW, str(slow_s), function, model=tiny_model_path, backend='onnxruntime')
    child.walk(*walk)
    child.ask(transition)
    assert child.process.stdout.readline() == 'amid\n'
    child.end(number)


@both_signals
@pytest.mark.parametrize('after_s', [0.0, 0.2, 0.5])
def test_while_the_shipped_model_loads(start: Callable[..., Child], number: signal.Signals,
                                       after_s: float) -> None:
    child = start('-m', 'road_seg.ros.node')
    child.walk()
    child.ask(CONFIGURE)
    time.sleep(after_s)
    child.end(number)


@both_signals
def test_while_an_engine_is_built(start: Callable[..., Child], tiny_model_path: Path,
                                  tmp_path: Path, number: signal.Signals) -> None:
    child = start('-c', BUILDING, str(tmp_path), model=tiny_model_path, backend='tensorrt')
    child.walk(CONFIGURE)
    assert child.process.stdout.readline() == 'amid\n'
    child.end(number)
