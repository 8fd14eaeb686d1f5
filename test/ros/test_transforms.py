"""Where the camera is: from TF or from parameters."""

from collections.abc import Callable
from dataclasses import replace
import math
from types import ModuleType
from types import SimpleNamespace

import cv2
from geometry_msgs.msg import TransformStamped
from hypothesis import given
from hypothesis import strategies as st
from nav_msgs.msg import OccupancyGrid
import numpy as np
import pytest
from rclpy.clock import ROSClock
from rclpy.time import Time
from ros_graph import camera_info_message
from ros_graph import Graph
from ros_graph import image_message
from ros_graph import values_of
from sensor_msgs.msg import Image

from road_seg.calibration import CameraInfo
from road_seg.camera import Extrinsics
from road_seg.errors import CalibrationError
from road_seg.errors import ConfigError
from road_seg.parameters import PARAMETERS
from road_seg.parameters import Parameters
from road_seg.ros import transforms
from road_seg.ros.transforms import FixedExtrinsics
from road_seg.ros.transforms import open_extrinsics
from road_seg.ros.transforms import TfExtrinsics
from road_seg.ros.transforms import TfOnceKnown

pytestmark = pytest.mark.ros

FRAME = 'front_camera_optical'
# A camera that looks along x: optical z = x, optical x = -y, optical y = -z.
AHEAD = (-0.5, 0.5, -0.5, 0.5)
FIXED = FixedExtrinsics(lambda: Extrinsics(9.0, 0.0, 9.0))

MakeGraph = Callable[..., Graph]


class TransformError(Exception):
    """What the buffer of these tests raises."""


class Buffer:
    """A TF buffer that interpolates nothing: it knows poses at some times, or at all."""

    def __init__(self) -> None:
        self.poses: dict[int | None, tuple] = {}
        self.asked = 0

    def set(self, x: float, z: float, rotation: tuple = AHEAD, at_ns: int | None = None) -> None:
        """Set the pose at a time, or at all times."""
        self.poses[at_ns] = (x, z, rotation)

    def lookup_transform(self, target: str, source: str, time: Time) -> TransformStamped:
        """Return the pose as TF does; time 0 asks for the newest."""
        self.asked += 1
        wanted = self.poses.get(time.nanoseconds, self.poses.get(None))
        if time.nanoseconds == 0 and self.poses:
            wanted = list(self.poses.values())[-1]
        if wanted is None or (target, source) != ('base_link', FRAME):
            raise TransformError(f'no transform\n from {source} to {target}')
        message = TransformStamped()
        message.transform.translation.x, message.transform.translation.z, rotation = wanted
        turn = message.transform.rotation
        turn.x, turn.y, turn.z, turn.w = rotation
        return message

    def source(self, timeout_s: float = 0.0) -> TfExtrinsics:
        """Return the source that asks this buffer."""
        return TfExtrinsics(self.lookup_transform, TransformError, 'base_link', timeout_s)


