"""ROS 2 messages as CDR bytes: built and read without a ROS installation."""

from functools import cache
import math
from typing import Any

import numpy as np
from rosbags.typesys import get_typestore
from rosbags.typesys import Stores
from rosbags.typesys.store import Typestore

from road_seg.calibration import CameraInfo
from road_seg.camera import Extrinsics
from road_seg.errors import InputError
from road_seg.grid import DrivableGrid
from road_seg.grid import GridSpec
from road_seg.images import compressed_size
from road_seg.images import decode_compressed
from road_seg.images import to_rgb
from road_seg.images import view

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED_IMAGE = 'sensor_msgs/msg/CompressedImage'
CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'
OCCUPANCY_GRID = 'nav_msgs/msg/OccupancyGrid'
TF = 'tf2_msgs/msg/TFMessage'
ODOMETRY = 'nav_msgs/msg/Odometry'
# Types of ROS 1 that have another name in ROS 2 and the same fields.
ROS1_TYPES = {'tf/msg/tfMessage': TF}


@cache
def typestore() -> Typestore:
    """Return the message definitions of ROS 2 Kilted."""
    return get_typestore(Stores.ROS2_KILTED)


def _encode(msgtype: str, **fields: object) -> bytes:
    message = typestore().types[msgtype](**fields)
    return bytes(typestore().serialize_cdr(message, msgtype))


