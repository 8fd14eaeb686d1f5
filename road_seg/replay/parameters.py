"""The node's parameters for a replay: from the bag and from a ROS parameter file."""

from dataclasses import asdict
from pathlib import Path

import yaml

from road_seg.bags.reader import BagReader
from road_seg.bags.sample import extrinsics_of
from road_seg.errors import ConfigError

# The stamps are of the recording: no frame is old.
AS_RECORDED = {'grid.max_age_s': 0.0}
_NODE_NAMES = ('/**', 'road_seg', '/road_seg', '/**/road_seg')
_SECTION = 'ros__parameters'


def recorded_parameters(bag: Path) -> dict[str, object]:
    """
    Return the parameters a bag states: where its camera was mounted, if it says so.

    :raises InputError: the bag is unusable.
    """
    with BagReader(bag) as reader:
        extrinsics = extrinsics_of(reader.custom)
    return {f'extrinsics.{name}': value
            for name, value in asdict(extrinsics).items()} if extrinsics else {}


def read_parameter_file(path: Path) -> dict[str, object]:
    """
    Return the node's parameters by full name, later sections over earlier ones.

    :param path: YAML in the form `road_seg: {ros__parameters: {...}}`; `/**` applies too.
    :raises ConfigError: the file cannot be read or has no section for the node.
    """
    expected = f'YAML with {_NODE_NAMES[1]}: {_SECTION}: ...'
    fix = 'see config/road_seg.yaml for an example'
    try:
        sections = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = getattr(error, 'strerror', None) or ' '.join(str(error).split())
        raise ConfigError(path, found=reason, expected=expected, fix=fix) from error
    parameters: dict[str, object] = {}
    known = 0
    for name, section in sections.items() if isinstance(sections, dict) else ():
        if name in _NODE_NAMES and isinstance(section, dict) and isinstance(
                section.get(_SECTION), dict):
            parameters.update(_flat(section[_SECTION]))
            known += 1
    if not known:
        raise ConfigError(path, found='no parameters for the node road_seg', expected=expected,
                          fix=fix)
    return parameters


def _flat(tree: dict, prefix: str = '') -> dict[str, object]:
    """Return nested parameters by dotted name."""
    flat: dict[str, object] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f'{prefix}{key}.'))
        else:
            flat[f'{prefix}{key}'] = value
    return flat
