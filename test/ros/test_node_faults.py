"""Tests of the node under faults: what it reports, and that it goes on."""

from collections.abc import Callable

from nav_msgs.msg import OccupancyGrid
import numpy as np
import pytest
from rcl_interfaces.msg import SetParametersResult
import rclpy
from rclpy.qos import QoSProfile
from rclpy.qos import ReliabilityPolicy
from ros_graph import camera_info_message
from ros_graph import Graph
from ros_graph import image_message
from ros_graph import values_of
from sensor_msgs.msg import Image

from road_seg.backends.onnxruntime_backend import OnnxRuntimeBackend
from road_seg.calibration import CameraInfo
from road_seg.health import Health
from road_seg.ros import diagnostics
from road_seg.ros.calibration_feed import CalibrationFeed

pytestmark = pytest.mark.ros

HEIGHT, WIDTH = 64, 96
ROAD = np.full((HEIGHT, WIDTH, 3), (40, 230, 40), np.uint8)

MakeGraph = Callable[..., Graph]


def answer(graph: Graph, messages: list, stamp: int) -> object:
    """Publish a frame and return the first answer to it."""
    messages.clear()
    graph.publish('image', image_message(ROAD, 'rgb8', stamp))
    assert graph.wait(lambda: messages)
    return messages[0]


def test_nothing_is_processed_until_somebody_subscribes(make_graph: MakeGraph) -> None:
    graph = make_graph().start()
    graph.publish('image', image_message(ROAD, 'rgb8'))
    status = graph.status(lambda status: values_of(status)['frames received'] == '1')
    assert values_of(status)['inference'] == 'idle: nobody subscribes'
    assert values_of(status)['frames processed'] == '0'
    masks = graph.listen(Image, 'road_mask')
    answer(graph, masks, 2)
    status = graph.status(lambda status: values_of(status)['frames processed'] == '1')
    assert values_of(status)['inference'] == 'on'


def graph_with_grids(make_graph: MakeGraph) -> tuple[Graph, list[OccupancyGrid]]:
    """Start a node that knows its camera; return it and the list its grids of 10 m come into."""
    graph = make_graph(extrinsics__z=1.0, grid__resolution=0.5, grid__x_max=10.0,
                       grid__y_min=-5.0, grid__y_max=5.0).start()
    graph.publish('camera_info', camera_info_message(CameraInfo.nominal(WIDTH, HEIGHT, 90.0)))
    graph.status(lambda status: values_of(status).get('calibration', 'none') != 'none')
    grids = graph.listen(OccupancyGrid, 'drivable_area')
    return graph, grids


def test_live_parameters_hold_from_the_next_frame_on(make_graph: MakeGraph) -> None:
    graph, grids = graph_with_grids(make_graph)
    assert answer(graph, grids, 1).info.width == 20
    result, = graph.node.set_parameters([rclpy.Parameter('grid.x_max', value=20.0)])
    assert result.successful
    assert answer(graph, grids, 2).info.width == 40
    result, = graph.node.set_parameters([rclpy.Parameter('grid.resolution', value=0.3)])
    assert not result.successful
    assert result.reason.startswith('grid: found resolution 0.3')
    assert graph.node.get_parameter('grid.resolution').value == 0.5
    assert answer(graph, grids, 3).info.width == 40
    result, = graph.node.set_parameters([rclpy.Parameter('model', value='other.onnx')])
    assert not result.successful
    graph.node.set_parameters([rclpy.Parameter('enabled', value=False)])
    graph.publish('image', image_message(ROAD, 'rgb8', 4))
    status = graph.status(lambda status: values_of(status).get('inference') == 'disabled')
    assert values_of(status)['frames processed'] == '3'


