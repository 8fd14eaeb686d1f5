"""The install space that `colcon build` makes, and the node started from it."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import random
import shutil
import signal
import subprocess
import sys
import time

from lifecycle_msgs.srv import GetState
import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor

ROOT = Path(__file__).parents[1]
PATIENCE_S = 60.0


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
    """Environment after sourcing the install space, in a ROS domain of its own."""
    shell = subprocess.run(
        ['sh', '-c', f'. {install.parent}/setup.sh && env -0'],
        env={'AMENT_PREFIX_PATH': sys.prefix, **os.environ}, capture_output=True, text=True,
        check=True)
    variables = dict(entry.split('=', 1) for entry in shell.stdout.split('\0') if entry)
    return {**variables, 'ROS_DOMAIN_ID': str(random.randrange(1, 100))}


@contextmanager
def _running(command: list[str | Path], environment: dict[str, str]) -> Iterator[None]:
    """Run a program; end it with SIGINT and expect exit status 0."""
    process = subprocess.Popen(command, env=environment)
    try:
        yield
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()


def _wait_for_state(node_name: str, wanted: str, domain: str) -> None:
    """Ask a lifecycle node for its state until it is the one wanted."""
    context = Context()
    rclpy.init(context=context, domain_id=int(domain))
    node = rclpy.create_node('state_client', context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    client = node.create_client(GetState, f'{node_name}/get_state')
    deadline = time.monotonic() + PATIENCE_S
    state = None
    try:
        while state != wanted and time.monotonic() < deadline:
            if client.wait_for_service(0.2):
                answer = client.call_async(GetState.Request())
                executor.spin_until_future_complete(answer, 1.0)
                state = answer.result().current_state.label if answer.done() else state
                time.sleep(0.1)
    finally:
        node.destroy_node()
        rclpy.shutdown(context=context)
    assert state == wanted


def _files(package: Path) -> set[Path]:
    return {path.relative_to(package) for path in package.rglob('*')
            if path.is_file() and path.suffix != '.pyc'}


def test_holds_what_ros_tools_look_for(install: Path) -> None:
    share = install / 'share' / 'road_seg'
    marker = install / 'share' / 'ament_index' / 'resource_index' / 'packages' / 'road_seg'
    assert marker.is_file()
    assert (share / 'package.xml').is_file()
    assert (share / 'launch' / 'seg.launch.py').is_file()
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


def test_installed_node_starts(install: Path, environment: dict[str, str]) -> None:
    with _running([install / 'lib' / 'road_seg' / 'road_seg_node'], environment):
        _wait_for_state('/road_seg', 'unconfigured', environment['ROS_DOMAIN_ID'])


@pytest.mark.skipif(shutil.which('ros2') is None,
                    reason='no `ros2` command here; ros2cli and launch_ros have no wheels')
@pytest.mark.parametrize(('arguments', 'node_name', 'state'), [
    ([], '/road_seg', 'active'),
    (['namespace:=front', 'use_sim_time:=true'], '/front/road_seg', 'active'),
    (['autostart:=false'], '/road_seg', 'unconfigured'),
])
def test_launch_file_starts_the_node(arguments: list[str], node_name: str, state: str,
                                     environment: dict[str, str], tiny_model_path: Path) -> None:
    command = ['ros2', 'launch', 'road_seg', 'seg.launch.py', f'model:={tiny_model_path}']
    with _running([*command, *arguments], environment):
        _wait_for_state(node_name, state, environment['ROS_DOMAIN_ID'])