class TestTf:
    """The transform at the stamp of the image."""

    def test_pose_at_the_stamp(self) -> None:
        buffer = Buffer()
        buffer.set(1.5, 1.4, at_ns=1_000_000_025)
        buffer.set(1.6, 1.3, at_ns=2_000_000_025)
        assert buffer.source().at(1_000_000_025, FRAME) == Extrinsics(1.5, 0.0, 1.4)
        assert buffer.source().at(2_000_000_025, FRAME) == Extrinsics(1.6, 0.0, 1.3)

    def test_unknown_transform_is_named(self) -> None:
        with pytest.raises(CalibrationError) as caught:
            Buffer().source().at(5, FRAME)
        assert str(caught.value) == (
            "TF from 'front_camera_optical' to 'base_link': found no transform from "
            'front_camera_optical to base_link; expected the transform at the stamp of the image; '
            'publish it, or set extrinsics.source to parameters')

    def test_a_stamp_before_1970_has_no_transform(self) -> None:
        buffer = Buffer()
        buffer.set(1.5, 1.4)
        with pytest.raises(CalibrationError, match=r'base_link.: found the stamp -1 ns; expected'):
            buffer.source().at(-1, FRAME)

    def test_a_long_frame_id_is_named_in_part(self) -> None:
        with pytest.raises(CalibrationError) as caught:
            Buffer().source().at(5, 'x' * 10_000)
        assert f"TF from '{'x' * 80}' to 'base_link': found no tr" in str(caught.value)
        assert len(str(caught.value)) < 500

    def test_waits_for_a_late_transform_and_not_forever(self,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
        buffer, clock = Buffer(), [0.0]

        def sleep(duration: float) -> None:
            clock[0] += duration
            if buffer.asked == 4:
                buffer.set(1.5, 1.4)

        monkeypatch.setattr(transforms, 'time', SimpleNamespace(
            perf_counter=lambda: clock[0], sleep=sleep))
        assert buffer.source(0.05).at(5, FRAME).x == 1.5
        assert buffer.asked == 5
        buffer.poses.clear()
        clock[0], buffer.asked = 0.0, 100
        with pytest.raises(CalibrationError):
            buffer.source(0.05).at(5, FRAME)
        assert 0.04 < clock[0] <= 0.05

    @pytest.mark.parametrize('rotation', [(0.0, 0.0, 0.0, 0.0), (math.nan, 0.0, 0.0, 1.0)])
    def test_impossible_rotation_is_refused(self, rotation: tuple) -> None:
        buffer = Buffer()
        buffer.set(1.5, 1.4, rotation)
        with pytest.raises(CalibrationError, match='camera transform: found translation'):
            buffer.source().at(5, FRAME)


class TestOnceKnown:
    """The parameters until TF knows the camera, from then on TF alone."""

    def test_takes_over_once_and_never_goes_back(self) -> None:
        buffer, switches = Buffer(), []
        source = TfOnceKnown(buffer.source(), FIXED, lambda: switches.append(1))
        assert source.at(1, FRAME) == Extrinsics(9.0, 0.0, 9.0)
        assert (source.name, switches) == ('parameters', [])
        buffer.set(1.5, 1.4)
        assert source.at(2, FRAME) == Extrinsics(1.5, 0.0, 1.4)
        assert (source.name, switches) == ('tf', [1])
        buffer.poses.clear()
        with pytest.raises(CalibrationError):
            source.at(3, FRAME)
        buffer.set(1.7, 1.4)
        assert source.at(4, FRAME).x == 1.7
        assert switches == [1]

    def test_known_at_another_time_only_is_not_replaced_by_parameters(self) -> None:
        buffer = Buffer()
        buffer.set(1.5, 1.4, at_ns=10**9)
        with pytest.raises(CalibrationError):
            TfOnceKnown(buffer.source(), FIXED, lambda: None).at(2 * 10**9, FRAME)


class TestOpen:
    """The source the parameters ask for."""

    def _parameters(self, source: str) -> Parameters:
        values = {spec.name: spec.default for spec in PARAMETERS}
        return Parameters.from_values({**values, 'extrinsics.source': source})

    def test_without_tf2_ros(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transforms, 'tf2_ros', None)
        for source in ('auto', 'parameters'):
            opened = open_extrinsics(None, self._parameters(source), FIXED, lambda: None)
            assert opened.at(0, FRAME) == Extrinsics(9.0, 0.0, 9.0)
        with pytest.raises(ConfigError, match=r"extrinsics\.source: found 'tf' without tf2_ros"):
            open_extrinsics(None, self._parameters('tf'), FIXED, lambda: None)

    def test_with_tf2_ros(self, monkeypatch: pytest.MonkeyPatch) -> None:
        buffer, closed = Buffer(), []
        monkeypatch.setattr(transforms, 'tf2_ros', _tf2_ros(buffer, closed))
        node = SimpleNamespace(get_clock=ROSClock)
        assert open_extrinsics(node, self._parameters('tf'), FIXED, lambda: None).name == 'tf'
        source = open_extrinsics(node, self._parameters('auto'), FIXED, lambda: None)
        assert source.at(0, FRAME).x == 9.0
        buffer.set(2.5, 1.4)
        assert source.at(0, FRAME).x == 2.5
        source.close()
        assert closed == [1]


def _tf2_ros(buffer: Buffer, closed: list) -> ModuleType:
    """Return what stands in for tf2_ros."""
    listener = SimpleNamespace(unregister=lambda: closed.append(1))
    return SimpleNamespace(Buffer=lambda: buffer, TransformException=TransformError,
                           TransformListener=lambda buffer, node: listener)


def test_no_grid_while_tf_fails_and_recovery(make_graph: MakeGraph,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = Buffer()
    monkeypatch.setattr(transforms, 'tf2_ros', _tf2_ros(buffer, []))
    graph = make_graph(extrinsics__source='tf', grid__resolution=0.5, grid__x_max=10.0,
                       grid__y_min=-5.0, grid__y_max=5.0).start()
    graph.publish('camera_info', camera_info_message(CameraInfo.nominal(96, 64, 90.0)))
    graph.status(lambda status: values_of(status).get('calibration', 'none') != 'none')
    masks, grids = graph.listen(Image, 'road_mask'), graph.listen(OccupancyGrid, 'drivable_area')
    road = np.full((64, 96, 3), (40, 230, 40), np.uint8)
    for stamp, height in ((1, None), (2, 1.0), (3, None), (4, 2.0)):
        buffer.poses.clear()
        if height:
            buffer.set(0.0, height, at_ns=stamp * 10**9 + 25)
        masks.clear()
        grids.clear()
        graph.publish('image', image_message(road, 'rgb8', stamp=stamp))
        assert graph.wait(lambda: masks)
        if height is None:
            status = graph.status(lambda status: 'no grid: TF from' in status.message)
            assert grids == []
            continue
        assert graph.wait(lambda: grids)
        # Half the height at half the distance is the lowest ground in the image.
        row = np.array(grids[0].data, np.int8).reshape(20, 20)[10]
        assert row.tolist() == [-1] * int(3 * height) + [0] * (20 - int(3 * height))
        status = graph.status(lambda status: 'no grid' not in status.message)
        assert values_of(status)['extrinsics'] == 'tf'


angle = st.floats(-math.pi, math.pi)


@given(roll=angle, pitch=st.floats(-1.57, 1.57) | st.sampled_from([math.pi / 2, -math.pi / 2]),
       yaw=angle, scale=st.floats(0.5, 2.0), sign=st.sampled_from([1.0, -1.0]))
def test_quaternion_of_an_optical_frame_gives_the_same_camera(
        roll: float, pitch: float, yaw: float, scale: float, sign: float) -> None:
    turn = (cv2.Rodrigues(np.array([0, 0, yaw]))[0] @ cv2.Rodrigues(np.array([0, pitch, 0]))[0]
            @ cv2.Rodrigues(np.array([roll, 0, 0]))[0])
    # Columns: the optical axes right, down and forward in the camera's body frame.
    optical = turn @ np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    half = cv2.Rodrigues(optical)[0].ravel() / 2.0
    length = np.linalg.norm(half)
    axis = half / length if length else half
    quaternion = sign * scale * np.append(axis * math.sin(length), math.cos(length))
    found = Extrinsics.from_optical((0.3, -0.2, 1.5), tuple(quaternion.tolist()))
    points = np.array([(5.0, 1.0, 0.0), (-3.0, 2.0, 1.0), (0.0, -4.0, 2.0)])
    expected = (points - (0.3, -0.2, 1.5)) @ optical
    np.testing.assert_allclose(found.to_optical(points), expected, atol=1e-6)
    assert replace(found, roll=0, pitch=0, yaw=0) == Extrinsics(0.3, -0.2, 1.5)
