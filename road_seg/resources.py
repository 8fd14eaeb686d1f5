"""Where the package's own files and the data sets are."""

import os
from pathlib import Path

from road_seg.errors import InputError

MODELS = Path(__file__).parent / 'models'


def config_dir() -> Path:
    """
    Return the folder of the shipped configuration files.

    It lies beside the package in a source checkout (also an editable or symlinked install), and
    in `share/road_seg` of the prefix where colcon or pip installed the package.

    :raises InputError: the installation is incomplete.
    """
    package = Path(__file__).resolve().parent
    for parent in package.parents[:4]:  # up to the prefix above lib/pythonX.Y/site-packages
        for folder in (parent / 'share' / 'road_seg' / 'config', parent / 'config'):
            if (folder / 'datasets').is_dir():
                return folder
    raise InputError(package, found='no configuration files beside it or in share/road_seg',
                     expected='the folder config/ of the package', fix='install road_seg again')


def data_dir() -> Path:
    """Return the folder of the data sets: $ROAD_SEG_DATA, else ../shared/data."""
    return Path(os.environ.get('ROAD_SEG_DATA', '../shared/data'))


def shipped(path: str | os.PathLike, suffix: str) -> Path:
    """Return the shipped file that a bare name such as `road_unet` means, else the path itself."""
    path = Path(path)
    file = MODELS / f'{path}{suffix}'
    return file if len(path.parts) == 1 and file.is_file() and not path.exists() else path
