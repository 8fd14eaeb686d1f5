"""What the worker does with one image message."""

from collections.abc import Callable
from dataclasses import dataclass
import time
import traceback

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from road_seg.camera import Extrinsics
from road_seg.errors import CalibrationError
from road_seg.errors import InputError
from road_seg.grid import GridRules
from road_seg.health import Health
from road_seg.health import Level
from road_seg.parameters import Parameters
from road_seg.pipeline import Segmenter
from road_seg.ros.calibration_feed import CalibrationFeed
from road_seg.ros.conversions import encoding_of
from road_seg.ros.conversions import RgbReader
from road_seg.ros.conversions import stamp_ns
from road_seg.ros.outputs import Outputs
from road_seg.ros.transforms import ExtrinsicsSource

# A camera that damages every frame in another way must not fill the log.
_MAX_DIFFERENT_LINES = 20
_EXTRINSICS, _STALE = 'no_transform', 'stamp_stale'  # conditions
_NS_PER_S = 1e9


@dataclass(frozen=True)
class Frame:
    """
    An image message and when it came.

    :param message: as received.
    :param received_ns: perf_counter_ns at that moment.
    """

    message: Image | CompressedImage
    received_ns: int


class FrameProcessor:
    """
    Decode, segment and publish one frame at a time; a bad frame gives a diagnostic, no output.

    :param node: for its clock and log.
    :param segmenter: over an active backend.
    :param extrinsics: source of the camera's pose in the base frame.
    :param calibration: source of camera models.
    :param outputs: where results go.
    :param health: told about every frame.
    :param settings: returns the parameters in force; grids follow them from the next frame on.
    """

    def __init__(self, node: Node, *, segmenter: Segmenter, extrinsics: ExtrinsicsSource,
                 calibration: CalibrationFeed, outputs: Outputs, health: Health,
                 settings: Callable[[], Parameters]) -> None:
        self._node = node
        self._segmenter = segmenter
        self._extrinsics = extrinsics
        self._calibration = calibration
        self._outputs = outputs
        self._health = health
        self._settings = settings
        self._form = ''
        self._reader = RgbReader()
        self._logged: set[str] = set()

    def __call__(self, frame: Frame) -> None:
        """Process a frame; never raise."""
        try:
            self._process(frame)
        except InputError as error:
            self._health.rejected(time.perf_counter_ns(), str(error))
            self._log_once(str(error))
        except Exception as error:
            if not self._node.context.ok():
                return  # the process ends: publishing fails
            text = f'frame not processed: {type(error).__name__}: {" ".join(str(error).split())}'
            self._health.failed(time.perf_counter_ns(), text)
            self._log_once(text)
            self._node.get_logger().debug(traceback.format_exc())

    def _process(self, frame: Frame) -> None:
        started_ns = time.perf_counter_ns()
        header = frame.message.header
        rgb = self._reader.read(frame.message)
        decoded_ns = time.perf_counter_ns()
        height, width = rgb.shape[:2]
        self._report_form(f'{width}x{height} {encoding_of(frame.message)}')
        settings = self._settings()
        self._segmenter.set_grid(settings.grid, settings.grid_rules)
        self._segmenter.set_drivable(settings.drivable_classes)
        camera = self._calibration.model((width, height))
        extrinsics = camera and self._pose(stamp_ns(header.stamp), header.frame_id)
        posed_ns = time.perf_counter_ns()
        age_ns = self._age_ns(header)
        result = self._segmenter.process(
            rgb, stamp_ns(header.stamp), camera, extrinsics, age_ns=age_ns,
            with_confidence=self._outputs.wants_confidence)
        stages_ns = {'wait': started_ns - frame.received_ns, 'decode': decoded_ns - started_ns,
                     'pose': posed_ns - decoded_ns, **result.stages_ns}
        if result.grid is None:
            del stages_ns['grid']
        self._report_staleness(age_ns, settings.grid_rules)
        self._health.stamped(started_ns, stamp_ns(header.stamp), stamp_ns(header.stamp) + age_ns)
        self._health.looked(started_ns, result.image, result.prediction.confidence,
                            result.prediction.drivable)
        stages_ns.update(self._outputs.publish(header, rgb, result))
        finished_ns = time.perf_counter_ns()
        stages_ns['total'] = finished_ns - frame.received_ns
        self._outputs.publish_timings(header, stages_ns)
        self._health.processed(finished_ns, stages_ns, self._age_ns(header))

    def close(self) -> None:
        """End what was reported."""
        self._health.clear_condition(_EXTRINSICS)
        self._health.clear_condition(_STALE)

    def _pose(self, at_ns: int, camera_frame: str) -> Extrinsics | None:
        """Return the camera's pose, or None and a diagnostic."""
        try:
            extrinsics = self._extrinsics.at(at_ns, camera_frame)
        except CalibrationError as error:
            self._health.set_condition(_EXTRINSICS, Level.WARN, f'no grid: {error}')
            return None
        self._health.clear_condition(_EXTRINSICS)
        self._health.set_facts(extrinsics=self._extrinsics.name)
        return extrinsics

    def _age_ns(self, header: Header) -> int:
        """Return the time since a stamp, ns."""
        return self._node.get_clock().now().nanoseconds - stamp_ns(header.stamp)

    def _report_form(self, form: str) -> None:
        """Report size and encoding of the images, and that they have changed."""
        if form != self._form:
            if self._form:
                self._health.notice(time.perf_counter_ns(), 'image_changed', Level.WARN,
                                    f'the images changed from {self._form} to {form}')
            self._form = form
            self._health.set_facts(image=form)

    def _report_staleness(self, age_ns: int, rules: GridRules) -> None:
        """Report an image that is too old for a grid; of one from the future `health` tells."""
        if age_ns > 0 and rules.is_stale(age_ns):
            self._health.set_condition(
                _STALE, Level.WARN, f'grid unknown: image {age_ns / _NS_PER_S:.1f} s old, more '
                'than grid.max_age_s')
        else:
            self._health.clear_condition(_STALE)

    def _log_once(self, text: str) -> None:
        """Log a line that was not logged before."""
        if text not in self._logged and len(self._logged) < _MAX_DIFFERENT_LINES:
            self._logged.add(text)
            self._node.get_logger().error(f'{text} (shown once; see /diagnostics)')
