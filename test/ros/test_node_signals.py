"""SIGINT and SIGTERM end the node soon, in any state and amid any transition."""

from collections.abc import Callable
from collections.abc import Iterator
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import pytest

from road_seg.ros.client_node import ClientNode
from road_seg.ros.client_node import lossless_environment

pytestmark = pytest.mark.ros

TIMEOUT_S = 60.0
# What a vehicle's shutdown allows.
LIMIT_S = 2.0
NAMESPACE = '/signals'
CONFIGURE, ACTIVATE = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE
DEACTIVATE, CLEANUP = Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP
WALKS = {'unconfigured': (), 'inactive': (CONFIGURE,), 'active': (CONFIGURE, ACTIVATE),
         'finalized': (Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,)}
# Runs the node with one of its functions made slow; says when it is at work.
SLOW = """
import importlib, sys, time
module, owner, name = sys.argv.pop(1).split(':')
module = importlib.import_module(module)
owner = getattr(module, owner) if owner else module
function = getattr(owner, name)
def slow(*arguments, **options):
    print('amid', flush=True)
    time.sleep(0.5)
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
    time.sleep(30)
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
        """Go through transitions."""
        self.wait(self._change.service_is_ready)
        for transition in transitions:
            future = self.ask(transition)
            self.wait(future.done)
            assert future.result().success

    def ask(self, transition: int) -> object:
        """Ask for a transition; return the future of the answer."""
        return self._change.call_async(ChangeState.Request(
            transition=Transition(id=transition)))

    def end(self, number: signal.Signals) -> float:
        """Send a signal; return how long the process goes on, s."""
        started = time.perf_counter()
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=TIMEOUT_S)
        seconds = time.perf_counter() - started
        assert self.process.returncode == 0
        assert 'Traceback' not in errors
        return seconds


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
    assert child.end(number) < LIMIT_S


@both_signals
@pytest.mark.parametrize('verb', SLOW_AT)
def test_amid_every_transition(start: Callable[..., Child], tiny_model_path: Path, verb: str,
                               number: signal.Signals) -> None:
    function, walk, transition = SLOW_AT[verb]
    child = start('-c', SLOW, function, model=tiny_model_path, backend='onnxruntime')
    child.walk(*walk)
    child.ask(transition)
    assert child.process.stdout.readline() == 'amid\n'
    assert child.end(number) < LIMIT_S


@both_signals
@pytest.mark.parametrize('after_s', [0.0, 0.2, 0.5])
def test_while_the_shipped_model_loads(start: Callable[..., Child], number: signal.Signals,
                                       after_s: float) -> None:
    child = start('-m', 'road_seg.ros.node')
    child.walk()
    child.ask(CONFIGURE)
    time.sleep(after_s)
    assert child.end(number) < LIMIT_S


@both_signals
def test_while_an_engine_is_built(start: Callable[..., Child], tiny_model_path: Path,
                                  tmp_path: Path, number: signal.Signals) -> None:
    child = start('-c', BUILDING, str(tmp_path), model=tiny_model_path, backend='tensorrt')
    child.walk(CONFIGURE)
    assert child.process.stdout.readline() == 'amid\n'
    assert child.end(number) < LIMIT_S
