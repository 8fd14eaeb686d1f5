"""Tests of the names of the input topics."""

import pytest
import rclpy

from road_seg.ros.topics import input_topics

pytestmark = pytest.mark.ros


@pytest.mark.parametrize(('is_compressed', 'rules', 'image', 'camera_info'), [
    (False, [], '/image', '/camera_info'),
    (False, ['__ns:=/front'], '/front/image', '/front/camera_info'),
    (False, ['image:=/cam/image_raw'], '/cam/image_raw', '/cam/camera_info'),
    (False, ['__ns:=/front', 'image:=cam/image_raw'], '/front/cam/image_raw',
     '/front/cam/camera_info'),
    (False, ['image:=/cam/image_raw', 'camera_info:=/calibration'], '/cam/image_raw',
     '/calibration'),
    (True, [], '/image/compressed', '/camera_info'),
    (True, ['image:=/cam/image_raw'], '/cam/image_raw/compressed', '/cam/camera_info'),
    (True, ['image:=/cam/image_raw/compressed'], '/cam/image_raw/compressed',
     '/cam/camera_info'),
    (True, ['image/compressed:=/cam/jpeg/compressed'], '/cam/jpeg/compressed',
     '/cam/camera_info'),
])
def test_input_topics(ros_context: None, is_compressed: bool, rules: list[str], image: str,
                      camera_info: str) -> None:
    arguments = ['--ros-args', *(item for rule in rules for item in ('-r', rule))]
    node = rclpy.create_node('road_seg', cli_args=arguments, use_global_arguments=False)
    topics = input_topics(node, is_compressed)
    node.destroy_node()
    assert (topics.image, topics.camera_info) == (image, camera_info)
