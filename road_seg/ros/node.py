"""The lifecycle node: camera images in, a mask and a drivable-area grid out."""

from contextlib import ExitStack
import sys
import time
import traceback

from rcl_interfaces.msg import SetParametersResult
import rclpy
from rclpy.event_handler import QoSRequestedIncompatibleQoSInfo
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.executors import ExternalShutdownException
from rclpy.lifecycle import LifecycleNode
from rclpy.lifecycle import LifecycleState
from rclpy.parameter import Parameter
from rclpy.qos import qos_policy_name_from_kind
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image

from road_seg.errors import ConfigError
from road_seg.health import Health
from road_seg.health import Level
from road_seg.parameters import Parameters
from road_seg.pipeline import Segmenter
from road_seg.ros import qos
from road_seg.ros.calibration_feed import CalibrationFeed
from road_seg.ros.declared import changed_parameters
from road_seg.ros.declared import read_parameters
from road_seg.ros.diagnostics import DiagnosticsReporter
from road_seg.ros.last_resort import end_soon_after_signals
from road_seg.ros.outputs import Outputs
from road_seg.ros.processor import Frame
from road_seg.ros.processor import FrameProcessor
from road_seg.ros.served_backend import ServedBackend
from road_seg.ros.topics import input_topics
from road_seg.ros.topics import InputTopics
from road_seg.ros.transforms import ExtrinsicsSource
from road_seg.ros.transforms import FixedExtrinsics
from road_seg.ros.transforms import open_extrinsics
from road_seg.ros.transition import transition
from road_seg.ros.worker import NewestItemWorker

_TRANSITION, _QOS = 'transition', 'incompatible_qos'  # conditions
_NS_PER_MS = 1e6


