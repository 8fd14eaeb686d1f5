"""Bags by path or URL: found by list or pattern, told apart, fetched where they are needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import fcntl
from glob import has_magic
import os
from pathlib import Path
from pathlib import PurePosixPath
import shutil
import tempfile
from typing import Any

from fsspec.core import url_to_fs

from road_seg.errors import in_words
from road_seg.errors import InputError

_COPIES = 'road_seg_copy_'
# What file systems call the state of a file's content, the most telling first.
_STATE_KEYS = ('ETag', 'etag', 'md5Hash', 'mtime', 'LastModified', 'updated', 'created')


@dataclass(frozen=True)
class StoredBag:
    """
    A bag where it is stored.

    :param name: its absolute path, or its URL.
    :param files: of each of its files the path below the bag's own folder, the size [bytes] and
        what changes with its content: a hash or a time.
    """

    name: str
    files: tuple[tuple[str, int, str], ...]

    @property
    def is_remote(self) -> bool:
        """Whether it has to be fetched to be read."""
        return _is_url(self.name)

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(size for _, size, _ in self.files)


def bag_names(source: str) -> list[str]:
    """
    Return the paths and URLs of the bags that a list or a pattern names, without repetitions.

    :param source: path or URL of a text file with one bag a line, # before comments; or a
        pattern with *, ? or [] of paths or of URLs that fsspec can list.
    :raises InputError: the list cannot be read, or there are no bags.
    """
    try:
        files, path = url_to_fs(source)
        if has_magic(source):
            names = sorted(files.unstrip_protocol(found) if _is_url(source) else found
                           for found in files.glob(path))
        else:
            lines = files.cat_file(path).decode().splitlines()
            names = [name for line in lines if (name := line.partition('#')[0].strip())]
    except Exception as error:  # the client of each store has errors of its own
        raise InputError(source, found=in_words(error),
                         expected='a text file with one bag a line, or a pattern of bags',
                         fix='correct it; a URL needs the package of its protocol, such as s3fs'
                         ) from error
    if not names:
        raise InputError(source, found='no bags', expected='at least one',
                         fix='correct the list or the pattern')
    return list(dict.fromkeys(
        name if _is_url(name) else str(Path(name).expanduser().absolute()) for name in names))


def stored_bag(name: str) -> StoredBag:
    """
    Look at the files of a bag.

    :raises InputError: there are none, or the store cannot be reached.
    """
    try:
        files, root = url_to_fs(name)
        found = files.find(root, detail=True)
    except Exception as error:  # the client of each store has errors of its own
        raise InputError(name, found=in_words(error), expected='a bag that can be read',
                         fix='correct the name or the access to it') from error
    if not found:
        raise InputError(name, found='no such file', expected='a bag that can be read',
                         fix='correct the name')
    return StoredBag(name, tuple(sorted(
        (str(PurePosixPath(path).relative_to(root)), info['size'], _state(info))
        for path, info in found.items())))


@contextmanager
def local_copy(bag: StoredBag) -> Iterator[Path]:
    """
    Yield where a bag can be read: its own place, or a temporary copy of what is remote.

    A copy that a killed process left behind is removed by the next one that makes one here.

    :raises OSError: it could not be fetched; another try may succeed.
    """
    if not bag.is_remote:
        yield Path(bag.name)
        return
    _remove_orphans()
    with _locked_folder() as folder:
        try:
            files, root = url_to_fs(bag.name)
            target = folder / PurePosixPath(root).name
            for below, _, _ in bag.files:
                path = target / below
                path.parent.mkdir(parents=True, exist_ok=True)
                files.get_file(str(PurePosixPath(root) / below), str(path))
        except Exception as error:  # the client of each store has errors of its own
            raise OSError(f'{bag.name}: could not be fetched: {in_words(error)}') from error
        yield target


@contextmanager
def _locked_folder() -> Iterator[Path]:
    """Yield a temporary folder that is locked as long as this process lives."""
    # Under the name that is looked for only when it is locked.
    new = Path(tempfile.mkdtemp(prefix=f'.{_COPIES}'))
    descriptor = os.open(new, os.O_RDONLY)
    folder = new.with_name(new.name[1:])
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        new.rename(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _remove_orphans() -> None:
    """Remove the folders of this user that no living process has locked."""
    for folder in Path(tempfile.gettempdir()).glob(f'{_COPIES}*'):
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except OSError:  # another user's, or gone by now
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # in use
            pass
        finally:
            os.close(descriptor)


def _is_url(name: str) -> bool:
    return '://' in name


def _state(info: dict[str, Any]) -> str:
    return str(next((info[key] for key in _STATE_KEYS if info.get(key) is not None), ''))
