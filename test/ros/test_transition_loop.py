"""A thousand transitions in any order leave nothing behind."""

from collections.abc import Callable
import os
from pathlib import Path
import random
import resource
from threading import active_count

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import numpy as np
import pytest
from ros_graph import Graph
from ros_graph import image_message
from sensor_msgs.msg import Image

from road_seg.ros.label_info import LabelInfo

pytestmark = pytest.mark.ros

COUNT = 1000
SETTLED = 100
# The middleware and the allocators keep a little; a leak of 5 KiB a transition is above it.
MEMORY_GROWTH_MIB = 4.0
# The middleware opens and ends a few of its own as it meets others.
OWN_OF_MIDDLEWARE = 5
NEXT = {
    ('unconfigured', Transition.TRANSITION_CONFIGURE): 'inactive',
    ('inactive', Transition.TRANSITION_ACTIVATE): 'active',
    ('active', Transition.TRANSITION_DEACTIVATE): 'inactive',
    ('inactive', Transition.TRANSITION_CLEANUP): 'unconfigured',
}
TRANSITIONS = [transition for _, transition in NEXT]
PICTURE = np.zeros((64, 96, 3), np.uint8)


def memory_mib() -> float:
    """Return the resident memory of this process, MiB."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def used_by_process() -> tuple[float, int, int]:
    """Return resident memory, MiB, threads of the system, and file descriptors."""
    return memory_mib(), len(os.listdir('/proc/self/task')), len(os.listdir('/proc/self/fd'))


def held_by_node(graph: Graph) -> tuple[int, ...]:
    """Return the numbers of Python's threads and of the node's ROS entities."""
    node = graph.node
    return (active_count(), *(len(list(entities)) for entities in (
        node.publishers, node.subscriptions, node.timers, node.services)))


def test_random_transitions_leave_nothing_behind(make_graph: Callable[..., Graph]) -> None:
    """Valid or not, with frames coming in."""
    graph = make_graph(extrinsics__source='parameters')
    threads, publishers, *_, services = held_by_node(graph)
    client = graph.client.create_client(ChangeState, 'road_seg/change_state')
    assert graph.wait(client.service_is_ready)
    masks = set()
    graph.client.create_subscription(
        Image, 'road_mask', lambda mask: masks.add(mask.header.stamp.sec), 1)
    camera = graph.client.create_publisher(Image, 'image', 1)
    rng = random.Random(0)
    state = 'unconfigured'
    held: dict[str, set[tuple[int, ...]]] = {}
    used = []
    for number in range(COUNT):
        transition = rng.choice(TRANSITIONS)
        future = client.call_async(ChangeState.Request(transition=Transition(id=transition)))
        assert graph.wait(future.done)
        assert future.result().success is ((state, transition) in NEXT)
        state = NEXT.get((state, transition), state)
        camera.publish(image_message(PICTURE, 'rgb8', stamp=number))
        graph.statuses.clear()
        held.setdefault(state, set()).add(held_by_node(graph))
        used.append(used_by_process())
    outputs = 6 + (LabelInfo is not None)
    # Active: the worker, image and camera_info.
    assert held == {'unconfigured': {(threads, publishers, 0, 1, services)},
                    'inactive': {(threads, publishers + outputs, 0, 1, services)},
                    'active': {(threads + 1, publishers + outputs, 2, 1, services)}}
    assert masks
    settled, last = (np.array(part).max(axis=0) for part in (used[:SETTLED], used[-SETTLED:]))
    assert last[0] - settled[0] < MEMORY_GROWTH_MIB
    assert (last[1:] - settled[1:] <= OWN_OF_MIDDLEWARE).all()
