"""Tests of the client side: the real node in a process, fed in lock step."""

from collections.abc import Iterator
import os
from pathlib import Path
import signal

from nav_msgs.msg import OccupancyGrid
import numpy as np
import pytest
from rclpy.serialization import deserialize_message
from rclpy.serialization import serialize_message
from ros_graph import camera_info_message
from ros_graph import child_nodes
from ros_graph import image_message
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from tiny_model import expected_classes

from road_seg.calibration import CameraInfo
from road_seg.errors import InputError
from road_seg.ros.graph import NodeUnderTest

pytestmark = pytest.mark.ros

IMAGE, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
HEIGHT, WIDTH = 64, 96
NS_PER_S = 10**9
PICTURE = np.random.default_rng(5).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


@pytest.fixture(scope='module')
def parameters(tiny_model_path: Path, ros_domain: int) -> dict[str, object]:
    """Return parameters of a node with the tiny model."""
    return {'model': str(tiny_model_path), 'backend': 'onnxruntime', 'threads': 1,
            'grid.max_age_s': 0.0}  # the stamps of the tests are of long ago


@pytest.fixture(scope='module')
def node(parameters: dict[str, object]) -> Iterator[NodeUnderTest]:
    """Return a running node that several tests feed."""
    with NodeUnderTest(parameters, IMAGE, outputs=('confidence', 'overlay')) as node:
        yield node


def frame(image: np.ndarray, stamp: int, encoding: str = 'rgb8') -> tuple[bytes, int]:
    """Return a serialized Image and its stamp, ns."""
    return serialize_message(image_message(image, encoding, stamp)), stamp * NS_PER_S + 25


def info(hfov_deg: float) -> bytes:
    """Return a serialized CameraInfo."""
    return serialize_message(camera_info_message(
        CameraInfo.nominal(WIDTH, HEIGHT, hfov_deg)))


def test_answers_are_those_of_the_frame(node: NodeUnderTest) -> None:
    for stamp in range(1, 21):
        image = np.roll(PICTURE, stamp, axis=1)
        answer = node.process(*frame(image, stamp))
        mask = deserialize_message(answer.mask, Image)
        assert (mask.header.stamp.sec, mask.header.stamp.nanosec) == (stamp, 25)
        assert mask.data.tolist() == expected_classes(image).ravel().tolist()
        assert deserialize_message(answer.confidence, Image).data.tolist() == (
            image[..., 1].ravel().tolist())
        assert deserialize_message(answer.overlay, Image).encoding == 'rgb8'
        assert answer.grid is None
        assert 'grid' not in answer.stages_ms
        assert 0.0 < answer.stages_ms['network'] < answer.stages_ms['total']
        assert answer.stages_ms['total'] < answer.round_trip_ms


def test_the_grid_follows_the_calibration_at_once(node: NodeUnderTest) -> None:
    seen = []
    road = np.full((HEIGHT, WIDTH, 3), (40, 230, 40), np.uint8)
    for stamp, hfov_deg in ((101, 90.0), (102, 90.0), (103, 40.0)):
        node.send_camera_info(info(hfov_deg))
        answer = node.process(*frame(road, stamp))
        grid = deserialize_message(answer.grid, OccupancyGrid)
        assert grid.header.stamp.sec == stamp
        assert 'grid' in answer.stages_ms
        reasons = deserialize_message(answer.reasons, Image)
        assert ((np.array(grid.data) == 0) == (np.array(reasons.data) == 0)).all()
        seen.append(np.count_nonzero(np.array(grid.data) >= 0))
    assert seen[0] == seen[1] > seen[2]


def test_a_large_frame_arrives(node: NodeUnderTest) -> None:
    image = np.full((720, 1280, 3), 40, np.uint8)
    for stamp in (201, 202, 203):
        mask = deserialize_message(node.process(*frame(image, stamp)).mask, Image)
        assert (mask.height, mask.width, set(mask.data)) == (720, 1280, {1})


def test_a_frame_the_node_refuses_raises_its_reason(node: NodeUnderTest) -> None:
    for stamp in (301, 302):
        with pytest.raises(InputError, match="image encoding: found 'yuv422'; expected one of"):
            node.process(*frame(PICTURE[..., :2], stamp, 'yuv422'))
    answer = node.process(*frame(PICTURE, 303))
    assert deserialize_message(answer.mask, Image).header.stamp.sec == 303


def test_info_names_model_and_backend(node: NodeUnderTest) -> None:
    assert node.info['backend'] == 'onnxruntime'
    assert len(node.info['model sha256']) == 64


def test_compressed_images_and_a_log_file(parameters: dict[str, object], tmp_path: Path) -> None:
    import cv2
    log = tmp_path / 'node.log'
    _, data = cv2.imencode('.png', PICTURE[..., ::-1])
    message = CompressedImage(format='png', data=data.tobytes())
    message.header.stamp.sec = 7
    with NodeUnderTest(parameters, COMPRESSED, log_path=log) as node:
        node.send_camera_info(info(90.0))
        answer = node.process(serialize_message(message), 7 * NS_PER_S)
    assert answer.confidence is None
    assert answer.grid is not None
    assert deserialize_message(answer.mask, Image).data.tolist() == (
        expected_classes(PICTURE).ravel().tolist())
    assert 'backend onnxruntime' in log.read_text()


@pytest.mark.parametrize(('wrong', 'message'), [
    ({'model': '/nowhere.onnx'}, '/nowhere.onnx: found no such file; expected an ONNX model'),
    ({'grid.resolution': -1.0}, 'parameter grid.resolution: found -1.0; expected a number'),
])
def test_a_node_that_does_not_configure_raises_its_reason(
        parameters: dict[str, object], wrong: dict[str, object], message: str) -> None:
    before = child_nodes()
    with pytest.raises(InputError) as caught, NodeUnderTest({**parameters, **wrong}, IMAGE):
        pass
    assert str(caught.value).startswith(message)
    assert child_nodes() == before


def test_no_process_is_left_behind_by_an_exception(parameters: dict[str, object]) -> None:
    before = child_nodes()

    def fail() -> None:
        with NodeUnderTest(parameters, IMAGE):
            assert len(child_nodes()) == len(before) + 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert child_nodes() == before


def test_a_node_that_dies_is_reported(parameters: dict[str, object]) -> None:
    before = child_nodes()

    def kill_and_send() -> None:
        with NodeUnderTest(parameters, IMAGE) as node:
            child, = set(child_nodes()) - set(before)
            os.kill(child, signal.SIGKILL)
            node.process(*frame(PICTURE, 1))

    with pytest.raises(InputError, match='road_seg_node: found it ended with status -9'):
        kill_and_send()


def test_other_message_types_are_refused() -> None:
    with pytest.raises(InputError, match='image type: found std_msgs/msg/String'):
        NodeUnderTest({}, 'std_msgs/msg/String')
