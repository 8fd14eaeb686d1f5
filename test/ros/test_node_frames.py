"""Tests of what the active node publishes about a frame."""

from collections.abc import Callable
from dataclasses import replace
from threading import Event

import cv2
from diagnostic_msgs.msg import DiagnosticArray
from diagnostic_msgs.msg import DiagnosticStatus
from nav_msgs.msg import OccupancyGrid
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy
from rclpy.qos import ReliabilityPolicy
from ros_graph import camera_info_message
from ros_graph import Graph
from ros_graph import image_message
from ros_graph import TIMEOUT_S
from ros_graph import values_of
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from tiny_model import expected_classes
from tiny_model import expected_confidence

from road_seg.calibration import CameraInfo
from road_seg.grid import Reason
from road_seg.pipeline import Segmenter

pytestmark = pytest.mark.ros

HEIGHT, WIDTH = 64, 96  # the tiny model's input
PICTURE = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
ROAD = np.full((HEIGHT, WIDTH, 3), (40, 230, 40), np.uint8)  # class 1, sure of it
CALIBRATION = CameraInfo.nominal(WIDTH, HEIGHT, 90.0)

MakeGraph = Callable[..., Graph]


def mask_of(message: Image) -> np.ndarray:
    """Return the class ids of a mask message."""
    assert (message.encoding, message.step) == ('mono8', message.width)
    return np.array(message.data, np.uint8).reshape(message.height, message.width)


def send_until_answered(graph: Graph, messages: list, topic: str, image: object) -> object:
    """Publish a frame and return the first answer to it."""
    messages.clear()
    graph.publish(topic, image)
    assert graph.wait(lambda: messages)
    return messages[0]


def test_mask_for_every_encoding(make_graph: MakeGraph) -> None:
    graph = make_graph().start()
    masks = graph.listen(Image, 'road_mask')
    alpha = np.full((HEIGHT, WIDTH, 1), 7, np.uint8)
    grey = np.repeat(PICTURE[..., :1], 3, axis=2)
    for stamp, (encoding, pixels, rgb) in enumerate((
            ('rgb8', PICTURE, PICTURE), ('bgr8', PICTURE[..., ::-1], PICTURE),
            ('rgba8', np.dstack((PICTURE, alpha)), PICTURE),
            ('bgra8', np.dstack((PICTURE[..., ::-1], alpha)), PICTURE),
            ('mono8', PICTURE[..., 0], grey))):
        for padding in (0, 13):
            image = image_message(pixels, encoding, stamp, padding)
            message = send_until_answered(graph, masks, 'image', image)
            assert mask_of(message).tolist() == expected_classes(rgb).tolist()
            assert message.header == image.header