def test_live_drivable_classes(make_graph: MakeGraph) -> None:
    graph, grids = graph_with_grids(make_graph)

    def set_classes(*names: str) -> SetParametersResult:
        return graph.node.set_parameters([rclpy.Parameter(
            'drivable_classes', rclpy.Parameter.Type.STRING_ARRAY, list(names))])[0]

    assert 100 not in answer(graph, grids, 1).data
    assert set_classes('sidewalk').successful
    assert 0 not in answer(graph, grids, 2).data
    result = set_classes('sidewalk', 'lawn')
    assert not result.successful
    assert result.reason.startswith("drivable_classes: found 'lawn'; expected names among "
                                    'background, road, sidewalk, vehicle, person; ')
    assert graph.node.get_parameter('drivable_classes').value == ['sidewalk']
    assert 0 not in answer(graph, grids, 3).data
    assert set_classes().successful
    assert 100 not in answer(graph, grids, 4).data


def test_incompatible_qos_is_named_with_the_fix(make_graph: MakeGraph) -> None:
    graph = make_graph(**{'qos_overrides./image.subscription.reliability': 'reliable'}).start()
    graph.client.create_publisher(
        Image, 'image', QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    status = graph.status(lambda status: 'incompatible_qos' in values_of(status)['reasons'])
    assert 'another RELIABILITY' in status.message
    assert 'qos_overrides./image.subscription.reliability' in status.message


def test_a_backend_that_breaks_is_reloaded_and_then_replaced(
        make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('openvino')
    infer = OnnxRuntimeBackend._infer
    breaks = [True]

    def breaking(self: OnnxRuntimeBackend, image: np.ndarray) -> object:
        if breaks and breaks.pop():
            raise RuntimeError('device lost')
        return infer(self, image)

    graph = make_graph().start()
    masks = graph.listen(Image, 'road_mask')
    monkeypatch.setattr(OnnxRuntimeBackend, '_infer', breaking)
    assert set(answer(graph, masks, 1).data) == {1}
    status = graph.status(lambda status: 'backend_reloaded' in values_of(status)['reasons'])
    assert 'onnxruntime failed (RuntimeError: device lost)' in status.message
    breaks.append(True)
    assert set(answer(graph, masks, 2).data) == {1}
    status = graph.status(lambda status: 'backend_fallback' in values_of(status)['reasons'])
    assert values_of(status)['backend'] == 'openvino'
    assert values_of(status)['frames failed'] == '0'


@pytest.mark.parametrize(('height', 'width'), [(0, 0), (16384, 16384), (64, 4_000_000_000)])
def test_absurd_sizes_are_rejected(make_graph: MakeGraph, height: int, width: int) -> None:
    graph = make_graph().start()
    graph.listen(Image, 'road_mask')
    image = image_message(ROAD, 'rgb8')
    image.height, image.width = height, width
    graph.publish('image', image)
    status = graph.status(lambda status: 'frame_rejected' in values_of(status)['reasons'])
    assert status.message.startswith('image size: found ')


def test_stamps_of_another_clock_are_reported(make_graph: MakeGraph) -> None:
    graph = make_graph().start()
    masks = graph.listen(Image, 'road_mask')
    answer(graph, masks, 2_000_000_000)
    answer(graph, masks, 1)
    status = graph.status(lambda status: 'stamp_backwards' in values_of(status)['reasons'])
    assert 'stamp_future' in values_of(status)['reasons']


def test_new_reasons_are_reported_at_once_and_once(make_graph: MakeGraph,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    graph = make_graph().start()
    graph.status(lambda status: values_of(status)['reasons'] == 'no_frames')
    graph.statuses.clear()
    monkeypatch.setattr(diagnostics, '_PERIOD_NS', 10**18)  # no regular report any more
    graph.publish('image', image_message(ROAD, 'rgb8'))
    assert graph.wait(lambda: len(graph.statuses) >= 2)
    assert [values_of(status)['reasons'] for status in graph.statuses] == ['none', 'no_frames']


def test_a_calibration_of_nan_is_taken_once() -> None:
    changes = []
    feed = CalibrationFeed('camera_info', Health(), changed=lambda: changes.append(1))
    info = camera_info_message(CameraInfo.nominal(WIDTH, HEIGHT, 90.0))
    info.k[0] = float('nan')
    feed.update(info)
    feed.update(info)
    assert len(changes) == 1
    assert feed.model((WIDTH, HEIGHT)) is None
