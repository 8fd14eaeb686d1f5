"""Serialized (CDR) messages as they travel between a bag and the node, without ROS."""

from dataclasses import dataclass
import struct

from road_seg.errors import InputError
from road_seg.verdict import Verdict


@dataclass(frozen=True)
class Answer:
    """
    What the node published about one frame; messages are serialized (CDR).

    :param mask: sensor_msgs/Image.
    :param confidence: sensor_msgs/Image, None if not subscribed to.
    :param overlay: sensor_msgs/Image, None if not subscribed to.
    :param grid: nav_msgs/OccupancyGrid, None without a usable calibration.
    :param stages_ms: duration of each stage, ms.
    :param round_trip_ms: from sending the frame to having all of this, ms.
    :param reasons: sensor_msgs/Image of the grid's reasons, None without a grid.
    :param verdict: the node's state as last reported before this, None if nothing reports it.
    """

    mask: bytes
    confidence: bytes | None
    overlay: bytes | None
    grid: bytes | None
    stages_ms: dict[str, float]
    round_trip_ms: float
    reasons: bytes | None = None
    verdict: Verdict | None = None


def header_frame_id(cdr: bytes) -> str:
    """
    Return the header's frame of a message that begins with a header.

    :param cdr: the message: after the stamp the length of the text with its final 0, the text.
    :raises InputError: the message is too short.
    """
    order = '<I' if cdr[1:2] == b'\x01' else '>I'
    if len(cdr) >= 16:
        length, = struct.unpack_from(order, cdr, 12)
        if 16 + length <= len(cdr):
            return bytes(cdr[16:16 + length]).rstrip(b'\0').decode(errors='replace')
    raise _too_short(cdr)


def header_stamp_ns(cdr: bytes) -> int:
    """
    Return the header stamp of a message that begins with a header, from its first 12 bytes.

    :param cdr: the message: 4 bytes of encapsulation, then seconds and nanoseconds.
    :return: the stamp, ns.
    :raises InputError: the message is too short.
    """
    if len(cdr) < 12:
        raise _too_short(cdr)
    sec, nanosec = struct.unpack_from('<iI' if cdr[1] & 1 else '>iI', cdr, 4)
    return sec * 10**9 + nanosec


def _too_short(cdr: bytes) -> InputError:
    return InputError('a message', found=f'{len(cdr)} bytes', expected='a header',
                      fix='record the bag again')