@pytest.mark.parametrize(('height', 'width'), [(720, 1280), (17, 31), (1, 1)])
def test_mask_at_the_size_of_the_frame(make_graph: MakeGraph, height: int, width: int) -> None:
    graph = make_graph(**{'qos_overrides./image.subscription.reliability': 'reliable'}).start()
    masks = graph.listen(Image, 'road_mask')
    frame = np.full((height, width, 3), 40, np.uint8)  # class 1
    frame[:, width // 2:] = 200  # class 4
    message = send_until_answered(graph, masks, 'image', image_message(frame, 'rgb8'))
    mask = mask_of(message)
    assert mask.shape == (height, width)
    # a resized edge may be a few pixels wide
    margin = width // 32
    assert set(mask[:, :max(0, width // 2 - margin)].ravel()) <= {1}
    assert set(mask[:, width // 2 + margin:].ravel()) <= {4}


@pytest.mark.parametrize(('extension', 'form'), [('.png', 'png'), ('.jpg', 'jpeg')])
def test_compressed_images(make_graph: MakeGraph, extension: str, form: str) -> None:
    graph = make_graph(image_transport='compressed').start()
    masks = graph.listen(Image, 'road_mask')
    encoded, data = cv2.imencode(extension, ROAD)
    assert encoded
    message = CompressedImage(format=form, data=data.tobytes())
    message.header.frame_id = 'camera'
    answer = send_until_answered(graph, masks, 'image/compressed', message)
    assert mask_of(answer).tolist() == np.ones((HEIGHT, WIDTH)).tolist()
    assert answer.header == message.header
    message.data = message.data[:len(data) // 2]
    graph.publish('image/compressed', message)
    status = graph.status(lambda status: values_of(status)['frames rejected'] == '1')
    assert status.level == DiagnosticStatus.ERROR
    assert status.message.startswith('compressed image: found a truncated')


def test_confidence_and_overlay_while_subscribed(make_graph: MakeGraph) -> None:
    graph = make_graph().start()
    masks = graph.listen(Image, 'road_mask')
    timings = graph.listen(DiagnosticArray, 'road_seg/debug/timings')
    frame = np.full((HEIGHT, WIDTH, 3), (40, 90, 40), np.uint8)  # class 1
    send_until_answered(graph, masks, 'image', image_message(frame, 'rgb8'))
    assert graph.wait(lambda: timings)
    assert 'overlay' not in values_of(timings[0].status[0])
    confidences = graph.listen(Image, 'road_mask/confidence')
    overlays = graph.listen(Image, 'road_mask/overlay')
    image = image_message(frame, 'rgb8', stamp=2)
    send_until_answered(graph, masks, 'image', image)
    assert graph.wait(lambda: confidences and overlays)
    assert mask_of(confidences[0]).tolist() == expected_confidence(frame).tolist()
    assert (overlays[0].encoding, overlays[0].step) == ('rgb8', 3 * WIDTH)
    # 0.55 of the frame and 0.45 of the road's colour (128, 64, 128)
    assert overlays[0].data.tolist() == [80, 78, 80] * (HEIGHT * WIDTH)
    assert confidences[0].header == overlays[0].header == image.header


def test_timings_name_the_frame_and_its_stages(make_graph: MakeGraph) -> None:
    graph = make_graph().start()
    timings = graph.listen(DiagnosticArray, 'road_seg/debug/timings')
    image = image_message(PICTURE, 'rgb8', stamp=5)
    message = send_until_answered(graph, timings, 'image', image)
    assert message.header == image.header
    stages = {key: float(value) for key, value in values_of(message.status[0]).items()}
    assert stages.keys() == {'wait', 'decode', 'pose', 'preprocess', 'network', 'postprocess',
                             'publish', 'total'}
    parts = sum(value for key, value in stages.items() if key != 'total')
    assert 0.0 < parts <= stages['total'] + 0.01


def test_grid_with_a_calibration_only(make_graph: MakeGraph) -> None:
    graph = make_graph(extrinsics__z=1.0, extrinsics__x=0.0, grid__resolution=0.5,
                       grid__x_max=10.0, grid__y_min=-5.0, grid__y_max=5.0,
                       base_frame='base').start()
    masks = graph.listen(Image, 'road_mask')
    grids = graph.listen(OccupancyGrid, 'drivable_area')
    send_until_answered(graph, masks, 'image', image_message(ROAD, 'rgb8', stamp=1))
    status = graph.status(lambda status: values_of(status)['frames processed'] == '1')
    assert status.level == DiagnosticStatus.WARN
    assert status.message == 'no grid: no camera_info on /camera_info'
    assert grids == []
    graph.publish('camera_info', camera_info_message(CALIBRATION))
    assert graph.wait(lambda: values_of(graph.statuses[-1]).get('calibration', 'none') != 'none')
    image = image_message(ROAD, 'rgb8', stamp=2)
    grid = send_until_answered(graph, grids, 'image', image)
    assert (grid.header.frame_id, grid.header.stamp) == ('base', image.header.stamp)
    assert (grid.info.width, grid.info.height, grid.info.resolution) == (20, 20, 0.5)
    assert (grid.info.origin.position.x, grid.info.origin.position.y) == (0.0, -5.0)
    cells = np.array(grid.data, np.int8).reshape(20, 20)
    # focal length 48, 32 rows below the centre: the ground is seen from 1.5 m, 45 degrees wide
    assert cells[10].tolist() == [-1] * 3 + [0] * 17
    assert cells[0, :9].tolist() == [-1] * 9
    assert cells[0, 10:].tolist() == [0] * 10
    assert graph.status(lambda status: status.level == DiagnosticStatus.OK)


def test_reasons_while_subscribed_and_a_stale_frame(make_graph: MakeGraph) -> None:
    graph = make_graph(extrinsics__z=1.0, extrinsics__x=0.0, grid__resolution=0.5,
                       grid__x_max=10.0, grid__y_min=-5.0, grid__y_max=5.0,
                       grid__max_age_s=3600.0).start()
    graph.publish('camera_info', camera_info_message(CALIBRATION))
    graph.status(lambda status: values_of(status).get('calibration', 'none') != 'none')
    grids = graph.listen(OccupancyGrid, 'drivable_area')
    reasons = graph.listen(Image, 'drivable_area/reasons')
    fresh = image_message(ROAD, 'rgb8')
    fresh.header.stamp = graph.node.get_clock().now().to_msg()
    message = send_until_answered(graph, reasons, 'image', fresh)
    assert (message.header.frame_id, message.header.stamp) == ('base_link', fresh.header.stamp)
    assert mask_of(message)[10].tolist() == [Reason.OUT_OF_VIEW] * 3 + [Reason.DRIVABLE] * 17
    grids.clear()
    message = send_until_answered(graph, reasons, 'image', image_message(ROAD, 'rgb8', stamp=7))
    assert (mask_of(message) == Reason.STALE).all()
    assert graph.wait(lambda: grids)
    assert set(grids[0].data) == {-1}
    status = graph.status(lambda status: status.level == DiagnosticStatus.WARN)
    assert status.message.startswith('grid unknown: image ')
    fresh.header.stamp = graph.node.get_clock().now().to_msg()
    send_until_answered(graph, reasons, 'image', fresh)
    # Not OK: the jump of the stamps is told as long as silence after the last frame takes.
    assert graph.status(lambda status: 'stamp_stale' not in values_of(status)['reasons'])


def test_rectified_images_follow_p(make_graph: MakeGraph) -> None:
    graph = make_graph('image:=camera/image_rect', extrinsics__z=1.0, extrinsics__x=0.0,
                       grid__resolution=0.5, grid__x_max=10.0, grid__y_min=-5.0,
                       grid__y_max=5.0).start()
    raw = camera_info_message(replace(CALIBRATION, k=(12.0, 0.0, 47.5, 0.0, 12.0, 31.5, 0.0, 0.0,
                                                      1.0), d=(-0.3, 0.1, 0.0, 0.0, 0.0)))
    graph.publish('camera/camera_info', raw)
    graph.status(lambda status: values_of(status).get('calibration', 'none') != 'none')
    grids = graph.listen(OccupancyGrid, 'drivable_area')
    grid = send_until_answered(graph, grids, 'camera/image_rect', image_message(ROAD, 'rgb8'))
    cells = np.array(grid.data, np.int8).reshape(20, 20)
    assert cells[10].tolist() == [-1] * 3 + [0] * 17


def test_no_grid_with_an_unusable_calibration(make_graph: MakeGraph) -> None:
    graph = make_graph().start()
    masks = graph.listen(Image, 'road_mask')
    grids = graph.listen(OccupancyGrid, 'drivable_area')
    message = camera_info_message(CALIBRATION)
    message.k[0] = 0.0
    graph.publish('camera_info', message)
    assert graph.wait(lambda: graph.statuses
                      and values_of(graph.statuses[-1]).get('calibration', 'none') != 'none')
    answer = send_until_answered(graph, masks, 'image', image_message(ROAD, 'rgb8'))
    assert set(answer.data) == {1}
    status = graph.status(lambda status: values_of(status)['frames processed'] == '1')
    assert status.level == DiagnosticStatus.WARN
    assert status.message.startswith(
        'no grid: camera_info K[0]: found 0, which means uncalibrated; expected')
    graph.publish('camera_info', camera_info_message(CALIBRATION))
    graph.statuses.clear()
    assert graph.wait(lambda: graph.statuses)
    assert grids == []
    send_until_answered(graph, grids, 'image', image_message(ROAD, 'rgb8', stamp=3))


def test_bad_frames_give_a_diagnostic_and_no_output(make_graph: MakeGraph,
                                                    capfd: pytest.CaptureFixture) -> None:
    graph = make_graph().start()
    masks = graph.listen(Image, 'road_mask')
    for count in range(1, 4):
        graph.publish('image', image_message(PICTURE[..., :2], 'yuv422', stamp=count))
        rejected = str(count)
        status = graph.status(lambda status, n=rejected: values_of(status)['frames rejected'] == n)
        assert status.level == DiagnosticStatus.ERROR
        assert status.message.startswith("image encoding: found 'yuv422'; expected one of rgb8")
    short = image_message(PICTURE, 'rgb8', stamp=4)
    short.data = short.data[:-1]
    graph.publish('image', short)
    status = graph.status(lambda status: values_of(status)['frames rejected'] == '4')
    assert values_of(status)['last error'].startswith('image data: found 18431 bytes')
    assert masks == []
    log = capfd.readouterr().err
    assert (log.count("'yuv422'"), log.count('18431')) == (1, 1)
    assert 'Traceback' not in log
    answer = send_until_answered(graph, masks, 'image', image_message(PICTURE, 'rgb8', stamp=5))
    assert answer.header.stamp.sec == 5


def test_a_backend_that_fails_is_reported_and_frames_go_on(
        make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture) -> None:
    fails = [True]

    class BrokenSegmenter(Segmenter):
        """A Segmenter whose library breaks as long as the test says."""

        def process(self, *arguments: object, **options: object) -> object:
            """Raise or segment."""
            if fails[0]:
                raise RuntimeError('device\nlost')
            return super().process(*arguments, **options)

    monkeypatch.setattr('road_seg.ros.node.Segmenter', BrokenSegmenter)
    graph = make_graph().start()
    masks = graph.listen(Image, 'road_mask')
    for count in ('1', '2'):
        graph.publish('image', image_message(ROAD, 'rgb8'))
        status = graph.status(lambda status, n=count: values_of(status)['frames failed'] == n)
        assert status.level == DiagnosticStatus.ERROR
        assert status.message.startswith('frame not processed: RuntimeError: device lost')
    assert capfd.readouterr().err.count('device lost') == 1
    fails[0] = False
    send_until_answered(graph, masks, 'image', image_message(ROAD, 'rgb8', stamp=9))
    assert masks[0].header.stamp.sec == 9


def test_qos_of_every_topic(make_graph: MakeGraph) -> None:
    graph = make_graph().start()
    reliable, best_effort = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT
    volatile, latched = DurabilityPolicy.VOLATILE, DurabilityPolicy.TRANSIENT_LOCAL

    def qos(lookup: Callable[[str], list], topic: str) -> tuple:
        # By topic, since the graph may know an end before, or without, the name of its node.
        assert graph.wait(lambda: lookup(topic))
        found, = {(end.topic_type.split('/')[-1], end.qos_profile.reliability,
                   end.qos_profile.durability) for end in lookup(topic)}
        return found

    node = graph.client
    publishers = {topic: qos(node.get_publishers_info_by_topic, topic) for topic in (
        '/road_mask', '/road_mask/confidence', '/road_mask/overlay', '/drivable_area',
        '/drivable_area/reasons',
        '/road_seg/debug/timings', '/diagnostics')}
    assert publishers == {
        '/road_mask': ('Image', reliable, volatile),
        '/road_mask/confidence': ('Image', reliable, volatile),
        '/road_mask/overlay': ('Image', reliable, volatile),
        '/drivable_area': ('OccupancyGrid', reliable, latched),
        '/drivable_area/reasons': ('Image', reliable, volatile),
        '/road_seg/debug/timings': ('DiagnosticArray', reliable, volatile),
        '/diagnostics': ('DiagnosticArray', reliable, volatile)}
    subscriptions = {topic: qos(node.get_subscriptions_info_by_topic, topic)
                     for topic in ('/image', '/camera_info')}
    assert subscriptions == {'/image': ('Image', best_effort, volatile),
                             '/camera_info': ('CameraInfo', best_effort, volatile)}


def test_only_the_newest_frame_is_processed(make_graph: MakeGraph,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    at_work, may_go_on = Event(), Event()

    class SlowSegmenter(Segmenter):
        """A Segmenter that waits for the test."""

        def process(self, *arguments: object, **options: object) -> object:
            """Wait, then segment."""
            at_work.set()
            may_go_on.wait(TIMEOUT_S)
            return super().process(*arguments, **options)

    monkeypatch.setattr('road_seg.ros.node.Segmenter', SlowSegmenter)
    graph = make_graph().start()
    masks = graph.listen(Image, 'road_mask')
    for stamp in (1, 2, 3, 4):
        graph.publish('image', image_message(ROAD, 'rgb8', stamp))
        assert graph.wait(lambda n=str(stamp): graph.node.health.report(0).values[
            'frames received'] == n)
        assert at_work.wait(TIMEOUT_S)  # else the second frame may replace the first
    may_go_on.set()
    assert graph.wait(lambda: len(masks) == 2)
    assert [message.header.stamp.sec for message in masks] == [1, 4]
    status = graph.status(lambda status: values_of(status)['frames processed'] == '2')
    assert values_of(status)['frames dropped'] == '2'
