"""Reading recordings message by message, in bounded memory, up to where they are damaged."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from rosbags.rosbag1 import Reader as Rosbag1Reader
from rosbags.rosbag2 import Reader as Rosbag2Reader

from road_seg.bags.messages import from_ros1
from road_seg.bags.messages import ROS1_TYPES
from road_seg.bags.salvage import SalvagedBag
from road_seg.errors import in_words
from road_seg.errors import InputError
from road_seg.errors import RoadSegError

_EXPECTED = 'a rosbag2 folder or a .mcap, .db3 or .bag file'
# A recorder of ROS 1 that was killed leaves the second one.
_ROS1_ENDINGS = ('.bag', '.bag.active')


@dataclass(frozen=True)
class Topic:
    """A topic of a bag: its message type and number of messages."""

    msgtype: str
    count: int


@dataclass(frozen=True)
class BagMessage:
    """One recorded message: where it was published, when it was recorded [ns], its bytes."""

    topic: str
    msgtype: str
    log_ns: int
    cdr: bytes


class BagReader:
    """
    Iterates over a rosbag2 folder, a single .mcap or .db3 file, or a ROS 1 .bag file.

    Of a damaged bag it yields what comes before the damage; `damage` then says what is wrong.
    Messages of ROS 1 come in the form of ROS 2. Use as a context manager.

    :param path: the folder or file.
    :raises InputError: on entry: it is no bag, or nothing of it can be read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.damage: str | None = None

    def __enter__(self) -> 'BagReader':
        """Open the bag and read its index."""
        self._is_ros1 = self.path.name.endswith(_ROS1_ENDINGS) and self.path.is_file()
        self._check_kind()
        self._reader = self._open()
        self.topics = {name: Topic(self._type_of(info.msgtype or ''), info.msgcount)
                       for name, info in self._reader.topics.items()}
        self.custom: dict[str, str] = (self._reader.storage.metadata.custom or {} if isinstance(
            self._reader, Rosbag2Reader) else {})
        return self

    def _open(self) -> Rosbag1Reader | Rosbag2Reader | SalvagedBag:
        """Return the open reader of the bag, or of a damaged one what can be salvaged."""
        try:
            reader = Rosbag1Reader(self.path) if self._is_ros1 else Rosbag2Reader(self.path)
            reader.open()
        except Exception as error:  # damaged files make rosbags raise of every kind
            salvaged = SalvagedBag(self._storage_files())
            if not salvaged.topics:
                salvaged.close()
                raise self._damaged(error) from error
            self.damage = _reason(error)
            return salvaged
        return reader

    def _storage_files(self) -> list[Path]:
        """Return the files of a recording, in the order of their numbers."""
        if self._is_ros1:
            return [self.path]
        files = [self.path] if self.path.is_file() else self.path.iterdir()
        return sorted((file for file in files if file.suffix in ('.mcap', '.db3')),
                      key=lambda file: (len(file.stem), file.stem))

    def _check_kind(self) -> None:
        if not self.path.exists():
            raise InputError(self.path, found='no such file', expected=_EXPECTED,
                             fix='correct the path')
        if self.path.is_dir() and not (self.path / 'metadata.yaml').is_file() and (
                not self._storage_files()):
            raise InputError(
                self.path, found='a folder without metadata.yaml', expected=_EXPECTED,
                fix='run `ros2 bag reindex` on it or name the file inside')
        if self.path.is_file() and not self.path.name.endswith(
                ('.mcap', '.db3', *_ROS1_ENDINGS)):
            raise InputError(
                self.path, found=f'a {self.path.suffix or "nameless"} file', expected=_EXPECTED,
                fix='name a recording')

    def _type_of(self, msgtype: str) -> str:
        return ROS1_TYPES.get(msgtype, msgtype) if self._is_ros1 else msgtype

    def _damaged(self, error: Exception) -> InputError:
        return InputError(self.path, found=f'a damaged or truncated bag ({_reason(error)})',
                          expected='a complete recording',
                          fix='copy it again or repair it with ' + (
                              '`rosbag reindex`' if self._is_ros1 else '`mcap recover`'))

    @contextmanager
    def _until_damage(self) -> Iterator[None]:
        try:
            yield
        except RoadSegError:
            raise
        except Exception as error:  # damaged files make rosbags raise of every kind
            self.damage = _reason(error)

    def messages(self, topics: Iterable[str]) -> Iterator[BagMessage]:
        """Yield the messages of some topics in the order of recording, up to any damage."""
        wanted = set(topics)
        connections = [connection for connection in self._reader.connections
                       if connection.topic in wanted]
        if not connections:
            return
        recorded = self._reader.messages(connections)
        while True:
            message = None
            with self._until_damage():
                message = next(recorded, None)
                if message and self._is_ros1:
                    message = (*message[:2], from_ros1(message[2], message[0].msgtype))
            if message is None:
                return
            connection, log_ns, cdr = message
            yield BagMessage(connection.topic, self._type_of(connection.msgtype), log_ns, cdr)

    def first(self, topic: str) -> BagMessage | None:
        """Return the first message of a topic, or None."""
        return next(self.messages([topic]), None)

    def topics_of(self, msgtypes: Sequence[str]) -> list[str]:
        """Return the names of the topics of some types that have messages, sorted."""
        return sorted(name for name, topic in self.topics.items()
                      if topic.msgtype in msgtypes and topic.count)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Close the bag."""
        self._reader.close()


def _reason(error: Exception) -> str:
    return in_words(error).rstrip('.')
