"""A camera in a process of its own that sends what a fault makes of its frames."""

from array import array
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from multiprocessing.connection import Connection
import time

import numpy as np
from rclpy.publisher import Publisher
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image

from road_seg.calibration import CameraInfo
from road_seg.ros import qos
from road_seg.ros.camera_process import companion
from road_seg.ros.camera_process import connect
from road_seg.ros.camera_process import HEADER
from road_seg.ros.camera_process import READ_OUT_NS
from road_seg.ros.camera_process import sleep_until
from road_seg.ros.camera_process import stamped
from road_seg.ros.client_node import ClientNode
from road_seg.ros.conversions import camera_info_message
from road_seg.ros.conversions import NS_PER_S
from road_seg.soak.faults import Fault
from road_seg.soak.faults import FAULTS
from road_seg.soak.faults import Shot

HEALTHY = 'healthy'

_FAULTS = {HEALTHY: Fault(HEALTHY, ''), **{fault.name: fault for fault in FAULTS}}


@dataclass(frozen=True)
class Loop:
    """
    What the camera sends again and again.

    :param frames: (H, W, 3) uint8 RGB each.
    :param info: its calibration, sent with every frame.
    :param rate_hz: frames a second.
    """

    frames: Sequence[np.ndarray]
    info: CameraInfo
    rate_hz: float


@dataclass(frozen=True)
class Switched:
    """
    The camera's answer to a new order.

    :param at_ns: when it began to follow it, perf_counter_ns.
    :param stamps: of the frames sent under the order before, ns.
    """

    at_ns: int
    stamps: tuple[int, ...]


@contextmanager
def fault_camera(loop: Loop, namespace: str, domain_id: int) -> Iterator[Connection]:
    """
    Publish image and camera_info until the context is left.

    :return: takes names of faults, or HEALTHY, and answers each with Switched.
    """
    with companion(_play, loop, namespace, domain_id) as connection:
        yield connection


def _play(loop: Loop, namespace: str, domain_id: int, parent: Connection) -> None:
    """Follow the orders of the parent, without a fault at first."""
    shots = [Shot(index, frame, loop.info) for index, frame in enumerate(loop.frames)]
    with ClientNode(namespace, domain_id) as client:
        reliable, infos = connect(client)
        fault, stamps = _FAULTS[HEALTHY], ()
        while True:
            parent.send(Switched(time.perf_counter_ns(), stamps))
            with _image_publisher(client, fault, reliable) as images:
                stamps = tuple(_send(cycle(map(_Message.of, fault.change(shots))), images, infos,
                                     fault.rate_hz or loop.rate_hz, parent))
                fault = _FAULTS[parent.recv()]


@contextmanager
def _image_publisher(client: ClientNode, fault: Fault, reliable: Publisher) -> Iterator[Publisher]:
    """Return the publisher of images, under some faults another one than without."""
    if not fault.is_best_effort:
        yield reliable
        return
    publisher = client.publisher(Image, 'image', qos.sensor())
    try:
        yield publisher
    finally:
        client.remove(publisher)


def _send(messages: Iterable['_Message'], images: Publisher, infos: Publisher, rate_hz: float,
          parent: Connection) -> Iterator[int]:
    """
    Publish until the parent has another order; yield the stamps, ns.

    :param messages: without end, or none.
    """
    period_ns = round(NS_PER_S / rate_hz)
    read_out_ns = min(READ_OUT_NS, period_ns // 2)
    due_ns = time.time_ns()
    for message in messages:
        stamp_ns, image, info = message.at(due_ns)
        sleep_until(due_ns)
        if info:
            infos.publish(info)
        images.publish(image)
        yield stamp_ns
        due_ns = max(due_ns + period_ns, time.time_ns())
        if parent.poll(max(0, due_ns - read_out_ns - time.time_ns()) / NS_PER_S):
            return


@dataclass(frozen=True)
class _Message:
    """
    A shot as it is sent.

    :param image: serialized Image.
    :param info: serialized CameraInfo, None for none.
    :param offset_ns: the stamp less the time of acquisition.
    """

    image: bytes
    info: bytes | None
    offset_ns: int

    @classmethod
    def of(cls, shot: Shot) -> '_Message':
        """Serialize a shot."""
        height, width = shot.pixels.shape[:2]
        data = shot.pixels.tobytes()
        image = Image(header=HEADER, height=height, width=width, step=3 * width,
                      encoding=shot.encoding,
                      data=array('B', data[:len(data) - shot.missing_bytes]))
        info = shot.info and serialize_message(camera_info_message(HEADER, shot.info))
        return cls(serialize_message(image), info, shot.offset_ns)

    def at(self, time_ns: int) -> tuple[int, bytes, bytes | None]:
        """Return stamp, image and calibration of a time of acquisition, ns."""
        stamp_ns = time_ns + self.offset_ns
        return (stamp_ns, stamped(self.image, stamp_ns),
                self.info and stamped(self.info, stamp_ns))
