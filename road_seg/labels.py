"""Class ids, names, colours and the drivable set: the meaning of a mask."""

from dataclasses import dataclass
from dataclasses import replace
from functools import cached_property
import json

import numpy as np

from road_seg.errors import ConfigError
from road_seg.errors import ModelError
from road_seg.errors import quoted

UNLABELLED = 255


@dataclass(frozen=True)
class LabelMap:
    """
    Names and colours by class id.

    :param names: class names; the index is the id (at most 255 classes, 255 = unlabelled).
    :param colours: one (red, green, blue) triple, 0..255, per class.
    :param drivable: names of the classes a vehicle may drive on.
    """

    names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    drivable: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse a map whose parts do not fit together."""
        unknown = [name for name in self.drivable if name not in self.names]
        fits = (len(self.names) == len(self.colours) == len(set(self.names))
                and all(map(_is_unicode, self.names))
                and all(0 <= value <= 255 for colour in self.colours for value in colour))
        if not fits or not 2 <= len(self.names) <= UNLABELLED or unknown or not self.drivable:
            raise ModelError(
                'label map',
                found=f'names {str(self.names)[:200]}, {len(self.colours)} colours, '
                f'drivable {str(self.drivable)[:200]}',
                expected='2 to 255 distinct names, a colour of 0..255 each, drivable ones among '
                'the names',
                fix='correct the label map')

    def id_of(self, name: str) -> int:
        """
        Return the class id of a name.

        :raises ModelError: no class has that name.
        """
        if name not in self.names:
            raise ModelError(f'class {name!r}', found='no such class',
                             expected=f'one of {", ".join(self.names)}', fix='correct the name')
        return self.names.index(name)

    def with_drivable(self, names: tuple[str, ...]) -> 'LabelMap':
        """
        Return the map with another drivable set.

        :param names: of its classes; none for the set it has.
        :raises ConfigError: no class has one of the names.
        """
        unknown = [name for name in names if name not in self.names]
        if unknown:
            raise ConfigError('drivable_classes', found=', '.join(map(repr, unknown)),
                              expected=f'names among {", ".join(self.names)}',
                              fix='correct the names')
        return replace(self, drivable=names) if names else self

    @cached_property
    def is_drivable(self) -> np.ndarray:
        """Look-up table (256,) bool: class id -> in the drivable set; False for unlabelled."""
        table = np.zeros(256, bool)
        table[[self.names.index(name) for name in self.drivable]] = True
        return table

    @cached_property
    def palette(self) -> np.ndarray:
        """Look-up table (256, 3) uint8 RGB: class id -> colour; black for unlabelled."""
        table = np.zeros((256, 3), np.uint8)
        table[:len(self.colours)] = self.colours
        return table

    def to_json(self) -> str:
        """Return the map as the JSON text kept in a model file's metadata."""
        return json.dumps({'names': self.names, 'colours': self.colours,
                           'drivable': self.drivable})

    @classmethod
    def from_json(cls, text: str) -> 'LabelMap':
        """
        Read what to_json wrote.

        :raises ModelError: the text is not a label map.
        """
        try:
            fields = json.loads(text)
            return cls(names=tuple(map(str, fields['names'])),
                       colours=tuple((int(r), int(g), int(b)) for r, g, b in fields['colours']),
                       drivable=tuple(map(str, fields['drivable'])))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise ModelError('label map', found=f'{quoted(text)} ({error})',
                             expected='JSON with names, colours and drivable',
                             fix='export the model again with `road-seg export`') from error


def _is_unicode(name: str) -> bool:
    """Say whether a name can be sent: JSON can spell half a surrogate pair, UTF-8 cannot."""
    return name == name.encode(errors='ignore').decode()


ROAD_LABELS = LabelMap(
    names=('background', 'road', 'sidewalk', 'vehicle', 'person'),
    colours=((70, 70, 70), (128, 64, 128), (244, 35, 232), (0, 0, 142), (220, 20, 60)),
    drivable=('road',))
