"""Tests of the client's node: signals interrupt its waits and nothing else."""

from functools import partial
from pathlib import Path
import signal

from interruptions import places
from interruptions import signal_amid
import numpy as np
import pytest
from rclpy.serialization import serialize_message
from ros_graph import camera_info_message
from ros_graph import child_nodes
from ros_graph import image_message

from road_seg.calibration import CameraInfo
from road_seg.ros.graph import NodeUnderTest

pytestmark = pytest.mark.ros

HEIGHT, WIDTH = 64, 96
FRAMES = 2000  # in which everything comes again that comes once a second


def test_an_interruption_leaves_the_client_whole_wherever_it_comes(
        ros_domain: int, tiny_model_path: Path) -> None:
    image = serialize_message(image_message(np.zeros((HEIGHT, WIDTH, 3), np.uint8), 'rgb8', 1))
    info = serialize_message(camera_info_message(CameraInfo.nominal(WIDTH, HEIGHT, 60.0)))
    before = child_nodes()
    handler = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with NodeUnderTest({'model': str(tiny_model_path), 'backend': 'onnxruntime',
                            'grid.max_age_s': 0.0}, 'sensor_msgs/msg/Image') as node:
            def send_frames(count: int) -> None:
                for _ in range(count):
                    node.send_camera_info(info)
                    node.process(image, 1_000_000_025)

            send_frames(20)  # and what comes but once
            entered = places(partial(send_frames, 2))
            assert {'__del__', 'can_execute', 'poll', 'publish'} <= {name for _, name in entered}
            for place in entered:
                with pytest.raises(KeyboardInterrupt), signal_amid(place, signal.SIGTERM):
                    send_frames(FRAMES)
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert child_nodes() == before
