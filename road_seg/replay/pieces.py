"""Parts of recorded drives that can be replayed apart and put together without a difference."""

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path

import numpy as np

from road_seg.backends import Backend
from road_seg.bags.drive import Drive
from road_seg.bags.drive import Frame
from road_seg.bags.drive import TRUTH_TOPIC
from road_seg.bags.messages import IMAGE
from road_seg.bags.reader import BagReader
from road_seg.bags.sample import labels_of
from road_seg.bags.stored import local_copy
from road_seg.bags.stored import StoredBag
from road_seg.errors import RoadSegError
from road_seg.parameters import checked_parameters
from road_seg.replay.evaluate import evaluate
from road_seg.replay.evaluate import Evaluation
from road_seg.replay.in_process import InProcess
from road_seg.replay.parameters import recorded_parameters
from road_seg.replay.run import check_labels

FRAMES = 500
# Every piece reads its bag from the start, for transforms and calibration may lie there.
_MAX_PIECES = 16
# Where the model lies and how many threads run it change no answer.
_MACHINE_PARAMETERS = ('model', 'threads')


@dataclass(frozen=True)
class Piece:
    """
    Consecutive frames of a bag.

    :param bag: the bag.
    :param first: number of its first frame in the drive.
    :param stop: number of the frame after its last one; None takes all there are.
    :param size: its share of the bag's size, bytes.
    """

    bag: StoredBag
    first: int
    stop: int | None
    size: int

    def digest(self, **settings: object) -> str:
        """
        Return a name for what comes out of the piece.

        :param settings: all else that the result depends on.
        """
        key = {'bag': self.bag.name, 'files': self.bag.files, 'frames': [self.first, self.stop],
               **settings}
        return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def pieces_of(bag: StoredBag, image_topic: str | None, frames: int = FRAMES) -> list[Piece]:
    """
    Return the pieces of a bag, of about equal length; what has to be fetched stays whole.

    :param image_topic: as for Drive.
    :param frames: a piece has at most so many, but no bag has more than 16 pieces.
    :raises InputError: the bag cannot be read or has no such images.
    """
    if bag.is_remote:
        return [Piece(bag, 0, None, bag.size)]
    with BagReader(bag.name) as reader:
        count = Drive(reader, image_topic).frame_count
    number = min(_MAX_PIECES, -(-count // frames))
    bounds = np.linspace(0, count, number + 1).round().astype(int).tolist()
    stops = [*bounds[1:-1], None]
    sizes = np.diff(np.linspace(0, bag.size, number + 1).astype(np.int64)).tolist()
    return [Piece(bag, *part) for part in zip(bounds[:-1], stops, sizes, strict=True)]


class PartOfDrive(Drive):
    """
    Some consecutive frames of a drive, led in by the frame before them.

    The frames before are read too, but their pictures are not decoded.

    :param reader: an open bag.
    :param piece: which frames.
    :param let_pass: called with the drive and each frame before.
    :param image_topic: as for Drive.
    :param base_frame: as for Drive.
    """

    def __init__(self, reader: BagReader, piece: Piece, let_pass: Callable[[Drive, Frame], None],
                 image_topic: str | None, base_frame: str | None) -> None:
        super().__init__(reader, image_topic, base_frame)
        self._piece = piece
        self._let_pass = let_pass
        if piece.first:
            self.truth_count = 0  # that of the whole drive counts with its first frame

    def frames(self) -> Iterator[Frame]:
        """Yield the frame before the part, if there is one, and the part's."""
        with closing(super().frames()) as frames:
            for frame in frames:
                if frame.index < self._piece.first - 1:
                    self._let_pass(self, frame)
                else:
                    yield frame
                if frame.index + 1 == self._piece.stop:
                    return


def replay_piece(piece: Piece, backend: Backend, values: dict[str, object],
                 image_topic: str | None) -> Evaluation:
    """
    Answer and score the frames of a piece exactly as if all of its bag were replayed.

    :param backend: an active backend.
    :param values: parameters of the node by full name; the bag's own mount goes before them.
    :param image_topic: as for Drive.
    :raises RoadSegError: the bag is unusable.
    :raises OSError: it could not be fetched.
    """
    with local_copy(piece.bag) as path:
        try:
            return _evaluated(path, piece, backend, values, image_topic)
        except RoadSegError as error:
            if piece.bag.is_remote:
                raise error.within(piece.bag.name) from error
            raise


def _evaluated(path: Path, piece: Piece, backend: Backend, values: dict[str, object],
               image_topic: str | None) -> Evaluation:
    """Answer and score the frames of a piece whose bag lies at a path."""
    parameters = checked_parameters({**recorded_parameters(path), **values})
    uses_tf = parameters.extrinsics_source != 'parameters'
    labels = backend.model.labels
    with BagReader(path) as reader:
        player = InProcess(backend, parameters,
                           with_confidence=TRUTH_TOPIC in reader.topics_of([IMAGE]))
        check_labels(path, labels_of(reader.custom), labels)
        drive = PartOfDrive(reader, piece, player.let_pass, image_topic,
                            parameters.base_frame if uses_tf else None)
        return evaluate(drive, player, labels, None, first=piece.first)


def settings_of(values: dict[str, object], model_sha256: str, image_topic: str | None,
                versions: dict[str, str]) -> dict[str, object]:
    """
    Return what the results of all pieces depend on, for Piece.digest.

    :param values: parameters of the node by full name.
    :param versions: of what takes part.
    """
    return {'parameters': {name: value for name, value in values.items()
                           if name not in _MACHINE_PARAMETERS},
            'model_sha256': model_sha256, 'image_topic': image_topic, 'versions': versions}


def load_result(path: Path) -> dict | None:
    """Return a piece's result that was written before, None if there is none that is whole."""
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None
