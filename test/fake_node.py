"""The client's side of a node that answers as the tiny model would, without ROS."""

from dataclasses import dataclass
from dataclasses import field

import numpy as np
from rosbags.typesys import get_typestore
from rosbags.typesys import Stores
from tiny_model import expected_classes

from road_seg.bags import messages
from road_seg.camera import Extrinsics
from road_seg.errors import InputError
from road_seg.serialized import Answer


@dataclass
class FakeNode:
    """
    Answers every image; the n-th answer took 10 + n ms.

    :param image_type: message type of the images.
    :param silent_at: number of the frame that gets no answer.
    """

    image_type: str = messages.IMAGE
    silent_at: int | None = None
    info: dict = field(default_factory=lambda: {'backend': 'fake', 'model sha256': 'abc'})
    calibrations: list[bytes] = field(default_factory=list)
    poses: list[Extrinsics] = field(default_factory=list)
    stamps: list[int] = field(default_factory=list)
    closed: bool = False

    def __enter__(self) -> 'FakeNode':
        return self

    def __exit__(self, *error: object) -> None:
        self.closed = True

    def send_camera_info(self, cdr: bytes) -> None:
        """Remember a calibration."""
        self.calibrations.append(cdr)

    def send_extrinsics(self, extrinsics: Extrinsics) -> None:
        """Remember a pose."""
        self.poses.append(extrinsics)

    def process(self, image_cdr: bytes, stamp_ns: int, timeout_s: float) -> Answer:
        """Answer with the classes of the picture, the picture as overlay, and a small grid."""
        if len(self.stamps) == self.silent_at:
            raise InputError('the node', found='no answer', expected='a mask', fix='see its log')
        self.stamps.append(stamp_ns)
        rgb = messages.decode_rgb(image_cdr, self.image_type)
        mask = messages.encode_image(expected_classes(rgb), stamp_ns, 'camera')
        took_ms = 10.0 + len(self.stamps) - 1
        return Answer(mask, None, messages.encode_image(rgb, stamp_ns, 'camera'),
                          grid_message(stamp_ns) if self.calibrations else None,
                          {'network': took_ms - 5.0}, took_ms)


def grid_message(stamp_ns: int) -> bytes:
    """Return an OccupancyGrid of 4 x 2 cells of 10 m: x 0..40, y -10..10."""
    store = get_typestore(Stores.ROS2_KILTED)
    types = store.types
    time = types['builtin_interfaces/msg/Time'](sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    pose = types['geometry_msgs/msg/Pose'](
        position=types['geometry_msgs/msg/Point'](x=0.0, y=-10.0, z=0.0),
        orientation=types['geometry_msgs/msg/Quaternion'](x=0.0, y=0.0, z=0.0, w=1.0))
    grid = types['nav_msgs/msg/OccupancyGrid'](
        header=types['std_msgs/msg/Header'](stamp=time, frame_id='base_link'),
        info=types['nav_msgs/msg/MapMetaData'](map_load_time=time, resolution=10.0, width=4,
                                               height=2, origin=pose),
        # Right row (y -10..0) free; left row blocked, its farthest cell unknown.
        data=np.array([0, 0, 0, 0, 100, 100, 100, -1], np.int8))
    return bytes(store.serialize_cdr(grid, 'nav_msgs/msg/OccupancyGrid'))
