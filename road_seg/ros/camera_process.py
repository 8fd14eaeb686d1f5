"""A camera in a process of its own: one frame again and again at a steady rate."""

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import multiprocessing
from multiprocessing.connection import Connection
import signal
import struct
import time

import numpy as np
from rclpy.publisher import Publisher
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo as CameraInfoMessage
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from road_seg.calibration import CameraInfo
from road_seg.ros.client_node import ClientNode
from road_seg.ros.conversions import camera_info_message
from road_seg.ros.conversions import ImageMessage
from road_seg.ros.conversions import NS_PER_S

HEADER = Header(frame_id='camera_optical_frame')
_STAMP = struct.Struct('<iI')
_STAMP_AT = 4  # after the encapsulation
_CONNECT_TIMEOUT_S = 20.0
_PATIENCE_S = 5.0
READ_OUT_NS = 5_000_000


@dataclass(frozen=True)
class Camera:
    """
    What the camera sends, and how often.

    :param frame: (H, W, 3) uint8 RGB.
    :param info: its calibration, sent with every frame.
    :param rate_hz: frames a second.
    :param count: frames in all.
    """

    frame: np.ndarray
    info: CameraInfo
    rate_hz: float
    count: int


@contextmanager
def camera_process(camera: Camera, namespace: str, domain_id: int) -> Iterator[Connection]:
    """
    Publish image and camera_info; leaving the context ends the process.

    :param namespace: of the two topics.
    :param domain_id: ROS domain.
    :return: where the stamps of all frames sent, a list of ns, come in after the last one.
    """
    with companion(_play, camera, namespace, domain_id) as stamps:
        yield stamps


@contextmanager
def companion(work: Callable[..., None], *arguments: object) -> Iterator[Connection]:
    """
    Run a function in a process of its own; leaving the context ends the process.

    :param work: called with the arguments and the other end of the connection.
    :return: this end.
    """
    context = multiprocessing.get_context('spawn')  # a fork would share the middleware's threads
    own, other = context.Pipe()
    process = context.Process(target=work, args=(*arguments, other), daemon=True)
    process.start()
    other.close()
    try:
        yield own
    finally:
        process.terminate()
        process.join(_PATIENCE_S)
        process.kill()
        process.join()


def connect(client: ClientNode) -> tuple[Publisher, Publisher]:
    """Return publishers of image and camera_info once both have a subscriber, or after a while."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the parent ends this process
    images = client.publisher(Image, 'image')
    infos = client.publisher(CameraInfoMessage, 'camera_info')
    client.wait(lambda: images.get_subscription_count() and infos.get_subscription_count(),
                _CONNECT_TIMEOUT_S, lambda: None)
    return images, infos


def _play(camera: Camera, namespace: str, domain_id: int, parent: Connection) -> None:
    """Publish all frames once there is a subscriber, report their stamps, wait for the end."""
    image = serialize_message(ImageMessage('rgb8').filled(HEADER, camera.frame))
    info = serialize_message(camera_info_message(HEADER, camera.info))
    with ClientNode(namespace, domain_id) as client:
        images, infos = connect(client)
        parent.send(_publish_all(camera, {images: image, infos: info}))
        signal.pause()


def _publish_all(camera: Camera, messages: dict[Publisher, bytes]) -> list[int]:
    """
    Publish at the camera's rate.

    :param messages: serialized, by publisher.
    :return: the frames' stamps, ns: the moments they were due.
    """
    period_ns = round(NS_PER_S / camera.rate_hz)
    first_ns = time.time_ns() + period_ns
    stamps = [first_ns + index * period_ns for index in range(camera.count)]
    for stamp in stamps:
        # Shortly before it is due, as a camera reads its sensor: writing the stamp copies the
        # frame.
        sleep_until(stamp - min(READ_OUT_NS, period_ns // 2))
        due = [(publisher, stamped(message, stamp)) for publisher, message in messages.items()]
        sleep_until(stamp)
        for publisher, message in due:
            publisher.publish(message)
    return stamps


def sleep_until(moment_ns: int) -> None:
    """Sleep until a moment, ns of the system's clock."""
    time.sleep(max(0, moment_ns - time.time_ns()) / NS_PER_S)


def stamped(message: bytes, stamp_ns: int) -> bytes:
    """Return a serialized message, which begins with a header, with another stamp."""
    stamp = _STAMP.pack(*divmod(stamp_ns, NS_PER_S))
    return b''.join((message[:_STAMP_AT], stamp, memoryview(message)[_STAMP_AT + _STAMP.size:]))
