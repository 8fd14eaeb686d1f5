"""Data sets as tar shards in the layout of WebDataset, read without unpacking them."""

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
import io
import os
from pathlib import Path
from pathlib import PurePosixPath
import tarfile

from road_seg.errors import InputError
from road_seg.files import atomic_write

_SHARD_BYTES = 256 * 1024 ** 2
# What follows the key, up to the first dot of a member's name.
_IMAGES = ('image.jpg', 'image.jpeg', 'image.png', 'jpg', 'jpeg')
_MASKS = ('mask.png', 'png')


@dataclass(frozen=True)
class ShardFile:
    """
    A file in a shard, with as much of a path as reading a sample needs.

    :param shard: the tar file.
    :param member: its name in there.
    :param offset: where its content begins, bytes.
    :param size: length of its content, bytes.
    """

    shard: Path
    member: str
    offset: int
    size: int

    @property
    def name(self) -> str:
        """The member's name without folders."""
        return PurePosixPath(self.member).name

    @property
    def stem(self) -> str:
        """The name up to its first dot."""
        return self.name.partition('.')[0]

    def is_file(self) -> bool:
        """Return True: the shard's index has it."""
        return True

    def read_bytes(self) -> bytes:
        """Return the content."""
        with self.shard.open('rb') as file:
            file.seek(self.offset)
            return file.read(self.size)

    def __str__(self) -> str:
        return f'{self.shard}:{self.member}'


def shards_of(root: Path, split: str) -> list[Path]:
    """Return the shards SPLIT-*.tar of a folder, sorted by name."""
    return sorted(root.glob(f'{split}-*.tar'))


def shard_pairs(shards: list[Path]) -> list[tuple[ShardFile, ShardFile]]:
    """
    Return the image and the mask of each key, in the order of the shards.

    KEY.image.jpg (or .png) and KEY.mask.png belong together; KEY.jpg and KEY.png also do.

    :raises InputError: a shard is damaged, or an image has no mask.
    """
    pairs = []
    for shard in shards:
        images, masks = {}, {}
        for file in _members(shard, shard.stat().st_mtime_ns):
            folder, name = os.path.split(file.member)
            key, _, kind = name.partition('.')
            for kinds, found in ((_IMAGES, images), (_MASKS, masks)):
                if kind.lower() in kinds:
                    found[folder, key] = file
        for key, image in images.items():
            if key not in masks:
                raise InputError(image, found='no mask in its shard', fix='write it again',
                                 expected=f'{key[1]}.mask.png')
            pairs.append((image, masks[key]))
    return pairs


@cache
def _members(shard: Path, _changed_ns: int) -> tuple[ShardFile, ...]:
    """List a shard's files; again only after it has changed."""
    try:
        with shard.open('rb') as file, tarfile.open(fileobj=file, mode='r:') as tar:
            files = tuple(ShardFile(shard, member.name, member.offset_data, member.size)
                          for member in tar if member.isfile())
            file.seek(tar.offset)
            if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                raise tarfile.ReadError('no end of the archive')
            return files
    except (tarfile.TarError, OSError) as error:
        raise InputError(shard, found=f'no complete tar file ({error})',
                         expected='an uncompressed tar file', fix='copy or write it again'
                         ) from error


@contextmanager
def create_shards(folder: Path, split: str) -> Iterator[Callable[[Path, Path], None]]:
    """
    Yield what adds an image and its mask, as they are, to shards of about 256 MB.

    :param folder: to make; it appears when the block succeeds, else nothing remains.
    :raises InputError: the folder exists or cannot be made, or two images have one name.
    """
    keys: set[str] = set()
    with atomic_write(folder) as temporary:
        temporary.mkdir()
        writer = _Writer(temporary, split)

        def add(image: Path, mask: Path) -> None:
            key = f'{image.parent.name}/{image.stem}'.replace('.', '_')
            if key in keys:
                raise InputError(image, found=f'a second image named {key}',
                                 expected='one of each name', fix='rename it')
            keys.add(key)
            writer.add(((f'{key}.image{image.suffix}', image.read_bytes()),
                        (f'{key}.mask{mask.suffix}', mask.read_bytes())))

        try:
            yield add
        finally:
            writer.close()


class _Writer:
    """Fills one shard after the other."""

    def __init__(self, folder: Path, split: str) -> None:
        self._folder = folder
        self._split = split
        self._count = 0
        self._tar: tarfile.TarFile | None = None

    def add(self, files: tuple[tuple[str, bytes], ...]) -> None:
        """Write files that belong together."""
        if self._tar and self._tar.offset > _SHARD_BYTES:
            self.close()
        if not self._tar:
            self._tar = tarfile.open(  # noqa: SIM115
                self._folder / f'{self._split}-{self._count:06d}.tar', 'w')
            self._count += 1
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            self._tar.addfile(info, io.BytesIO(content))

    def close(self) -> None:
        """Finish the shard that is being written."""
        if self._tar:
            self._tar.close()
            self._tar = None
