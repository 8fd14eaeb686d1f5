"""Writing a rosbag2 folder (MCAP) that appears whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rosbags.interfaces import Connection
from rosbags.interfaces import Qos
from rosbags.interfaces import QosDurability
from rosbags.interfaces import QosHistory
from rosbags.interfaces import QosLiveliness
from rosbags.interfaces import QosReliability
from rosbags.interfaces import QosTime
from rosbags.rosbag2 import CompressionFormat
from rosbags.rosbag2 import CompressionMode
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer

from road_seg.bags.messages import typestore
from road_seg.errors import InputError
from road_seg.files import replacing_folder

_BAG_SUFFIXES = ('.mcap', '.db3', '.zstd')


class BagWriter:
    """
    Appends messages to an open bag; message definitions are embedded.

    :param writer: the open bag.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._connections: dict[str, Connection] = {}

    def write(self, topic: str, msgtype: str, stamp_ns: int, cdr: bytes, *,
              latched: bool = False) -> None:
        """
        Append a message.

        :param stamp_ns: time under which it is played back [ns].
        :param latched: offer the topic as transient local, depth 1.
        """
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, msgtype, typestore=typestore(), offered_qos_profiles=[_qos(latched)])
        self._writer.write(self._connections[topic], stamp_ns, cdr)


def check_bag_target(path: Path | str, overwrite: bool) -> None:
    """
    Refuse a place where no bag may be written.

    :param overwrite: a bag may be replaced; anything else never.
    :raises InputError: something is there that may not be replaced.
    """
    path = Path(path)
    if not path.exists():
        return
    if not overwrite:
        raise InputError(path, found='an existing file or folder', expected='a name not in use',
                         fix='add --force to replace a bag, or choose another name')
    if not path.is_dir() or not all(
            entry.name == 'metadata.yaml' or entry.suffix in _BAG_SUFFIXES
            for entry in path.iterdir()):
        raise InputError(path, found='something else than a bag', expected='a bag to replace',
                         fix='choose another name')


@contextmanager
def create_bag(path: Path | str, *, overwrite: bool = False,
               custom: dict[str, str] | None = None) -> Iterator[BagWriter]:
    """
    Yield a writer whose bag takes its name when the block succeeds; else nothing remains.

    Chunks are zstd-compressed, as rosbag2 and Foxglove read them.

    :param path: folder to make.
    :param overwrite: replace a bag of that name.
    :param custom: texts for the bag's custom metadata.
    :raises InputError: the folder exists and may not be replaced, or cannot be made.
    """
    target = Path(path).absolute()
    check_bag_target(target, overwrite)
    with replacing_folder(target) as folder:
        # The storage file is named after its folder, so write under the final name.
        writer = Writer(folder / target.name, version=Writer.VERSION_LATEST,
                        storage_plugin=StoragePlugin.MCAP)
        writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        for key, value in (custom or {}).items():
            writer.set_custom_data(key, value)
        with writer:
            yield BagWriter(writer)
        for file in (folder / target.name).iterdir():
            file.rename(folder / file.name)
        (folder / target.name).rmdir()


def _qos(latched: bool) -> Qos:
    durability = QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE
    unset = QosTime(0, 0)
    return Qos(QosHistory.KEEP_LAST, 1 if latched else 10, QosReliability.RELIABLE, durability,
               unset, unset, QosLiveliness.AUTOMATIC, unset, False)
