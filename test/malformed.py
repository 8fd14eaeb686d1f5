"""Wrong values for the fields of messages, and what the message definitions say of them."""

from dataclasses import dataclass
from enum import Enum
from random import Random

from std_msgs.msg import Header

NS_PER_S = 1_000_000_000
NOW_NS = 1_800_000_000 * NS_PER_S  # what the clock of the tests shows

_SECONDS = (-2**31, -1, 0, 1, 1_799_999_999, 1_799_996_400, 1_800_003_600, 2**31 - 1)
_NANOSECONDS = (0, 1, 999_999_999, 10**9, 2**31, 2**32 - 1)
# What a text can be after it has travelled: UTF-8 without a zero.
TEXTS = ('', ' ', '/', 'a//b', '/camera', 'kamera\n\t"\\', '\ufffd\x01\x7f', 'straße', '道路',
         '\U0001f697', '%s%n{}', 'x' * 300, 'ü' * 10_000)
_FLOATS = (float('nan'), float('inf'), -float('inf'), 0.0, -0.0, 1.0, -1.0, 5e-324, 1e-310, 1e-9,
           0.01, 2.0, 1e9, 1e155, 1.7e308, -1e300)


class Verdict(Enum):
    """What a message definition says of a message; OPEN: it may be refused or taken."""

    GOOD = 'good'
    BAD = 'bad'
    OPEN = 'open'


@dataclass(frozen=True)
class Case:
    """
    A message that was changed.

    :param kind: what was changed.
    :param message: the message.
    :param verdict: what is to become of it.
    :param is_bomb: it claims more pixels than any camera has.
    """

    kind: str
    message: object
    verdict: Verdict
    is_bomb: bool = False


def wrong_float(rng: Random) -> float:
    """Return a number, mostly one that means trouble."""
    return rng.choice(_FLOATS) if rng.random() < 0.8 else rng.uniform(-100.0, 100.0)


def wrong_text(rng: Random) -> str:
    """Return a text that no program expects."""
    if rng.random() < 0.7:
        return rng.choice(TEXTS)
    return ''.join(chr(rng.randrange(1, 0xD800)) for _ in range(rng.randrange(12)))


def change_stamp(header: Header, rng: Random) -> None:
    """Give a header another time: negative, zero, long ago, yet to come, extreme."""
    header.stamp.sec = rng.choice(_SECONDS)
    header.stamp.nanosec = rng.choice(_NANOSECONDS)


def change_frame_id(header: Header, rng: Random) -> None:
    """Give a header another frame."""
    header.frame_id = wrong_text(rng)
