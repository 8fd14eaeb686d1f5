"""Simulated time that jumps: the node goes on, says why, and gives no grid of unknown age."""

from collections.abc import Callable
from types import SimpleNamespace

from nav_msgs.msg import OccupancyGrid
import numpy as np
import pytest
from rclpy.time import Time
from ros_graph import camera_info_message
from ros_graph import Graph
from ros_graph import image_message
from ros_graph import values_of
from rosgraph_msgs.msg import Clock

from road_seg.calibration import CameraInfo
from road_seg.ros import transforms

pytestmark = pytest.mark.ros

HEIGHT, WIDTH = 64, 96
ROAD = np.full((HEIGHT, WIDTH, 3), (40, 230, 40), np.uint8)

MakeGraph = Callable[..., Graph]


class Drive:
    """A graph whose clock and camera the test sets."""

    def __init__(self, make_graph: MakeGraph, **parameters: object) -> None:
        self.graph = make_graph(
            use_sim_time='true', grid__max_age_s=0.5, extrinsics__z=1.0, grid__resolution=0.5,
            grid__x_max=10.0, grid__y_min=-5.0, grid__y_max=5.0, **parameters).start()
        self.graph.publish('camera_info',
                           camera_info_message(CameraInfo.nominal(WIDTH, HEIGHT, 90.0)))
        self.graph.status(lambda status: values_of(status).get('calibration', 'none') != 'none')
        self._grids = self.graph.listen(OccupancyGrid, 'drivable_area')

    def set_clock(self, seconds: int) -> None:
        """Publish a time and wait until the node has it."""
        self.graph.publish('/clock', Clock(clock=Time(seconds=seconds).to_msg()))
        clock = self.graph.node.get_clock()
        assert self.graph.wait(lambda: clock.now().nanoseconds == seconds * 10**9)

    def sees_ground(self, stamp: int) -> bool:
        """Send an image of a road; say whether its grid knows anything."""
        self._grids.clear()
        self.graph.publish('image', image_message(ROAD, 'rgb8', stamp))
        assert self.graph.wait(lambda: self._grids)
        assert self._grids[0].header.stamp.sec == stamp
        cells = set(self._grids[0].data)
        assert cells in ({-1}, {-1, 0})
        return 0 in cells

    def reports(self, code: str) -> bool:
        """Wait for a report with a reason."""
        return bool(self.graph.status(lambda status: code in values_of(status)['reasons']))

    def recovers(self) -> bool:
        """Wait for a report without reasons about time."""
        return bool(self.graph.status(lambda status: 'stamp' not in values_of(status)['reasons']))


@pytest.fixture
def drive(make_graph: MakeGraph) -> Drive:
    """Return a node whose clock stands at 100 s, with a frame of then."""
    drive = Drive(make_graph)
    drive.set_clock(100)
    assert drive.sees_ground(100)
    assert drive.recovers()
    return drive


def test_before_the_clock_has_begun(make_graph: MakeGraph) -> None:
    drive = Drive(make_graph)
    assert not drive.sees_ground(100)
    assert drive.reports('stamp_future')
    drive.set_clock(100)
    assert drive.sees_ground(100)
    assert drive.recovers()


def test_a_jump_forward(drive: Drive) -> None:
    drive.set_clock(1000)
    assert not drive.sees_ground(101)
    assert drive.reports('stamp_stale')
    assert drive.sees_ground(1000)
    assert drive.recovers()


def test_a_jump_back(drive: Drive) -> None:
    drive.set_clock(50)
    assert not drive.sees_ground(101)
    assert drive.reports('stamp_future')
    assert drive.sees_ground(50)
    assert drive.reports('stamp_backwards')
    assert drive.sees_ground(50)
    assert drive.recovers()


def test_a_clock_that_stands_still(drive: Drive) -> None:
    for _ in range(3):
        assert drive.sees_ground(100)
    assert drive.recovers()
    assert not drive.sees_ground(101)
    assert drive.reports('stamp_future')
    drive.set_clock(101)
    assert drive.sees_ground(101)
    assert drive.recovers()


def test_a_clock_that_falls_to_zero(drive: Drive) -> None:
    drive.set_clock(0)
    assert not drive.sees_ground(101)
    assert drive.reports('stamp_future')
    drive.set_clock(102)
    assert drive.sees_ground(102)
    assert drive.recovers()


def test_transforms_of_the_time_before_a_jump_back_are_forgotten(
        make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    """A buffer takes none that is older than what it holds."""
    cleared = []
    unregistered = []
    listener = SimpleNamespace(unregister=lambda: unregistered.append(1))
    monkeypatch.setattr(transforms, 'tf2_ros', SimpleNamespace(
        Buffer=lambda: SimpleNamespace(clear=lambda: cleared.append(1), lookup_transform=None),
        TransformException=LookupError, TransformListener=lambda buffer, node: listener))
    graph = make_graph(use_sim_time='true', extrinsics__source='tf').start()
    clock = graph.node.get_clock()
    for seconds, times in ((100, 0), (1000, 0), (999, 1), (1000, 1)):
        before = len(cleared)
        graph.publish('/clock', Clock(clock=Time(seconds=seconds).to_msg()))
        assert graph.wait(lambda seconds=seconds: clock.now().nanoseconds == seconds * 10**9)
        assert len(cleared) - before == (times if seconds == 999 else 0)
    graph.node.trigger_deactivate()
    assert unregistered == [1]
    graph.publish('/clock', Clock(clock=Time(seconds=1).to_msg()))
    assert graph.wait(lambda: clock.now().nanoseconds == 10**9)
    assert cleared == [1]
