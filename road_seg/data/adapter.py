"""Data sets as folders: which files belong together and what their ids mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
import re

import cv2
import numpy as np
import yaml

from road_seg.data.shards import shard_pairs
from road_seg.data.shards import ShardFile
from road_seg.data.shards import shards_of
from road_seg.errors import ConfigError
from road_seg.errors import InputError
from road_seg.histogram import histogram
from road_seg.labels import LabelMap
from road_seg.labels import ROAD_LABELS
from road_seg.labels import UNLABELLED
from road_seg.resources import config_dir

_OTHER_COLOUR = 255
_FIX = 'see config/datasets/camvid.yaml for an example'
_REQUIRED = {'images', 'masks', 'ids'}
_KEYS = _REQUIRED | {'others', 'splits', 'instances', 'ignore_dark_corners', 'frame_step',
                     'exclude'}


@dataclass(frozen=True)
class Sample:
    """One labelled image: where the image and its mask are."""

    image: Path | ShardFile
    mask: Path | ShardFile

    def check(self) -> None:
        """
        Do nothing if the mask is there.

        :raises InputError: it is not.
        """
        if not self.mask.is_file():
            raise InputError(self.mask, found='no mask', expected=f'one for {self.image}',
                             fix='add the mask or remove the image')


@dataclass(frozen=True)
class DatasetAdapter:
    """
    Maps the files and ids of one data set to the classes of a label map.

    Truth ids 0..C-1 are the C classes of `labels`; id C+k stands for `partial_sets[k]`, a pixel
    known only to be of one of several classes; 255 is ignored.

    :param name: name of the adapter.
    :param images: glob of the images below the root, with `{split}`.
    :param masks: path of a mask below the root, with `{split}`, `{folder}` (name of the image's
        folder), `{stem}` (what the last `*` of `images` stands for) and `{name}` (name of the
        image file).
    :param labels: the classes ids are mapped to.
    :param table: (256,) uint8, id in a mask file -> truth id.
    :param known: (256,) bool, ids that may occur in a mask file.
    :param partial_sets: class ids of each partial label.
    :param ignore_dark_corners: ignore what lies in dark, unlabelled image corners.
    :param colours: red << 16 | green << 8 | blue of masks that are coloured; a colour's place is
        its id in `table`, any other colour has id 255. Empty for masks of ids.
    :param instances: a mask holds id * instances + number of the object; 1 for masks of ids.
    :param frame_step: by how much the numbers at the end of the image names of successive
        frames differ; 0 for pictures that do not follow each other.
    :param splits: what `{split}` stands for, by name of the split; empty: the name itself.
    :param exclude: patterns of the names of image files that are left out.
    """

    name: str
    images: str
    masks: str
    labels: LabelMap
    table: np.ndarray
    known: np.ndarray
    partial_sets: tuple[tuple[int, ...], ...]
    ignore_dark_corners: bool = False
    colours: tuple[int, ...] = ()
    instances: int = 1
    frame_step: int = 0
    splits: Mapping[str, str] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()

    @classmethod
    def load(cls, name: str, labels: LabelMap = ROAD_LABELS) -> 'DatasetAdapter':
        """
        Read an adapter.

        :param name: a shipped adapter's name (`camvid`) or the path of a YAML file.
        :param labels: the classes to map to.
        :raises ConfigError: no such adapter, or it is malformed.
        """
        path = Path(name) if name.endswith(('.yaml', '.yml')) else (
            config_dir() / 'datasets' / f'{name}.yaml')
        if not path.is_file():
            shipped = sorted(file.stem for file in (config_dir() / 'datasets').glob('*.yaml'))
            raise ConfigError(f'data set adapter {name!r}', found='no such file',
                              expected=f'a YAML file or one of {", ".join(shipped)}',
                              fix='correct the name')
        try:
            fields = yaml.safe_load(path.read_text())
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigError(path, found='no valid YAML', expected='a data set adapter',
                              fix=f'{_FIX} ({" ".join(str(error).split())})') from error
        return cls._from_fields(path, fields, labels)

    @classmethod
    def _from_fields(cls, path: Path, fields: object, labels: LabelMap) -> 'DatasetAdapter':
        if not isinstance(fields, dict) or not _REQUIRED <= fields.keys() <= _KEYS or not (
                isinstance(fields['ids'], dict)):
            keys = sorted(fields) if isinstance(fields, dict) else type(fields).__name__
            raise ConfigError(path, found=str(keys), expected=f'the keys {sorted(_KEYS)}',
                              fix=_FIX)
        sets: list[tuple[int, ...]] = []

        def truth_id(value: object) -> int:
            if value == 'ignore':
                return UNLABELLED
            if isinstance(value, str):
                return labels.id_of(value)
            classes = tuple(sorted(labels.id_of(name) for name in value))
            if classes not in sets:
                sets.append(classes)
            return len(labels.names) + sets.index(classes)

        table = np.full(256, UNLABELLED, np.uint8)
        known = np.zeros(256, bool)
        if 'others' in fields:
            table[:] = truth_id(fields['others'])
            known[:] = True
        exclude = fields.get('exclude', [])
        if not isinstance(exclude, list) or not all(isinstance(item, str) for item in exclude):
            raise ConfigError(path, found=f'exclude: {exclude!r}',
                              expected='a list of names of image files', fix='make it a list')
        colours = _colours(path, fields['ids'])
        for place, (source, value) in enumerate(fields['ids'].items()):
            if not colours and not (isinstance(source, int) and 0 <= source <= 255):
                raise ConfigError(path, found=f'id {source!r}', expected='ids from 0 to 255',
                                  fix=_FIX)
            table[place if colours else source] = truth_id(value)
            known[place if colours else source] = True
        return cls(path.stem, fields['images'], fields['masks'], labels, table, known,
                   tuple(sets), bool(fields.get('ignore_dark_corners', False)), colours,
                   int(fields.get('instances', 1)), int(fields.get('frame_step', 0)),
                   dict(fields.get('splits', {})), tuple(exclude))

    @cached_property
    def allowed(self) -> np.ndarray:
        """Look-up table (256, C) bool: truth id -> classes it allows; no class for 255."""
        count = len(self.labels.names)
        table = np.zeros((256, count), bool)
        table[np.arange(count), np.arange(count)] = True
        for index, classes in enumerate(self.partial_sets):
            table[count + index, list(classes)] = True
        return table

    @cached_property
    def named(self) -> np.ndarray:
        """Which classes some id stands for alone, (C,) bool."""
        return np.isin(np.arange(len(self.labels.names)), self.table[self.known])

    def samples(self, root: Path | str, split: str) -> list[Sample]:
        """
        List the labelled images of a split, sorted by name.

        :raises InputError: there is none, or an image has no mask.
        """
        samples = self.pairs(root, split)
        for sample in samples:
            sample.check()
        return samples

    def pairs(self, root: Path | str, split: str) -> list[Sample]:
        """
        List the images of a split and where their masks belong, sorted by name.

        A folder with tar shards named SPLIT-*.tar is read from those (road_seg.data.shards).

        :raises InputError: there is no image, or a shard is damaged.
        :raises ConfigError: there is no such split.
        """
        if self.splits and split not in self.splits:
            raise ConfigError(f'split {split!r}', found='no such split of the adapter '
                              f'{self.name}', expected=f'one of {", ".join(self.splits)}',
                              fix='correct the name')
        if shards := shards_of(Path(root), split):
            return [Sample(*pair) for pair in shard_pairs(shards) if self._keeps(pair[0].name)]
        pattern = self.images.format(split=self.splits.get(split, split))
        ending = pattern.rpartition('*')[2]
        images = sorted(image for image in Path(root).glob(pattern) if self._keeps(image.name))
        if not images:
            raise InputError(root, found=f'no image {pattern}',
                             expected=f'the layout of the {self.name} adapter',
                             fix='correct the folder, the split or the adapter')
        return [Sample(image, Path(root) / self.masks.format(
            split=split, folder=image.parent.name, name=image.name,
            stem=image.name.removesuffix(ending))) for image in images]

    def _keeps(self, image: str) -> bool:
        return not any(fnmatchcase(image, pattern) for pattern in self.exclude)

    def follows(self, before: Sample, after: Sample) -> bool:
        """Return whether one sample is the frame after another, by the names of their images."""
        (start, first), (other, second) = (
            re.fullmatch(r'(.*?)(\d*)', sample.image.stem).groups()
            for sample in (before, after))
        return bool(self.frame_step and start == other and first and second
                    and int(second) - int(first) == self.frame_step)

    def read(self, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
        """
        Read one image and its truth.

        :return: RGB (H, W, 3) uint8 and truth ids (H, W) uint8.
        :raises InputError: a file is unreadable, sizes differ, or an id is not in the map.
        """
        bgr = _decoded(sample.image, cv2.IMREAD_COLOR)
        ids = _decoded(sample.mask, cv2.IMREAD_COLOR if self.colours else cv2.IMREAD_UNCHANGED)
        ids = self._ids(ids)
        if ids.dtype != np.uint8 or ids.shape != bgr.shape[:2]:
            raise InputError(sample.mask, found=f'{ids.dtype} {ids.shape}',
                             expected=f'uint8 {bgr.shape[:2]} as its image',
                             fix='store class ids as 8-bit grey PNG of the image size')
        unknown = np.flatnonzero(histogram(ids) * ~self.known)
        if unknown.size:
            raise InputError(sample.mask, found='other colours' if self.colours else
                             f'ids {unknown.tolist()}', expected=self._known_ids(),
                             fix=f'map them in the {self.name} adapter')
        truth = cv2.LUT(ids, self.table)
        if self.ignore_dark_corners:
            truth[_dark_corners(bgr) & (ids == 0)] = UNLABELLED
        return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), truth

    def _ids(self, mask: np.ndarray) -> np.ndarray:
        """Return a mask file's content as (H, W) uint8 ids; another form is returned as it is."""
        if self.colours:
            blue, green, red = (mask[..., channel].astype(np.int32) for channel in range(3))
            packed = red << 16 | green << 8 | blue
            ids = np.full(mask.shape[:2], _OTHER_COLOUR, np.uint8)
            for place, colour in enumerate(self.colours):
                ids[packed == colour] = place
            return ids
        if self.instances > 1 and mask.dtype == np.uint16:
            ids = mask // self.instances
            return ids.astype(np.uint8) if ids.max() <= 255 else mask
        return mask

    def _known_ids(self) -> str:
        """Return what may occur in a mask file, for an error."""
        if self.colours:
            return f'colours {", ".join(f"#{colour:06x}" for colour in self.colours)}'
        return f'ids {np.flatnonzero(self.known).tolist()}'

    def resolve(self, truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """
        Return truth ids without partial labels, for scoring.

        A partially labelled pixel counts as its prediction where that is one of its classes,
        else as the first of them.

        :param truth: (H, W) uint8 truth ids of this adapter.
        :param prediction: (H, W) uint8 class ids.
        :return: (H, W) uint8 class ids, 255 ignored.
        """
        count = len(self.labels.names)
        plain = truth.copy()
        for index, classes in enumerate(self.partial_sets):
            where = truth == count + index
            right = where & self.allowed[count + index][prediction]
            plain[where] = classes[0]
            plain[right] = prediction[right]
        return plain


def _decoded(path: Path | ShardFile, flags: int) -> np.ndarray:
    """Return an image file's pixels."""
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
        image = cv2.imdecode(content, flags) if content.size else None
    except OSError:
        image = None
    if image is None:
        raise InputError(path, found='an unreadable image', expected='a JPEG or PNG file',
                         fix='replace or remove the file')
    return image


def _colours(path: Path, ids: dict) -> tuple[int, ...]:
    """Return the keys of `ids` that are written as colours, `'#rrggbb'`, if any is."""
    if not any(isinstance(key, str) for key in ids):
        return ()
    wrong = [key for key in ids if not re.fullmatch('#[0-9a-fA-F]{6}', str(key))]
    if wrong or len(ids) > _OTHER_COLOUR:
        raise ConfigError(path, found=f'id {wrong[0]!r}' if wrong else f'{len(ids)} colours',
                          expected="up to 255 colours as '#rrggbb'", fix=_FIX)
    return tuple(int(key[1:], 16) for key in ids)


def _dark_corners(bgr: np.ndarray, darkest: int = 100, tolerance: int = 12) -> np.ndarray:
    """Return (H, W) bool: connected to an image corner of grey at most `darkest`, and alike."""
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    height, width = grey.shape
    filled = np.zeros((height + 2, width + 2), np.uint8)
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (255 << 8)
    for x, y in ((0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)):
        if grey[y, x] <= darkest and not filled[y + 1, x + 1]:
            cv2.floodFill(grey, filled, (x, y), 0, tolerance, tolerance, flags)
    return filled[1:-1, 1:-1] > 0