def _header(stamp_ns: int, frame_id: str) -> object:
    types = typestore().types
    stamp = types['builtin_interfaces/msg/Time'](sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    return types['std_msgs/msg/Header'](stamp=stamp, frame_id=frame_id)


def encode_image(image: np.ndarray, stamp_ns: int, frame_id: str) -> bytes:
    """
    Return a sensor_msgs/Image.

    :param image: (H, W, 3) uint8 RGB, sent as rgb8, or (H, W) uint8, sent as mono8.
    :param stamp_ns: time of acquisition [ns].
    :param frame_id: the camera's optical frame.
    """
    height, width = image.shape[:2]
    return _encode(IMAGE, header=_header(stamp_ns, frame_id), height=height, width=width,
                   encoding='rgb8' if image.ndim == 3 else 'mono8', is_bigendian=0,
                   step=width * (image.shape[2] if image.ndim == 3 else 1),
                   data=np.ascontiguousarray(image).reshape(-1))


def encode_compressed(data: bytes, file_format: str, stamp_ns: int, frame_id: str) -> bytes:
    """
    Return a sensor_msgs/CompressedImage that holds an image file as it is.

    :param data: the file's bytes.
    :param file_format: 'jpeg' or 'png'.
    """
    return _encode(COMPRESSED_IMAGE, header=_header(stamp_ns, frame_id), format=file_format,
                   data=np.frombuffer(data, np.uint8))


def encode_camera_info(info: CameraInfo, stamp_ns: int, frame_id: str) -> bytes:
    """Return a sensor_msgs/CameraInfo."""
    x_offset, y_offset, height, width = info.roi
    roi = typestore().types['sensor_msgs/msg/RegionOfInterest'](
        x_offset=x_offset, y_offset=y_offset, height=height, width=width, do_rectify=False)
    return _encode(CAMERA_INFO, header=_header(stamp_ns, frame_id), height=info.height,
                   width=info.width, distortion_model=info.distortion_model,
                   d=np.array(info.d, float), k=np.array(info.k, float),
                   r=np.array(info.r, float), p=np.array(info.p, float),
                   binning_x=info.binning_x, binning_y=info.binning_y, roi=roi)


def encode_grid(grid: DrivableGrid, stamp_ns: int, frame_id: str) -> bytes:
    """
    Return a nav_msgs/OccupancyGrid.

    :param frame_id: the frame on whose z = 0 plane the cells lie.
    """
    types, spec = typestore().types, grid.spec
    header = _header(stamp_ns, frame_id)
    origin = types['geometry_msgs/msg/Pose'](
        position=types['geometry_msgs/msg/Point'](x=spec.x_min, y=spec.y_min, z=0.0),
        orientation=types['geometry_msgs/msg/Quaternion'](x=0.0, y=0.0, z=0.0, w=1.0))
    info = types['nav_msgs/msg/MapMetaData'](
        map_load_time=header.stamp, resolution=spec.resolution, width=spec.width,
        height=spec.height, origin=origin)
    return _encode(OCCUPANCY_GRID, header=header, info=info, data=grid.values.reshape(-1))


def encode_transforms(transforms: list[tuple[str, str, Extrinsics]], stamp_ns: int) -> bytes:
    """
    Return a tf2_msgs/TFMessage.

    :param transforms: (parent frame, child frame, pose of the child in the parent).
    """
    types = typestore().types
    messages = []
    for parent, child, pose in transforms:
        x, y, z, w = _quaternion(pose)
        messages.append(types['geometry_msgs/msg/TransformStamped'](
            header=_header(stamp_ns, parent), child_frame_id=child,
            transform=types['geometry_msgs/msg/Transform'](
                translation=types['geometry_msgs/msg/Vector3'](x=pose.x, y=pose.y, z=pose.z),
                rotation=types['geometry_msgs/msg/Quaternion'](x=x, y=y, z=z, w=w))))
    return _encode(TF, transforms=messages)


def _quaternion(pose: Extrinsics) -> tuple[float, float, float, float]:
    """Return x, y, z, w of roll, pitch and yaw about fixed axes."""
    (cr, sr), (cp, sp), (cy, sy) = ((math.cos(angle / 2.0), math.sin(angle / 2.0))
                                    for angle in (pose.roll, pose.pitch, pose.yaw))
    return (sr * cp * cy - cr * sp * sy, cr * sp * cy + sr * cp * sy,
            cr * cp * sy - sr * sp * cy, cr * cp * cy + sr * sp * sy)


def from_ros1(message: bytes, msgtype: str) -> bytes:
    """
    Return a ROS 1 message as CDR bytes of the ROS 2 message of the same name.

    :param msgtype: its type, written as ROS 2 does: `package/msg/Name`.
    """
    return bytes(typestore().ros1_to_cdr(message, ROS1_TYPES.get(msgtype, msgtype)))


def decode(cdr: bytes, msgtype: str) -> Any:
    """
    Return a message with the fields of its ROS definition.

    :raises InputError: the bytes are not such a message.
    """
    try:
        return typestore().deserialize_cdr(cdr, msgtype)
    except Exception as error:  # damaged bytes make rosbags raise of every kind
        raise InputError(f'a {msgtype} message', found=f'{len(cdr)} bytes that cannot be decoded',
                         expected='a CDR-serialized message', fix='record the bag again'
                         ) from error


def decode_rgb(cdr: bytes, msgtype: str) -> np.ndarray:
    """
    Return the picture of an Image or CompressedImage as (H, W, 3) uint8 RGB.

    :raises InputError: the message or the image in it is damaged.
    """
    message = decode(cdr, msgtype)
    if msgtype == COMPRESSED_IMAGE:
        return decode_compressed(message.data)
    return to_rgb(_view(message, message.encoding), message.encoding)


def image_size(cdr: bytes, msgtype: str) -> tuple[int, int]:
    """
    Return (height, width) of an Image or CompressedImage without decoding its pixels.

    :raises InputError: the message or the image in it is damaged.
    """
    message = decode(cdr, msgtype)
    if msgtype == COMPRESSED_IMAGE:
        return compressed_size(bytes(message.data))
    return message.height, message.width


def decode_mask(cdr: bytes) -> np.ndarray:
    """
    Return the class ids (H, W) uint8 of a mono8 or 8UC1 Image.

    :raises InputError: the message is damaged or of another encoding.
    """
    message = decode(cdr, IMAGE)
    if message.encoding not in ('mono8', '8UC1'):
        raise InputError('a mask message', found=f'encoding {message.encoding!r}',
                         expected='mono8 class ids', fix='publish the mask as mono8')
    return _view(message, 'mono8')


def decode_grid(grid_cdr: bytes, reasons_cdr: bytes) -> DrivableGrid:
    """
    Return the grid of an OccupancyGrid and the mono8 Image of its reasons.

    :raises InputError: a message is damaged, or they do not have the same size.
    """
    message = decode(grid_cdr, OCCUPANCY_GRID)
    reasons = decode_mask(reasons_cdr)
    info = message.info
    if message.data.size != info.width * info.height or reasons.shape != (
            info.height, info.width):
        raise InputError('a grid message', found=f'{message.data.size} cells and reasons of '
                         f'{reasons.shape}', expected=f'{info.height} x {info.width} of both',
                         fix='record the bag again')
    # The message carries the resolution in single precision.
    resolution = round(float(info.resolution), 6)
    x_min, y_min = info.origin.position.x, info.origin.position.y
    spec = GridSpec(resolution, x_min, x_min + info.width * resolution, y_min,
                    y_min + info.height * resolution)
    return DrivableGrid(spec, message.data.reshape(reasons.shape), reasons)


def _view(message: Any, encoding: str) -> np.ndarray:
    return view(message.data, height=message.height, width=message.width, encoding=encoding,
                step=message.step)
