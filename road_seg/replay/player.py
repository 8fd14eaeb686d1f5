"""What answers the frames of a drive: the live node, or the Segmenter in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from road_seg.bags.drive import Drive
from road_seg.bags.drive import Frame
from road_seg.camera import Extrinsics
from road_seg.errors import RoadSegError
from road_seg.parameters import Parameters
from road_seg.serialized import Answer

Answered = tuple[Frame, Answer | None]


class Player(Protocol):
    """
    Answers the frames of a drive.

    info: what it tells about itself, for people.
    """

    info: dict[str, str]

    def play(self, drive: Drive) -> Iterator[Answered]:
        """
        Yield each frame with its answer, None for one that was dropped.

        :raises RoadSegError: the bag is damaged or a frame cannot be answered.
        """


def pose_of(frame: Frame, parameters: Parameters) -> Extrinsics | None:
    """
    Return where a frame's camera was; None if that is not known, and so no grid is possible.

    As in the node: the parameters until the transforms know the camera, then these alone.
    """
    if frame.pose or frame.pose_error or parameters.extrinsics_source == 'tf':
        return frame.pose
    return parameters.extrinsics


@contextmanager
def naming(drive: Drive, frame: Frame) -> Iterator[None]:
    """Name the bag and the frame in errors of the block."""
    try:
        yield
    except RoadSegError as error:
        raise error.within(f'{drive.path}, frame {frame.index}') from error
