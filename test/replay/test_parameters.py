"""Parameter files of a replay."""

from pathlib import Path

import pytest

from road_seg.bags.sample import EXTRINSICS_KEY
from road_seg.bags.sample import record
from road_seg.bags.sources import world
from road_seg.bags.writer import create_bag
from road_seg.errors import ConfigError
from road_seg.errors import InputError
from road_seg.replay.parameters import read_parameter_file
from road_seg.replay.parameters import recorded_parameters


def test_sections_are_joined_and_names_flattened(tmp_path: Path):
    path = tmp_path / 'params.yaml'
    path.write_text('/**:\n  ros__parameters:\n    backend: auto\n    extrinsics: {z: 1.2}\n'
                    'road_seg:\n  ros__parameters:\n    backend: openvino\n    grid.x_max: 30.0\n'
                    'other:\n  ros__parameters: {backend: wrong}\n')
    assert read_parameter_file(path) == {'backend': 'openvino', 'extrinsics.z': 1.2,
                                         'grid.x_max': 30.0}


@pytest.mark.parametrize('text', ['', '[1]', 'a: [', 'other: {ros__parameters: {a: 1}}',
                                  'road_seg: 3', 'road_seg: {ros__parameters: 3}', '\x00'])
def test_a_file_without_the_nodes_parameters_is_named(tmp_path: Path, text: str):
    path = tmp_path / 'params.yaml'
    path.write_text(text)
    with pytest.raises(ConfigError, match=r'params\.yaml: found'):
        read_parameter_file(path)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match='No such file'):
        read_parameter_file(tmp_path / 'params.yaml')


def test_the_mount_recorded_in_a_bag_becomes_parameters(tmp_path: Path):
    record(world('straight', 1), tmp_path / 'drive')
    assert recorded_parameters(tmp_path / 'drive') == {
        'extrinsics.x': 1.5, 'extrinsics.y': 0.0, 'extrinsics.z': 1.4, 'extrinsics.roll': 0.0,
        'extrinsics.pitch': pytest.approx(0.0349066), 'extrinsics.yaw': 0.0}


def test_a_bag_that_states_no_mount_sets_nothing(tmp_path: Path):
    with create_bag(tmp_path / 'drive'):
        pass
    assert recorded_parameters(tmp_path / 'drive') == {}


@pytest.mark.parametrize('text', ['', '[]', '{"x": "far"}', '{"height": 1}', '{"x": 1}'])
def test_a_malformed_mount_is_named(tmp_path: Path, text: str):
    with create_bag(tmp_path / 'drive', custom={EXTRINSICS_KEY: text}):
        pass
    with pytest.raises(InputError, match=r'road_seg\.extrinsics: found'):
        recorded_parameters(tmp_path / 'drive')
