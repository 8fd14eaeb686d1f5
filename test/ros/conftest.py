"""Fixtures of the tests that need ROS 2."""

from collections.abc import Callable
from collections.abc import Iterator
import os
from pathlib import Path

import pytest
import rclpy
from ros_graph import Graph

from road_seg.ros.client_node import lossless_environment


@pytest.fixture(scope='session', autouse=True)
def ros_environment(ros_domain: int) -> None:
    """Keep the graph on this machine and give it room for whole images."""
    os.environ.update(lossless_environment())


@pytest.fixture(scope='session')
def ros_context(ros_domain: int, ros_environment: None,
                tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Initialise ROS once: a second initialisation costs more than a test."""
    os.environ['ROS_LOG_DIR'] = str(tmp_path_factory.mktemp('ros_log'))
    rclpy.init(args=[], domain_id=ros_domain)
    yield
    rclpy.try_shutdown()


@pytest.fixture
def make_graph(ros_context: None, tiny_model_path: Path) -> Iterator[Callable[..., Graph]]:
    """Return what makes graphs; they are closed after the test."""
    graphs = []

    def make(*remaps: str, **parameters: object) -> Graph:
        values = {'model': tiny_model_path, 'backend': 'onnxruntime', 'threads': 1,
                  'grid.max_age_s': 0.0}  # the stamps of the tests are of long ago
        values.update({name.replace('__', '.'): value for name, value in parameters.items()})
        graphs.append(Graph(values, remaps))
        return graphs[-1]

    yield make
    for graph in graphs:
        graph.close()
