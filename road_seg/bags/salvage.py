"""Recordings without a usable index, read from their start to where they are damaged."""

from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
import sqlite3
import struct
from typing import BinaryIO
from typing import Protocol

from rosbags.rosbag1.reader import decompressors
from rosbags.rosbag1.reader import Header
from rosbags.rosbag1.reader import normalize
from rosbags.rosbag1.reader import read_bytes
from rosbags.rosbag1.reader import read_uint32
from rosbags.rosbag1.reader import RecordType
from rosbags.rosbag2.storage_mcap import McapReader
from rosbags.typesys.msg import normalize_msgtype

_MCAP_MAGIC = b'\x89MCAP0\r\n'
_RECORD_HEAD = struct.Struct('<BQ')  # operation code and length: mcap.dev/spec
_END_OF_DATA = (0x02, 0x0F)  # footer, data end
_ROS1_MAGIC = b'#ROSBAG V2.0\n'  # wiki.ros.org/Bags/Format/2.0
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

    :param files: in the order of recording; .mcap, .db3, or a recording of ROS 1.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files: list[SalvagedFile] = []
        for file in files:
            with suppress(Exception):  # a file of which nothing can be read
                kind = {'.mcap': _McapFile, '.db3': _SqliteFile}.get(file.suffix, _Ros1File)
                self._files.append(kind(file))
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


class _Ros1File:
    """
    A ROS 1 bag read chunk by chunk; of one that is cut off, the whole chunks before the cut.

    :param path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._size = path.stat().st_size
        self._file = path.open('rb')
        self._topics: dict[int, tuple[str, str]] = {}
        self.counts = Counter()
        with suppress(Exception):  # damaged files make rosbags raise of every kind
            for header, _ in self._messages():
                self.counts[self._topics[header.get_uint32('conn')]] += 1

    def read(self, topics: set[str]) -> Iterator[tuple[SalvagedTopic, int, bytes]]:
        """Yield the messages of some topics."""
        for header, data in self._messages():
            name, msgtype = self._topics[header.get_uint32('conn')]
            if name in topics:
                yield (SalvagedTopic(name, msgtype, self.counts[name, msgtype]),
                       header.get_time('time'), data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _messages(self) -> Iterator[tuple[Header, bytes]]:
        """Yield the records of the messages, and note the topics that are named before them."""
        self._file.seek(0)
        if self._file.read(len(_ROS1_MAGIC)) != _ROS1_MAGIC:
            raise ValueError('no ROS 1 bag of version 2.0')
        for chunk, data in _ros1_records(self._file, self._size):
            if chunk.get_uint8('op') == RecordType.CHUNK:
                content = decompressors[chunk.get_string('compression')](data)
                for header, payload in _ros1_records(BytesIO(content), len(content)):
                    if header.get_uint8('op') == RecordType.MSGDATA:
                        yield header, payload
                    elif header.get_uint8('op') == RecordType.CONNECTION:
                        self._note_topic(header, payload)

    def _note_topic(self, header: Header, payload: bytes) -> None:
        """Note name and type of a connection's topic; its payload has the form of a header."""
        described = Header.read(BytesIO(len(payload).to_bytes(4, 'little') + payload))
        self._topics[header.get_uint32('conn')] = (
            normalize(header.get_string('topic')), normalize_msgtype(described.get_string('type')))


def _ros1_records(source: BinaryIO, end: int) -> Iterator[tuple[Header, bytes]]:
    """Yield header and data of each record up to a position; raises if one is cut off."""
    while source.tell() < end:
        header = Header.read(source)
        yield header, read_bytes(source, read_uint32(source))