class RoadSegNode(LifecycleNode):
    """
    Segment the newest camera frame in a worker thread and publish mask and grid.

    Configure reads the parameters and loads the model, activate subscribes and starts the
    worker; the opposite transitions release what these took. `health` gathers what the
    diagnostics report.
    """

    def __init__(self, **node_options: object) -> None:
        super().__init__('road_seg', **node_options)
        self._configured = ExitStack()
        self._activated = ExitStack()
        self._settings: Parameters | None = None
        self._segmenter: Segmenter
        self._outputs: Outputs
        self.health = Health()
        self.health.set_facts(state='unconfigured')
        self._reporter = DiagnosticsReporter(self, self.health)
        self.add_on_set_parameters_callback(self._take_parameters)

    @transition('inactive')
    def on_configure(self, state: LifecycleState) -> None:
        """Read the parameters, load the model and create the publishers."""
        with ExitStack() as stack:
            self._apply(read_parameters(self))
            stack.callback(setattr, self, '_settings', None)
            backend = ServedBackend(self._settings, self.health, self.get_logger()).open(stack)
            self._segmenter = Segmenter(backend, self._settings.grid, self._settings.grid_rules)
            self._segmenter.set_drivable(self._settings.drivable_classes)
            self._outputs = Outputs(self, self._segmenter.labels, self._settings.base_frame)
            stack.callback(self._outputs.close)
            super().on_configure(state)
            self._configured = stack.pop_all()

    @transition('active')
    def on_activate(self, state: LifecycleState) -> None:
        """Announce the classes, start the worker and subscribe."""
        with ExitStack() as stack:
            stack.callback(super().on_deactivate, state)
            super().on_activate(state)
            self._outputs.announce()
            topics = input_topics(self, self._settings.is_compressed)
            calibration = CalibrationFeed(
                topics.camera_info, self.health, changed=self._reporter.publish,
                is_rectified=topics.are_rectified(self._settings.image_geometry))
            stack.callback(calibration.close)
            extrinsics = self._open_extrinsics(stack)
            processor = FrameProcessor(
                self, segmenter=self._segmenter, calibration=calibration, extrinsics=extrinsics,
                outputs=self._outputs, health=self.health, settings=lambda: self._settings)
            stack.callback(processor.close)
            worker = NewestItemWorker(processor, dropped=self.health.dropped)
            self.health.start(time.perf_counter_ns(), f'image on {topics.image}')
            stack.callback(self.health.stop)
            worker.start()
            stack.callback(worker.stop)
            self._subscribe(stack, topics, calibration, worker)
            self._activated = stack.pop_all()

    @transition('inactive')
    def on_deactivate(self, state: LifecycleState) -> None:
        """Unsubscribe and stop the worker."""
        self._activated.close()

    @transition('unconfigured')
    def on_cleanup(self, state: LifecycleState) -> None:
        """Release the model and the publishers."""
        self.release()

    @transition('finalized')
    def on_shutdown(self, state: LifecycleState) -> None:
        """Release everything."""
        self.release()

    @transition('unconfigured', mends=False)
    def on_error(self, state: LifecycleState) -> None:
        """Release everything after a transition that broke; the node can be configured again."""
        self.release()

    def release(self) -> None:
        """Release what configure and activate took; do nothing if there is nothing."""
        try:
            self._activated.close()
        finally:
            self._configured.close()

    def report_state(self, state: str, mends: bool) -> None:
        """Report a new lifecycle state; `mends` ends the report of an earlier failure."""
        if mends:
            self.health.clear_condition(_TRANSITION)
        self.health.set_facts(state=state)
        self._reporter.publish()

    def report_failure(self, text: str) -> None:
        """Log and report why a transition failed; call it while the exception is handled."""
        if not self.context.ok():
            return  # a signal has ended ROS under the transition
        self.get_logger().error(text)
        self.get_logger().debug(traceback.format_exc())
        self.health.set_condition(_TRANSITION, Level.ERROR, text)
        self._reporter.publish()

    def _take_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        """Check new values and put them in force from the next frame on, or say what is wrong."""
        if self._settings is not None:
            try:
                changed = changed_parameters(
                    self, {parameter.name: parameter.value for parameter in changes})
                self._segmenter.labels.with_drivable(changed.drivable_classes)
                self._apply(changed)
            except ConfigError as error:
                return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _apply(self, settings: Parameters) -> None:
        """Put parameters in force."""
        self._settings = settings
        self.health.set_budget(int(settings.network_budget_ms * _NS_PER_MS))

    def _works(self) -> bool:
        """Say whether images are to be processed, and report it."""
        settings = self._settings
        state = ('disabled' if not settings.is_enabled
                 else 'idle: nobody subscribes' if settings.idles and not self._outputs.are_wanted
                 else 'on')
        self.health.set_facts(inference=state)
        return state == 'on'

    def _report_qos(self, topic: str, event: QoSRequestedIncompatibleQoSInfo) -> None:
        """Report a publisher whose QoS does not match the subscription's."""
        policy = qos_policy_name_from_kind(event.last_policy_kind)
        text = (f'{topic}: a publisher offers another {policy} than this node requests and '
                f'nothing comes through; set qos_overrides.{topic}.subscription.'
                f'{policy.lower()} to what `ros2 topic info --verbose {topic}` shows')
        self.get_logger().error(text)
        self.health.set_condition(_QOS, Level.ERROR, text)
        self._reporter.publish()

    def _open_extrinsics(self, stack: ExitStack) -> ExtrinsicsSource:
        """Return the source of the camera's pose, which follows the parameters as they are set."""
        extrinsics = open_extrinsics(
            self, self._settings, FixedExtrinsics(lambda: self._settings.extrinsics),
            switched=lambda: self.get_logger().info('extrinsics: from now on TF alone'))
        stack.callback(extrinsics.close)
        return extrinsics

    def _subscribe(self, stack: ExitStack, topics: InputTopics, calibration: CalibrationFeed,
                   worker: NewestItemWorker[Frame]) -> None:
        """Subscribe to calibrations and images; the stack unsubscribes."""
        def take(message: Image | CompressedImage) -> None:
            now_ns = time.perf_counter_ns()
            self.health.received(now_ns)
            self.health.clear_condition(_QOS)
            if self._works():
                worker.submit(Frame(message, now_ns))

        stack.callback(self.health.clear_condition, _QOS)
        lost = SubscriptionEventCallbacks(
            message_lost=lambda event: self.health.lost(event.total_count_change),
            incompatible_qos=lambda event: self._report_qos(topics.image, event))
        image = CompressedImage if self._settings.is_compressed else Image
        for kind, topic, callback, events in ((CameraInfo, topics.camera_info, calibration.update,
                                               None),
                                              (image, topics.image, take, lost)):
            subscription = self.create_subscription(
                kind, topic, callback, qos.sensor(), event_callbacks=events,
                qos_overriding_options=qos.overridable())
            stack.callback(self.destroy_subscription, subscription)


def main(args: list[str] | None = None) -> int:
    """
    Run the node until SIGINT or SIGTERM.

    :param args: command line; sys.argv by default.
    :return: exit status: 0, or 2 if ROS refuses the command line or the parameter file.
    """
    end_soon_after_signals()
    try:
        rclpy.init(args=args)
    except RuntimeError as error:  # rclpy's errors have no narrower public root
        print(f'road_seg_node: {" ".join(str(error).split())}', file=sys.stderr)
        return 2
    try:
        _run()
    except ExternalShutdownException:
        pass
    except Exception:
        if rclpy.ok():
            raise
        # A signal has ended ROS under a call that was at work.
    finally:
        rclpy.try_shutdown()
    return 0


def _run() -> None:
    """Make the node and let it work until ROS ends."""
    node = RoadSegNode()
    try:
        rclpy.spin(node)
    finally:
        node.release()
        node.destroy_node()


if __name__ == '__main__':
    sys.exit(main())
