"""Camera, node and subscriber as three processes over Fast DDS."""

from collections.abc import Iterator

from nav_msgs.msg import OccupancyGrid
import numpy as np
import pytest
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from tiny_model import expected_classes

from road_seg.calibration import CameraInfo
from road_seg.ros.camera_process import Camera
from road_seg.ros.camera_process import camera_process
from road_seg.ros.client_node import ClientNode
from road_seg.ros.conversions import stamp_ns
from road_seg.ros.managed_node import ManagedNode

pytestmark = pytest.mark.ros

HEIGHT, WIDTH = 64, 96
FRAMES = 20
PICTURE = np.random.default_rng(8).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
NAMESPACE = '/three'
TIMEOUT_S = 60.0


@pytest.fixture
def client(ros_domain: int) -> Iterator[ClientNode]:
    """Return the subscriber."""
    with ClientNode(NAMESPACE, ros_domain) as client:
        yield client


def test_frames_cross_two_borders_between_processes(client: ClientNode, ros_domain: int,
                                                    tiny_model_path: object) -> None:
    masks, grids = [], []
    client.subscribe(Image, 'road_mask', masks.append, QoSProfile(depth=FRAMES))
    client.subscribe(OccupancyGrid, 'drivable_area', grids.append, QoSProfile(depth=FRAMES))
    camera = Camera(PICTURE, CameraInfo.nominal(WIDTH, HEIGHT, 90.0), rate_hz=5.0, count=FRAMES)
    parameters = {'model': str(tiny_model_path), 'backend': 'onnxruntime', 'threads': 1,
                  f'qos_overrides.{NAMESPACE}/image.subscription.reliability': 'reliable',
                  'grid.max_age_s': 0.0}
    with ManagedNode(client, NAMESPACE, ros_domain, parameters) as node:
        node.bring_up()
        with (camera_process(camera, NAMESPACE, ros_domain) as stamps,
              ClientNode(NAMESPACE, 1 + ros_domain % 100) as stranger):
            elsewhere = stranger.subscribe(Image, 'road_mask', masks.append, QoSProfile(depth=1))
            assert node.wait(stamps.poll, TIMEOUT_S)
            sent = stamps.recv()
            assert node.wait(lambda: masks and stamp_ns(masks[-1].header.stamp) == sent[-1]
                             and grids and grids[-1].header.stamp == masks[-1].header.stamp,
                             TIMEOUT_S)
            assert elsewhere.get_publisher_count() == 0
        processed = str(len(masks))
        assert node.wait(lambda: node.values['frames processed'] == processed, TIMEOUT_S)
        assert (node.values['frames rejected'], node.values['frames failed']) == ('0', '0')
    answered = [stamp_ns(mask.header.stamp) for mask in masks]
    # A busy machine may drop some frames, and the first may come before its calibration.
    assert answered == sorted(set(answered) & set(sent))
    assert {bytes(mask.data) for mask in masks} == {expected_classes(PICTURE).tobytes()}
    assert {stamp_ns(grid.header.stamp) for grid in grids} <= set(answered)
    assert {(grid.header.frame_id, grid.info.width, grid.info.height) for grid in grids} == {
        ('base_link', 200, 200)}
