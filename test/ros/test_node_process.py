"""Tests of the node as a process of its own."""

from collections.abc import Callable
import os
from pathlib import Path
import signal
import subprocess
import sys

import numpy as np
import pytest
from rclpy.serialization import serialize_message
from ros_graph import child_nodes
from ros_graph import image_message

from road_seg.errors import InputError
from road_seg.ros.client_node import lossless_environment
from road_seg.ros.conversions import NS_PER_S
from road_seg.ros.graph import NodeUnderTest

pytestmark = pytest.mark.ros

TIMEOUT_S = 60.0

Start = Callable[..., subprocess.Popen]


@pytest.fixture
def start(ros_domain: int, tmp_path: Path) -> Start:
    """Return what starts a node with command-line arguments; it ends after the test."""
    children = []
    environment = {**os.environ, **lossless_environment(), 'ROS_DOMAIN_ID': str(ros_domain),
                   'ROS_LOG_DIR': str(tmp_path)}

    def run(*arguments: str) -> subprocess.Popen:
        children.append(subprocess.Popen(
            [sys.executable, '-m', 'road_seg.ros.node', *arguments], text=True, env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
        return children[-1]

    yield run
    for child in children:
        child.kill()
        child.wait()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_node_at_work_with_status_0(
        ros_domain: int, tiny_model_path: Path, tmp_path: Path, number: signal.Signals) -> None:
    before = child_nodes()
    log = tmp_path / 'node.log'
    image = serialize_message(image_message(np.zeros((64, 96, 3), np.uint8), 'rgb8'))

    def feed_and_signal() -> None:
        with NodeUnderTest({'model': str(tiny_model_path), 'backend': 'onnxruntime'},
                           'sensor_msgs/msg/Image', log_path=log) as node:
            node.process(image, NS_PER_S + 25)
            child, = set(child_nodes()) - set(before)
            os.kill(child, number)
            while True:
                node.process(image, NS_PER_S + 25)

    with pytest.raises(InputError, match='road_seg_node: found it ended with status 0'):
        feed_and_signal()
    assert 'Traceback' not in log.read_text()
    assert '[ERROR]' not in log.read_text()


def test_a_parameter_file_that_ros_refuses_is_one_line_and_status_2(start: Start) -> None:
    child = start('--ros-args', '--params-file', '/nowhere/road_seg.yaml')
    output, _ = child.communicate(timeout=TIMEOUT_S)
    assert child.returncode == 2
    assert 'Traceback' not in output
    line, = [line for line in output.splitlines() if line.startswith('road_seg_node: ')]
    assert '/nowhere/road_seg.yaml' in line
