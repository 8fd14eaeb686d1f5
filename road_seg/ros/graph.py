"""The client side of the node: frames in and answers out, over the ROS graph."""

from collections.abc import Collection
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from dataclasses import replace
import os
import time
from types import TracebackType

from rcl_interfaces.srv import SetParametersAtomically
from rclpy.parameter import Parameter
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo as CameraInfoMessage
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image

from road_seg.calibration import CameraInfo
from road_seg.camera import Extrinsics
from road_seg.errors import InputError
from road_seg.ros.answers import AnswerCollector
from road_seg.ros.client_node import ClientNode
from road_seg.ros.conversions import calibration_id
from road_seg.ros.managed_node import ManagedNode
from road_seg.ros.managed_node import own_domain
from road_seg.ros.managed_node import own_namespace
from road_seg.ros.managed_node import STOP_TIMEOUT_S
from road_seg.serialized import Answer

IMAGE_TYPES = {'sensor_msgs/msg/Image': Image,
               'sensor_msgs/msg/CompressedImage': CompressedImage}

_MOMENT_S = 0.005
# Longer than the period of the diagnostics, so that a rejected frame is not sent twice.
_RESEND_S = 2.5


class NodeUnderTest:
    """
    Start the real node in a process of its own, and feed it frame by frame.

    Entering the context starts, configures and activates the node, leaving it ends the process.
    The node subscribes reliably, so that no frame is lost on the way, and lives in a namespace
    of its own, so that it meets no other node. Without ROS_DOMAIN_ID the domain follows from
    the process id.

    :param parameters: the node's parameters by full name.
    :param image_type: message type of the frames, one of IMAGE_TYPES.
    :param outputs: what to subscribe to beside mask and grid: confidence, overlay.
    :param log_path: file for what the node prints.
    """

    def __init__(self, parameters: Mapping[str, object], image_type: str, *,
                 outputs: Collection[str] = ('overlay',),
                 log_path: str | os.PathLike | None = None) -> None:
        if image_type not in IMAGE_TYPES:
            raise InputError('image type', found=image_type,
                             expected=f'one of {", ".join(IMAGE_TYPES)}',
                             fix='choose another topic')
        self._image_type = IMAGE_TYPES[image_type]
        self._is_compressed = self._image_type is CompressedImage
        self._parameters = dict(parameters)
        self._outputs = tuple(outputs)
        self._log_path = log_path
        self._calibration: str | None = None
        self._extrinsics: Extrinsics | None = None
        self._sent: dict[int, float] = {}

    @property
    def info(self) -> dict[str, str]:
        """The values of the node's last diagnostic: backend, model sha256 and others."""
        return dict(self._node.values)

    def __enter__(self) -> 'NodeUnderTest':
        domain_id, namespace = own_domain(), own_namespace('replay')
        image_topic = f'{namespace}/image' + '/compressed' * self._is_compressed
        info_topic = f'{namespace}/camera_info'
        parameters = {
            **self._parameters, 'image_transport': 'compressed' if self._is_compressed else 'raw',
            **{f'qos_overrides.{topic}.subscription.reliability': 'reliable'
               for topic in (image_topic, info_topic)}}
        with ExitStack() as stack:
            client = stack.enter_context(ClientNode(namespace, domain_id))
            self._answers = AnswerCollector(client, self._outputs)
            self._images = client.publisher(self._image_type, image_topic)
            self._infos = client.publisher(CameraInfoMessage, info_topic)
            self._set_parameters = client.service_client(
                SetParametersAtomically, f'{namespace}/road_seg/set_parameters_atomically')
            self._node = stack.enter_context(ManagedNode(
                client, namespace, domain_id, parameters, self._log_path))
            self._node.bring_up()
            if not self._node.wait(lambda: (self._images.get_subscription_count() > 0
                                            and self._infos.get_subscription_count() > 0
                                            and self._set_parameters.service_is_ready()
                                            and self._answers.is_connected), STOP_TIMEOUT_S):
                raise self._node.error('topics that do not connect')
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        with self._stack:
            if kind is None:
                self._node.shut_down()

    def send_camera_info(self, cdr: bytes) -> None:
        """
        Send a calibration and wait until the node has it; one of known content is not sent.

        :param cdr: serialized CameraInfo.
        :raises InputError: the node does not take it.
        """
        wanted = calibration_id(CameraInfo.from_message(
            deserialize_message(cdr, CameraInfoMessage)))
        if wanted == self._calibration:
            return
        self._infos.publish(cdr)
        if not self._node.wait(lambda: self._node.values.get('calibration') == wanted,
                               STOP_TIMEOUT_S):
            raise self._node.error('no reaction to camera_info')
        self._calibration = wanted

    def send_extrinsics(self, extrinsics: Extrinsics) -> None:
        """
        Set where the camera is and wait until the node has it; a known pose is not sent.

        :raises InputError: the node does not take it.
        """
        if extrinsics == self._extrinsics:
            return
        request = SetParametersAtomically.Request(parameters=[
            Parameter(f'extrinsics.{name}', value=value).to_parameter_msg()
            for name, value in asdict(extrinsics).items()])
        future = self._set_parameters.call_async(request)
        if not self._node.wait(future.done, STOP_TIMEOUT_S):
            raise self._node.error('no reaction to extrinsics')
        result = future.result().result
        if not result.successful:
            raise InputError('extrinsics', found=f'{extrinsics} ({result.reason})',
                             expected='a pose within the limits of the parameters',
                             fix='correct the recorded transforms, or set extrinsics.source to '
                             'parameters')
        self._extrinsics = extrinsics

    def process(self, image_cdr: bytes, stamp_ns: int, timeout_s: float = 10.0) -> Answer:
        """
        Send a frame and wait for what the node publishes about it.

        :param image_cdr: serialized message of the image type.
        :param stamp_ns: its header stamp, ns.
        :param timeout_s: how long to wait for the answer, s.
        :raises InputError: the node refuses the frame, or its answer does not come in time.
        """
        refused = self._refused()
        self._answers.expect(stamp_ns)
        started = time.perf_counter()
        while not self._answers.is_complete(stamp_ns):
            remaining = timeout_s - (time.perf_counter() - started)
            if remaining <= 0.0:
                raise self._node.error(f'no answer to the frame of {stamp_ns} ns in {timeout_s} s')
            self._images.publish(image_cdr)
            self._node.wait(lambda: (self._answers.is_complete(stamp_ns)
                                     or self._refused() > refused), min(_RESEND_S, remaining))
            if self._refused() > refused and not self._answers.is_complete(stamp_ns):
                raise self._node.error(f'no mask for the frame of {stamp_ns} ns')
        return self._judged(self._answers.take(stamp_ns, started))

    def send(self, image_cdr: bytes, stamp_ns: int) -> None:
        """Send a frame without waiting for what the node publishes about it."""
        self._answers.expect(stamp_ns)
        self._sent[stamp_ns] = time.perf_counter()
        self._images.publish(image_cdr)

    def listen(self, timeout_s: float) -> None:
        """Let messages come in for a moment, no longer than some seconds."""
        self._node.wait(lambda: False, min(timeout_s, _MOMENT_S))

    def has_begun(self, stamp_ns: int) -> bool:
        """Say whether a part of the answer to a frame that was sent has come."""
        return self._answers.has_begun(stamp_ns)

    def is_answered(self, stamp_ns: int) -> bool:
        """Say whether the answer to a frame that was sent is complete."""
        return self._answers.is_complete(stamp_ns)

    def take(self, stamp_ns: int) -> Answer | None:
        """Return the answer to a frame that was sent, None if it is not complete; forget it."""
        return self._judged(self._answers.take(stamp_ns, self._sent.pop(stamp_ns)))

    def _judged(self, answer: Answer | None) -> Answer | None:
        """Return an answer with what the node last reported about itself."""
        return answer and replace(answer, verdict=self._node.verdict)

    def _refused(self) -> int:
        """Return how many frames the node reported as unusable."""
        return sum(int(self._node.values.get(f'frames {how}', 0))
                   for how in ('rejected', 'failed'))
