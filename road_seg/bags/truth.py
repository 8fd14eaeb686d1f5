"""Truth masks that lie beside a recording: in a folder or in another bag."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import cv2

from road_seg.bags.messages import encode_image
from road_seg.bags.messages import IMAGE
from road_seg.bags.reader import BagReader
from road_seg.errors import InputError
from road_seg.serialized import header_stamp_ns


class TruthSource(Protocol):
    """Gives the truth masks of a drive's frames, asked for in the order of recording."""

    count: int

    def at(self, stamp_ns: int) -> bytes | None:
        """Return the mono8 Image of a stamp as CDR bytes, None if there is none."""


class FolderTruth:
    """
    Masks as PNG files of class ids, each named by the stamp of its image: `STAMP_NS.png`.

    :param folder: where they are.
    :raises InputError: there are none.
    """

    def __init__(self, folder: Path) -> None:
        self._files = {int(path.stem): path for path in folder.glob('*.png')
                       if path.stem.isdecimal()}
        self.count = len(self._files)
        if not self.count:
            raise InputError(folder, found='no file such as 1700000000000000000.png',
                             expected='masks of class ids named by the stamps of their images, ns',
                             fix='rename them, or name the right folder')

    def at(self, stamp_ns: int) -> bytes | None:
        """Read the mask of a stamp, if there is one."""
        path = self._files.get(stamp_ns)
        if path is None:
            return None
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if mask is None or mask.ndim != 2 or mask.dtype != 'uint8':
            raise InputError(path, found='no 8-bit image of one channel',
                             expected='a PNG of class ids', fix='write it again')
        return encode_image(mask, stamp_ns, '')


class BagTruth:
    """
    Masks of another bag, recorded in the order of their stamps.

    :param reader: that bag, open.
    :param topic: where the masks are.
    :raises InputError: there are none.
    """

    def __init__(self, reader: BagReader, topic: str) -> None:
        if topic not in reader.topics_of([IMAGE]):
            raise InputError(reader.path, found=f'no masks on {topic}',
                             expected=f'one of the topics {reader.topics_of([IMAGE])}',
                             fix='name another bag')
        self.count = reader.topics[topic].count
        self._messages = reader.messages([topic])
        self._next = next(self._messages, None)

    def at(self, stamp_ns: int) -> bytes | None:
        """Return the mask of a stamp; the ones before it are gone."""
        while self._next and header_stamp_ns(self._next.cdr) < stamp_ns:
            self._next = next(self._messages, None)
        found = self._next and header_stamp_ns(self._next.cdr) == stamp_ns
        return self._next.cdr if found else None


@contextmanager
def open_truth(path: Path | None, topic: str) -> Iterator[TruthSource | None]:
    """
    Yield the truth that a path leads to, None without one.

    :param path: a folder of masks, or a bag.
    :param topic: where the masks of a bag are.
    """
    if path is None:
        yield None
    elif path.is_dir() and not (path / 'metadata.yaml').exists():
        yield FolderTruth(path)
    else:
        with BagReader(path) as reader:
            yield BagTruth(reader, topic)
