"""Malformed messages through the live node: it goes on, and says nothing about them."""

from collections.abc import Callable
from random import Random
import time

from malformed import Case
from malformed import Verdict
from malformed_files import files_of
from malformed_files import foreign_files
from malformed_files import malformed_file
from malformed_geometry import malformed_camera_info
from malformed_images import malformed_image
from message_rig import good_camera_info
from message_rig import good_file
from message_rig import good_frame
from message_rig import HEIGHT
from message_rig import ROAD
from message_rig import WIDTH
from nav_msgs.msg import OccupancyGrid
import numpy as np
import pytest
from rclpy.serialization import serialize_message
from ros_graph import Graph
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image

from road_seg.calibration import CameraInfo
from road_seg.ros import conversions
from road_seg.ros.conversions import calibration_id

pytestmark = pytest.mark.ros

PICTURE = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
FILES, FOREIGN = files_of(PICTURE), foreign_files(PICTURE)
RELIABLE = {'qos_overrides./image.subscription.reliability': 'reliable',
            'qos_overrides./image/compressed.subscription.reliability': 'reliable',
            'qos_overrides./camera_info.subscription.reliability': 'reliable'}

MakeGraph = Callable[..., Graph]


def malformed_raw(rng: Random) -> Case:
    """Return an Image that was changed."""
    return malformed_image(good_frame(), rng)


def malformed_compressed(rng: Random) -> Case:
    """Return a CompressedImage that was changed."""
    return malformed_file(good_file(rng.choice(FILES)), FOREIGN, rng)


def value(graph: Graph, key: str) -> str:
    """Return a value of the node's diagnostics at this moment."""
    return graph.node.health.report(time.perf_counter_ns()).values.get(key, '')


def answer(graph: Graph, masks: list[Image], topic: str, message: Image | CompressedImage,
           stamp: int) -> None:
    """Publish a good frame and wait until it is answered: by one more mask."""
    count = len(masks)
    message.header.stamp.sec = stamp
    graph.publish(topic, message)
    assert graph.wait(lambda: len(masks) > count)
    assert [mask.header.stamp.sec for mask in masks[count:]] == [stamp]


@pytest.mark.parametrize(('transport', 'topic', 'malformed', 'good'), [
    ('raw', 'image', malformed_raw, good_frame()),
    ('compressed', 'image/compressed', malformed_compressed, good_file(FILES[0]))])
def test_bad_frames_are_counted_and_not_answered(
        make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, transport: str, topic: str,
        malformed: Callable[[Random], Case], good: Image | CompressedImage) -> None:
    monkeypatch.setattr(conversions, '_cv_bridge', lambda: None)  # would read more encodings
    graph = make_graph(image_transport=transport, **RELIABLE).start()
    masks = graph.listen(Image, 'road_mask')
    rng, bad = Random(transport), 0
    while bad < 150:
        case = malformed(rng)
        if case.verdict is not Verdict.BAD:
            continue
        bad += 1
        graph.publish(topic, case.message)
        assert graph.wait(lambda bad=bad: value(graph, 'frames rejected') == str(bad))
        if bad % 5 == 0:
            answer(graph, masks, topic, good, bad)
    assert value(graph, 'frames failed') == '0'
    assert [mask.header.stamp.sec for mask in masks] == list(range(5, 151, 5))


def test_bad_calibrations_give_no_grid(make_graph: MakeGraph) -> None:
    graph = make_graph(**RELIABLE).start()
    masks = graph.listen(Image, 'road_mask')
    grids = graph.listen(OccupancyGrid, 'drivable_area')
    verdicts = {}
    for stamp in range(1, 101):
        case = malformed_camera_info(good_camera_info(), (WIDTH, HEIGHT), Random(stamp),
                                     is_rectified=False)
        verdicts[stamp] = case.verdict
        wanted = calibration_id(CameraInfo.from_message(case.message))
        graph.publish('camera_info', case.message)
        assert graph.wait(lambda wanted=wanted: value(graph, 'calibration') == wanted)
        answer(graph, masks, 'image', good_frame(), stamp)
    # The last grid may come after the last mask.
    good = {stamp for stamp, verdict in verdicts.items() if verdict is Verdict.GOOD}
    assert graph.wait(lambda: good <= {grid.header.stamp.sec for grid in grids})
    for grid in grids:
        assert verdicts[grid.header.stamp.sec] is not Verdict.BAD
    assert {*verdicts.values()} == {*Verdict}
    assert value(graph, 'frames failed') == '0'


def test_damaged_serialized_messages_end_nothing(make_graph: MakeGraph) -> None:
    """The middleware may drop them or make a message of them."""
    graph = make_graph(**RELIABLE).start()
    masks = graph.listen(Image, 'road_mask')
    frame, info = good_frame(ROAD), good_camera_info()
    graph.publish('camera_info', info)
    answer(graph, masks, 'image', frame, 1)
    rng = Random(1)
    for stamp in range(2, 202):
        for topic, message in (('image', frame), ('camera_info', info)):
            damaged = bytearray(serialize_message(message))
            for _ in range(rng.choice((0, 1, 2, 8))):
                # Encapsulation, stamp, lengths of texts and arrays are in the first bytes.
                damaged[rng.randrange(min(80, len(damaged)))] = rng.choice((0, 1, 127, 128, 255))
            graph.publish(topic, bytes(damaged[:rng.choice((4, 16, 40, 90, len(damaged)))]))
        frame.header.stamp.sec = stamp
        # It may take the place of one that the node made of a damaged message, or be too late.
        graph.publish('image', frame)
        assert graph.wait(lambda stamp=stamp: any(
            mask.header.stamp.sec == stamp and mask.data == masks[0].data for mask in masks))
    assert value(graph, 'frames failed') == '0'
