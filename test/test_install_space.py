"""The install space that `colcon build` makes, and the node started from it."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import time

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from lifecycle_msgs.srv import GetState
import pytest
from rcl_interfaces.srv import GetParameters
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor

ROOT = Path(__file__).parents[1]
PATIENCE_S = 60.0

needs_launch = pytest.mark.skipif(
    shutil.which('ros2') is None,
    reason='no `ros2` command here; ros2cli and launch_ros have no wheels')


@pytest.fixture(scope='module')
def install(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prefix of the package in a fresh install space."""
    workspace = tmp_path_factory.mktemp('workspace')
    subprocess.run(
        [sys.executable, '-m', 'colcon', '--log-base', workspace / 'log', 'build',
         '--base-paths', ROOT, '--build-base', workspace / 'build',
         '--install-base', workspace / 'install', '--event-handlers', 'console_direct-'],
        check=True)
    return workspace / 'install' / 'road_seg'


@pytest.fixture
def environment(install: Path) -> dict[str, str]:
    """Environment after sourcing the install space."""
    shell = subprocess.run(
        ['sh', '-c', f'. {install.parent}/setup.sh && env -0'],
        env={'AMENT_PREFIX_PATH': sys.prefix, **os.environ}, capture_output=True, text=True,
        check=True)
    return dict(entry.split('=', 1) for entry in shell.stdout.split('\0') if entry)


@contextmanager
def _running(command: list[str | Path], environment: dict[str, str]) -> Iterator[None]:
    """Run a program; end it with SIGINT and expect exit status 0."""
    # A shell lets what it starts in the background ignore SIGINT, and launch then keeps to that.
    process = subprocess.Popen(command, env=environment, preexec_fn=lambda: signal.signal(
        signal.SIGINT, signal.SIG_DFL))
    try:
        yield
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()


class _Client:
    """A node that asks others."""

    def __init__(self, domain: int) -> None:
        self._context = Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = rclpy.create_node('test_client', context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)

    def close(self) -> None:
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)

    def wait_for_state(self, node_name: str, wanted: str) -> None:
        """Ask a lifecycle node for its state until it is the one wanted."""
        state = None
        deadline = time.monotonic() + PATIENCE_S
        while state != wanted and time.monotonic() < deadline:
            answer = self.ask(GetState, f'{node_name}/get_state', GetState.Request())
            state = answer.current_state.label if answer else state
            time.sleep(0.1)
        assert state == wanted

    def ask(self, kind: type, name: str, request: object) -> object:
        """Return the answer of a service; None if it does not come within a second."""
        client = self.node.create_client(kind, name)
        try:
            if not client.wait_for_service(1.0):
                return None
            answer = client.call_async(request)
            self._executor.spin_until_future_complete(answer, 1.0)
            return answer.result() if answer.done() else None
        finally:
            self.node.destroy_client(client)


@pytest.fixture
def client(ros_domain: int) -> Iterator[_Client]:
    """Return a client."""
    client = _Client(ros_domain)
    yield client
    client.close()


def _files(package: Path) -> set[Path]:
    return {path.relative_to(package) for path in package.rglob('*')
            if path.is_file() and path.suffix != '.pyc'}


def test_holds_what_ros_tools_look_for(install: Path) -> None:
    share = install / 'share' / 'road_seg'
    marker = install / 'share' / 'ament_index' / 'resource_index' / 'packages' / 'road_seg'
    assert marker.is_file()
    assert (share / 'package.xml').is_file()
    assert {path.name for path in (share / 'launch').iterdir()} == {
        'multi.launch.py', 'seg.launch.py'}
    for folder in ('config', 'launch'):
        shipped = {path.relative_to(ROOT) for path in (ROOT / folder).rglob('*.yaml')}
        assert shipped == {path.relative_to(share) for path in (share / folder).rglob('*.yaml')}
    package = next(install.glob('lib/python*/site-packages/road_seg'))
    assert _files(package) == _files(ROOT / 'road_seg')


def test_installed_package_finds_its_configuration(
        install: Path, environment: dict[str, str], tmp_path: Path) -> None:
    code = 'from road_seg.resources import config_dir; print(config_dir())'
    found = subprocess.run([sys.executable, '-c', code], env=environment, cwd=tmp_path,
                           capture_output=True, text=True, check=True).stdout.rstrip()
    assert Path(found) == install / 'share' / 'road_seg' / 'config'


def test_installed_node_starts(install: Path, environment: dict[str, str],
                               client: _Client) -> None:
    with _running([install / 'lib' / 'road_seg' / 'road_seg_node'], environment):
        client.wait_for_state('/road_seg', 'unconfigured')


@needs_launch
@pytest.mark.parametrize(('arguments', 'node_name', 'state'), [
    ([], '/road_seg', 'active'),
    (['namespace:=front', 'use_sim_time:=true'], '/front/road_seg', 'active'),
    (['autostart:=false'], '/road_seg', 'unconfigured'),
])
def test_launch_file_starts_the_node(arguments: list[str], node_name: str, state: str,
                                     environment: dict[str, str], client: _Client,
                                     tiny_model_path: Path) -> None:
    command = ['ros2', 'launch', 'road_seg', 'seg.launch.py', f'model:={tiny_model_path}']
    with _running([*command, *arguments], environment):
        client.wait_for_state(node_name, state)


@needs_launch
def test_launch_file_starts_a_node_a_camera(environment: dict[str, str], client: _Client,
                                            tiny_model_path: Path, tmp_path: Path) -> None:
    own = tmp_path / 'left.yaml'
    own.write_text('/**: {ros__parameters: {base_frame: left_base}}')
    command = ['ros2', 'launch', 'road_seg', 'multi.launch.py', f'model:={tiny_model_path}',
               'backend:=onnxruntime', 'image:=image_raw', 'cameras:=front,left,rear',
               f'left_params_file:={own}', 'rear_image:=/camera_3/image', 'rear_autostart:=false']
    with _running(command, environment):
        for camera, state in (('front', 'active'), ('left', 'active'), ('rear', 'unconfigured')):
            client.wait_for_state(f'/{camera}/road_seg', state)
        for camera, frame in (('front', 'base_link'), ('left', 'left_base')):
            answer = client.ask(GetParameters, f'/{camera}/road_seg/get_parameters',
                                GetParameters.Request(names=['base_frame']))
            assert answer.values[0].string_value == frame
            assert client.node.count_subscribers(f'/{camera}/image_raw') == 1
        client.ask(ChangeState, '/rear/road_seg/change_state', ChangeState.Request(
            transition=Transition(id=Transition.TRANSITION_CONFIGURE)))
        client.ask(ChangeState, '/rear/road_seg/change_state', ChangeState.Request(
            transition=Transition(id=Transition.TRANSITION_ACTIVATE)))
        client.wait_for_state('/rear/road_seg', 'active')
        assert client.node.count_subscribers('/camera_3/image') == 1
