"""Files that appear under their final name only when they are complete."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import secrets
import shutil

from road_seg.errors import InputError


@contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[Path]:
    """
    Yield a temporary path whose file or folder takes the final name when the block succeeds.

    The temporary lies in the same folder, which is made if missing, and keeps the suffix. It is
    flushed to the disk before it is renamed, and removed if the block raises. An existing file
    is replaced; an existing folder is not.

    :param path: the final name.
    :raises InputError: the folder cannot be made or written to, or path is a folder.
    """
    target = Path(path)
    if target.is_dir():
        raise InputError(target, found='a folder', expected='a new path or a file to replace',
                         fix='remove the folder or choose another output path')
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(target.parent, error.strerror or str(error)) from error
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise _unwritable(target.parent, 'no permission to write')
    temporary = target.with_name(f'.{target.stem}.{secrets.token_hex(4)}{target.suffix}')
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, target)
        _sync(target.parent)
    except BaseException:
        _remove(temporary)
        raise


@contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """
    Yield a temporary path whose folder takes the final name, in place of one of that name.

    As atomic_write, but an existing folder is replaced when the block succeeds.

    :param target: the final name, absolute.
    :raises InputError: the folder cannot be made.
    """
    replaces = target.exists()
    place = _sibling(target, 'new') if replaces else target
    with atomic_write(place) as folder:
        yield folder
    if replaces:
        replaced = _sibling(target, 'replaced')
        target.rename(replaced)
        place.rename(target)
        shutil.rmtree(replaced)


def _sibling(path: Path, purpose: str) -> Path:
    """Return a hidden name beside a path, free of what a killed run may have left there."""
    sibling = path.with_name(f'.{path.name}.{purpose}')
    shutil.rmtree(sibling, ignore_errors=True)
    return sibling


def _unwritable(folder: Path, found: str) -> InputError:
    """Return the error for a folder that takes no files."""
    return InputError(folder, found=found, expected='a folder that can be written to',
                      fix='choose another output path')


def _flush(path: Path) -> None:
    """Flush a file, or a folder with everything in it, to the disk."""
    if path.is_dir():
        for child in path.rglob('*'):
            _sync(child)
    _sync(path)


def _sync(path: Path) -> None:
    """Flush one file or one folder's entries to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    """Remove a file or a folder; do nothing if there is none."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
