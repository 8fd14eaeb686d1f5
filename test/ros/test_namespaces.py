"""Three nodes at once, one a camera: each answers its own camera's frames, by its own settings."""

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import ExitStack

import cv2
import numpy as np
import pytest
import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos import ReliabilityPolicy
from ros_graph import image_message
from ros_graph import TIMEOUT_S
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from tiny_model import expected_classes

from road_seg.ros.client_node import ClientNode
from road_seg.ros.managed_node import ManagedNode

pytestmark = pytest.mark.ros

CAMERAS = {
    'front': {},
    'left': {'qos_overrides./left/image.subscription.reliability': 'reliable',
             'qos_overrides./left/image.subscription.depth': 2},
    'right': {'image_transport': 'compressed'},
}
# A picture a camera, with no answer in common.
PICTURES = {camera: np.full((64, 96, 3), red, np.uint8)
            for camera, red in zip(CAMERAS, (40, 80, 120), strict=True)}


class Rig:
    """Three nodes in processes of their own, and a client that plays their cameras."""

    def __init__(self, client: ClientNode, nodes: dict[str, ManagedNode]) -> None:
        self.nodes = nodes
        self._client = client
        self.masks = {camera: [] for camera in CAMERAS}
        self._publishers = {}
        for camera in CAMERAS:
            client.subscribe(Image, f'/{camera}/road_mask', self.masks[camera].append,
                             QoSProfile(depth=10))
            kind, topic = ((CompressedImage, 'image/compressed') if camera == 'right'
                           else (Image, 'image'))
            self._publishers[camera] = client.publisher(kind, f'/{camera}/{topic}')

    def send(self, camera: str, stamp: int) -> None:
        """Publish a frame."""
        raw = image_message(PICTURES[camera], 'rgb8', stamp)
        self._publishers[camera].publish(
            raw if camera != 'right' else CompressedImage(
                header=raw.header, format='png',
                data=cv2.imencode('.png', PICTURES[camera][..., ::-1])[1].tobytes()))

    def wait(self, condition: Callable[[], object]) -> bool:
        """Let messages come in until a condition holds."""
        return self._client.wait(condition, TIMEOUT_S, lambda: None)

    def connect(self) -> None:
        """Send frames stamped 0 until each node has answered: an end may know the other first."""
        for camera, masks in self.masks.items():
            assert self.wait(lambda camera=camera, masks=masks: masks or self.send(camera, 0))


@pytest.fixture(scope='module')
def rig(ros_domain: int, tiny_model_path: object) -> Iterator[Rig]:
    """Return three active nodes."""
    shared = {'model': str(tiny_model_path), 'backend': 'onnxruntime', 'threads': 1,
              'grid.max_age_s': 0.0}
    with ExitStack() as stack:
        client = stack.enter_context(ClientNode('/', ros_domain))
        nodes = {camera: ManagedNode(client, f'/{camera}', ros_domain, {**shared, **own})
                 for camera, own in CAMERAS.items()}
        rig = Rig(client, nodes)
        for node in nodes.values():
            stack.enter_context(node)
        for node in nodes.values():
            node.bring_up()
        rig.connect()
        yield rig


@pytest.fixture
def observer(ros_context: None) -> Iterator[Node]:
    """Return a node that looks at the graph."""
    node = rclpy.create_node('observer', use_global_arguments=False)
    yield node
    node.destroy_node()


def test_each_answers_its_own_camera_only(rig: Rig) -> None:
    for number in range(1, 31):
        masks = rig.masks[list(CAMERAS)[number % 3]]
        before = len(masks)
        rig.send(list(CAMERAS)[number % 3], number)
        assert rig.wait(lambda masks=masks, before=before: len(masks) > before)
    for index, (camera, masks) in enumerate(rig.masks.items()):
        assert {bytes(mask.data) for mask in masks} == {
            expected_classes(PICTURES[camera]).tobytes()}
        assert [mask.header.stamp.sec for mask in masks if mask.header.stamp.sec] == [
            number for number in range(1, 31) if number % 3 == index]


def test_each_has_its_own_status(rig: Rig) -> None:
    def images() -> dict[str, str]:
        return {camera: node.values.get('image') for camera, node in rig.nodes.items()}

    for camera in CAMERAS:
        rig.send(camera, 40)
    expected = {'front': '96x64 rgb8', 'left': '96x64 rgb8', 'right': '96x64 png'}
    assert rig.wait(lambda: images() == expected)


def test_qos_overrides_hold_for_one_of_them(rig: Rig, observer: Node) -> None:
    found = {}
    for camera in ('front', 'left'):
        topic = f'/{camera}/image'
        assert rig.wait(lambda topic=topic: observer.get_subscriptions_info_by_topic(topic))
        end, = observer.get_subscriptions_info_by_topic(topic)
        found[camera] = end.qos_profile.reliability
    assert found == {'front': ReliabilityPolicy.BEST_EFFORT, 'left': ReliabilityPolicy.RELIABLE}
