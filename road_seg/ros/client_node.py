"""A node of the client in a ROS context of its own."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from contextlib import ExitStack
import os
import time
from types import TracebackType

import rclpy
from rclpy.client import Client
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription

from road_seg.resources import config_dir
from road_seg.ros.held_signals import HeldSignals

_STEP_S = 0.1


def lossless_environment() -> dict[str, str]:
    """
    Return the variables both sides of a lock-step graph are started with.

    They keep the graph on this machine and make room for whole images in shared memory, unless
    the user has set them.
    """
    defaults = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
                'FASTDDS_DEFAULT_PROFILES_FILE': str(config_dir() / 'fastdds.xml')}
    return {name: os.environ.get(name) or value for name, value in defaults.items()}


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]
        os.environ.update({name: before[name] for name in variables if name in before})


class ClientNode:
    """
    Publish, subscribe and call services without touching the process's default ROS context.

    Within it, SIGINT and SIGTERM interrupt nothing but wait.

    :param namespace: of the node.
    :param domain_id: ROS domain.
    """

    def __init__(self, namespace: str, domain_id: int) -> None:
        self._namespace = namespace
        self._domain_id = domain_id

    def __enter__(self) -> 'ClientNode':
        with ExitStack() as stack:
            self._signals = stack.enter_context(HeldSignals())
            context = Context()
            # The middleware reads them while the first node is made.
            with _environment(lossless_environment()):
                rclpy.init(context=context, args=[], domain_id=self._domain_id)
                stack.callback(rclpy.try_shutdown, context=context)
                self._node = Node('road_seg_client', namespace=self._namespace,
                                  context=context, enable_rosout=False,
                                  start_parameter_services=False)
                stack.callback(self._node.destroy_node)
            self._executor = SingleThreadedExecutor(context=context)
            stack.callback(self._executor.shutdown)
            self._executor.add_node(self._node)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self._stack.close()

    def publisher(self, kind: type, topic: str,
                  profile: QoSProfile | None = None) -> Publisher:
        """Create a publisher, a reliable one without a profile."""
        return self._node.create_publisher(kind, topic, profile or QoSProfile(depth=1))

    def remove(self, publisher: Publisher) -> None:
        """Destroy a publisher."""
        self._node.destroy_publisher(publisher)

    def subscribe(self, kind: type, topic: str, callback: Callable, profile: QoSProfile, *,
                  raw: bool = False) -> Subscription:
        """Create a subscription; a raw one hands over serialized messages."""
        return self._node.create_subscription(kind, topic, callback, profile, raw=raw)

    def service_client(self, kind: type, name: str) -> Client:
        """Create a client of a service."""
        return self._node.create_client(kind, name)

    def wait(self, condition: Callable[[], bool], timeout_s: float,
             check: Callable[[], None]) -> bool:
        """
        Let callbacks run until a condition holds.

        :param timeout_s: longest wait, s.
        :param check: called now and then; what it raises ends the wait.
        :return: whether the condition holds.
        :raises BaseException: what the handler of a signal raises that was received.
        """
        deadline = time.perf_counter() + timeout_s
        while True:
            self._signals.let_through()
            if condition():
                return True
            check()
            remaining = deadline - time.perf_counter()
            if remaining <= 0.0:
                return False
            self._executor.spin_once(timeout_sec=min(_STEP_S, remaining))
