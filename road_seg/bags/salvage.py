"""Recordings without a usable index, read from their start to where they are damaged."""

from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
import sqlite3
import struct
from typing import Protocol

from rosbags.rosbag2.storage_mcap import McapReader

_MCAP_MAGIC = b'\x89MCAP0\r\n'
_RECORD_HEAD = struct.Struct('<BQ')  # operation code and length: mcap.dev/spec
_END_OF_DATA = (0x02, 0x0F)  # footer, data end
_MODE_READ_ONLY = 'mode=ro&immutable=1'


@dataclass(frozen=True)
class SalvagedTopic:
    """A topic and how many of its messages can be read; named as rosbags names them."""

    topic: str
    msgtype: str
    msgcount: int


class SalvagedFile(Protocol):
    """One storage file that is read as far as it goes."""

    counts: Counter[tuple[str, str]]

    def read(self, topics: set[str]) -> Iterator[tuple[SalvagedTopic, int, bytes]]:
        """Yield messages; raises what the damage makes it raise."""

    def close(self) -> None:
        """Close the file."""


class SalvagedBag:
    """
    What can be read of some storage files, with the interface of rosbags' readers.

    :param files: in the order of recording; .mcap or .db3.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files: list[SalvagedFile] = []
        for file in files:
            with suppress(Exception):  # a file of which nothing can be read
                self._files.append(_McapFile(file) if file.suffix == '.mcap'
                                   else _SqliteFile(file))
        counts = sum((file.counts for file in self._files), Counter())
        self.connections = [SalvagedTopic(*key, count) for key, count in counts.items()]
        self.topics = {topic.topic: topic for topic in self.connections}

    def messages(self, connections: Sequence[SalvagedTopic]
                 ) -> Iterator[tuple[SalvagedTopic, int, bytes]]:
        """Yield (topic, log time [ns], CDR bytes) in the order of the files."""
        wanted = {connection.topic for connection in connections}
        for file in self._files:
            yield from file.read(wanted)

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()


class _McapFile(McapReader):
    """
    An MCAP file read without its summary.

    :param path: the file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.bio = path.open('rb')
        self.data_start = len(_MCAP_MAGIC)
        self.data_end = self._end_of_whole_records(path.stat().st_size)
        self.meta_scan()
        self.counts = Counter()
        for connection in self.connections:
            self.counts[connection.topic, connection.msgtype] += (
                self.statistics.channel_message_counts.get(connection.id, 0))

    def _end_of_whole_records(self, size: int) -> int:
        """Return where the first record that is cut off, or the summary, begins."""
        if self.bio.read(len(_MCAP_MAGIC)) != _MCAP_MAGIC:
            raise ValueError('no MCAP file')
        position = self.data_start
        while len(head := self.bio.read(_RECORD_HEAD.size)) == _RECORD_HEAD.size:
            operation, length = _RECORD_HEAD.unpack(head)
            end = position + len(head) + length
            if operation in _END_OF_DATA or end > size:
                break
            position = self.bio.seek(end)
        return position

    def read(self, topics: set[str]) -> Iterator[tuple[SalvagedTopic, int, bytes]]:
        """Yield the messages of some topics."""
        wanted = [connection for connection in self.connections if connection.topic in topics]
        yield from self.messages_scan(wanted)


class _SqliteFile:
    """
    An SQLite storage file read row by row.

    :param path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(f'{path.absolute().as_uri()}?{_MODE_READ_ONLY}',
                                         uri=True, check_same_thread=False)
        # Otherwise SQLite refuses a file that is shorter than its header says.
        self._database.execute('PRAGMA writable_schema = ON')
        self._topics = {key: (name, msgtype) for key, name, msgtype in self._database.execute(
            'SELECT id, name, type FROM topics')}
        self.counts = Counter()
        with suppress(sqlite3.DatabaseError):
            for key, in self._database.execute('SELECT topic_id FROM messages NOT INDEXED'):
                self.counts[self._topics[key]] += 1

    def read(self, topics: set[str]) -> Iterator[tuple[SalvagedTopic, int, bytes]]:
        """Yield the messages of some topics."""
        for key, log_ns, data in self._database.execute(
                'SELECT topic_id, timestamp, data FROM messages NOT INDEXED ORDER BY rowid'):
            name, msgtype = self._topics[key]
            if name in topics:
                yield SalvagedTopic(name, msgtype, self.counts[name, msgtype]), log_ns, data

    def close(self) -> None:
        """Close the file."""
        self._database.close()
