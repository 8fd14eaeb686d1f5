"""Where the camera is at the time of an image: from TF or from parameters."""

from collections.abc import Callable
import time
from typing import Any
from typing import Protocol

from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.time import Time

from road_seg.camera import Extrinsics
from road_seg.errors import CalibrationError
from road_seg.errors import ConfigError
from road_seg.errors import in_words
from road_seg.errors import quoted
from road_seg.parameters import Parameters

try:
    import tf2_ros
except ImportError:  # not part of the ROS that the wheels bring
    tf2_ros = None

_RETRY_S = 0.005
# When time jumps back, a buffer would refuse as too old what comes from then on.
_BACKWARDS = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1))
_LONGEST_REASON = 200  # it repeats the names of frames, which may have any length

# (target frame, source frame, time) -> geometry_msgs/TransformStamped
Lookup = Callable[[str, str, Time], Any]


class ExtrinsicsSource(Protocol):
    """Says where the camera is."""

    name: str

    def at(self, stamp_ns: int, camera_frame: str) -> Extrinsics:
        """
        Return the camera's pose in the base frame.

        :param stamp_ns: time of acquisition of the image, ns.
        :param camera_frame: the optical frame that the image's header names.
        :raises CalibrationError: it is not known.
        """

    def close(self) -> None:
        """Release what it took."""


class FixedExtrinsics:
    """
    The pose that the parameters give, at any time.

    :param extrinsics: returns that pose.
    """

    name = 'parameters'

    def __init__(self, extrinsics: Callable[[], Extrinsics]) -> None:
        self._extrinsics = extrinsics

    def at(self, stamp_ns: int, camera_frame: str) -> Extrinsics:
        """Return the pose."""
        return self._extrinsics()

    def close(self) -> None:
        """Do nothing."""


class TfExtrinsics:
    """
    The pose that TF gives for the time of the image.

    :param lookup: a TF buffer's lookup_transform, called without a timeout: TF's own waits in
        ROS time, which may stand still.
    :param errors: what it raises while it does not know the transform.
    :param base_frame: the frame the pose is wanted in.
    :param timeout_s: longest wait for the transform, s.
    :param close: releases the buffer's subscriptions.
    """

    name = 'tf'

    def __init__(self, lookup: Lookup, errors: type[Exception] | tuple[type[Exception], ...],
                 base_frame: str, timeout_s: float,
                 close: Callable[[], None] = lambda: None) -> None:
        self._lookup = lookup
        self._errors = errors
        self._base_frame = base_frame
        self._timeout_s = timeout_s
        self.close = close

    def knows(self, camera_frame: str) -> bool:
        """Say whether there is a transform of any time."""
        try:
            self._lookup(self._base_frame, camera_frame, Time())
        except self._errors:
            return False
        return True

    def at(self, stamp_ns: int, camera_frame: str) -> Extrinsics:
        """Return the pose, waiting for it if it has not come yet."""
        deadline = time.perf_counter() + self._timeout_s
        if stamp_ns < 0:  # no time to rclpy
            raise self._unknown(camera_frame, f'the stamp {stamp_ns} ns')
        stamp = Time(nanoseconds=stamp_ns)
        while True:
            try:
                transform = self._lookup(self._base_frame, camera_frame, stamp).transform
                break
            except self._errors as error:
                if time.perf_counter() + _RETRY_S > deadline:
                    raise self._unknown(camera_frame, in_words(error)) from error
            time.sleep(_RETRY_S)
        shift, turn = transform.translation, transform.rotation
        return Extrinsics.from_optical((shift.x, shift.y, shift.z),
                                       (turn.x, turn.y, turn.z, turn.w))

    def _unknown(self, camera_frame: str, reason: str) -> CalibrationError:
        """Return the error that says why there is no pose."""
        return CalibrationError(
            f'TF from {quoted(camera_frame)} to {self._base_frame!r}',
            found=reason[:_LONGEST_REASON],
            expected='the transform at the stamp of the image',
            fix='publish it, or set extrinsics.source to parameters')


class TfOnceKnown:
    """
    The parameters until TF knows the camera, from then on TF alone.

    There is no way back: a vehicle whose TF fails gets no grid, not one of another pose.

    :param transforms: TF.
    :param fixed: the parameters.
    :param switched: called when TF takes over.
    """

    def __init__(self, transforms: TfExtrinsics, fixed: FixedExtrinsics,
                 switched: Callable[[], None]) -> None:
        self._transforms = transforms
        self._in_use: ExtrinsicsSource = fixed
        self._switched = switched

    @property
    def name(self) -> str:
        """The source in use."""
        return self._in_use.name

    def at(self, stamp_ns: int, camera_frame: str) -> Extrinsics:
        """Return the pose that the source in use gives."""
        if self._in_use is not self._transforms and self._transforms.knows(camera_frame):
            self._in_use = self._transforms
            self._switched()
        return self._in_use.at(stamp_ns, camera_frame)

    def close(self) -> None:
        """Release what TF took."""
        self._transforms.close()


def open_extrinsics(node: Node, parameters: Parameters, fixed: FixedExtrinsics,
                    switched: Callable[[], None]) -> ExtrinsicsSource:
    """
    Return the source that the parameters ask for.

    :param node: subscribes to TF, if that is asked for.
    :param fixed: the pose of the parameters.
    :param switched: called when TF takes over from the parameters.
    :raises ConfigError: TF is asked for and not installed.
    """
    wanted = parameters.extrinsics_source
    if wanted == 'parameters' or (wanted == 'auto' and tf2_ros is None):
        return fixed
    if tf2_ros is None:
        raise ConfigError('parameter extrinsics.source', found="'tf' without tf2_ros",
                          expected='tf2_ros, or another source',
                          fix='install tf2_ros_py of your ROS distribution, or set it to '
                          'parameters')
    # Of its own clock, since with a node's it offers a service that nothing can withdraw.
    buffer = tf2_ros.Buffer()
    listener = tf2_ros.TransformListener(buffer, node)
    jumps = node.get_clock().create_jump_callback(
        _BACKWARDS, post_callback=lambda jump: buffer.clear())

    def close() -> None:
        jumps.unregister()
        listener.unregister()

    transforms = TfExtrinsics(buffer.lookup_transform, tf2_ros.TransformException,
                              parameters.base_frame, parameters.tf_timeout_s, close)
    return transforms if wanted == 'tf' else TfOnceKnown(transforms, fixed, switched)
