"""Reading rosbag2 folders and files message by message, in bounded memory."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from rosbags.rosbag2 import Reader

from road_seg.errors import InputError
from road_seg.errors import RoadSegError


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
    Iterates over a rosbag2 folder, a single .mcap or a single .db3 file.

    Use as a context manager.

    :param path: the folder or file.
    :raises InputError: on entry or while reading: it is no bag, or damaged.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def __enter__(self) -> 'BagReader':
        """Open the bag and read its index."""
        self._check_kind()
        with self._reading():
            self._reader = Reader(self.path)
            self._reader.open()
        self.topics = {name: Topic(info.msgtype or '', info.msgcount)
                       for name, info in self._reader.topics.items()}
        self.custom: dict[str, str] = self._reader.storage.metadata.custom or {}
        return self

    def _check_kind(self) -> None:
        expected = 'a rosbag2 folder or a .mcap or .db3 file'
        if not self.path.exists():
            raise InputError(self.path, found='no such file', expected=expected,
                             fix='correct the path')
        if self.path.is_dir() and not (self.path / 'metadata.yaml').is_file():
            raise InputError(
                self.path, found='a folder without metadata.yaml', expected=expected,
                fix='run `ros2 bag reindex` on it or name the .mcap file inside')
        if self.path.is_file() and self.path.suffix not in ('.mcap', '.db3'):
            raise InputError(
                self.path, found=f'a {self.path.suffix or "nameless"} file', expected=expected,
                fix='convert a ROS 1 bag with `rosbags-convert`')

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except RoadSegError:
            raise
        except Exception as error:  # damaged files make rosbags raise of every kind
            reason = ' '.join(str(error).split()).rstrip('.') or type(error).__name__
            raise InputError(self.path, found=f'a damaged or truncated bag ({reason})',
                             expected='a complete recording',
                             fix='copy it again or repair it with `mcap recover`') from error

    def messages(self, topics: Iterable[str]) -> Iterator[BagMessage]:
        """
        Yield the messages of some topics in the order of recording.

        :raises InputError: the bag is damaged.
        """
        wanted = set(topics)
        connections = [connection for connection in self._reader.connections
                       if connection.topic in wanted]
        if not connections:
            return
        with self._reading():
            for connection, log_ns, cdr in self._reader.messages(connections):
                yield BagMessage(connection.topic, connection.msgtype, log_ns, cdr)

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
