"""Tests of the parameter table and of reading it from a node."""

from collections.abc import Iterator
import math
from pathlib import Path

import pytest
import rclpy
from rclpy.node import Node
import yaml

from road_seg.backends import default_model
from road_seg.camera import Extrinsics
from road_seg.errors import ConfigError
from road_seg.grid import GridRules
from road_seg.grid import GridSpec
from road_seg.parameters import PARAMETERS
from road_seg.parameters import Parameters
from road_seg.resources import config_dir
from road_seg.ros.declared import read_parameters

pytestmark = pytest.mark.ros

DEFAULTS = {spec.name: spec.default for spec in PARAMETERS}
SPECS = {spec.name: spec for spec in PARAMETERS}


@pytest.fixture
def make_node(ros_context: None) -> Iterator[object]:
    """Return what makes a node with parameter overrides."""
    nodes = []

    def make(*overrides: str) -> Node:
        arguments = ['--ros-args', *(item for rule in overrides for item in ('-p', rule))]
        nodes.append(rclpy.create_node('road_seg', cli_args=arguments,
                                       use_global_arguments=False))
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()


def test_the_parameter_file_holds_the_table() -> None:
    tree = yaml.safe_load((config_dir() / 'road_seg.yaml').read_text())
    assert list(tree) == ['/**']
    flat = {}
    for name, value in tree['/**']['ros__parameters'].items():
        group = value if isinstance(value, dict) else {'': value}
        flat.update({f'{name}.{key}'.rstrip('.'): item for key, item in group.items()})
    assert flat == DEFAULTS
    assert {name: type(value) for name, value in flat.items()} == {
        name: type(value) for name, value in DEFAULTS.items()}


def test_every_default_passes_its_own_check() -> None:
    for spec in PARAMETERS:
        assert spec.check(spec.default) == spec.default
        assert spec.description.endswith('.')


def test_defaults_without_a_parameter_file(make_node: object) -> None:
    assert read_parameters(make_node()) == Parameters(
        model=default_model(), backend='auto', threads=0, is_compressed=False,
        image_geometry='auto', drivable_classes=(), is_enabled=True, idles=True,
        network_budget_ms=100.0, base_frame='base_link', extrinsics_source='auto',
        tf_timeout_s=0.05, extrinsics=Extrinsics(x=1.5, y=0.0, z=1.4),
        grid=GridSpec(0.2, 0.0, 40.0, -20.0, 20.0), grid_rules=GridRules())


def test_values_of_the_user(make_node: object) -> None:
    node = make_node('model:=~/a.onnx', 'image_transport:=compressed', 'threads:=3',
                     'extrinsics.pitch:=0.1', 'grid.x_max:=30')
    parameters = read_parameters(node)
    assert parameters.model == Path.home() / 'a.onnx'
    assert parameters.is_compressed
    assert parameters.threads == 3
    assert parameters.extrinsics.pitch == 0.1
    assert parameters.grid.x_max == 30.0  # although it was given as a whole number
    assert read_parameters(node) == parameters


@pytest.mark.parametrize(('rules', 'classes'), [
    ((), ()), (('drivable_classes:=[]',), ()),
    (('drivable_classes:=[road, sidewalk]',), ('road', 'sidewalk'))])
def test_drivable_classes_stay_an_array_of_texts(make_node: object, rules: tuple[str, ...],
                                                 classes: tuple[str, ...]) -> None:
    node = make_node(*rules)
    for _ in range(2):
        assert read_parameters(node).drivable_classes == classes
    for names in (['person'], []):
        result, = node.set_parameters([rclpy.Parameter(
            'drivable_classes', rclpy.Parameter.Type.STRING_ARRAY, names)])
        assert result.successful
        assert read_parameters(node).drivable_classes == tuple(names)


def test_descriptors_say_what_is_allowed(make_node: object) -> None:
    node = make_node()
    read_parameters(node)
    threads = node.describe_parameter('threads')
    assert (threads.integer_range[0].from_value, threads.integer_range[0].to_value) == (0, 256)
    roll = node.describe_parameter('extrinsics.roll')
    assert roll.floating_point_range[0].to_value == math.pi
    assert node.describe_parameter('image_transport').additional_constraints == (
        'one of raw, compressed')
    for spec in PARAMETERS:
        descriptor = node.describe_parameter(spec.name)
        assert descriptor.read_only is not spec.is_live
        assert descriptor.description == spec.description
    result, = node.set_parameters([rclpy.Parameter('threads', value=2)])
    assert not result.successful


@pytest.mark.parametrize(('rule', 'message'), [
    ('threads:=many', "parameter threads: found 'many'; expected a whole number from 0 to 256; "
     'correct it in the parameter file or on the command line'),
    ('threads:=-1', 'parameter threads: found -1; expected a whole number'),
    ('threads:=2.0', 'parameter threads: found 2.0; expected a whole number'),
    ('threads:=true', 'parameter threads: found True; expected a whole number'),
    ('drivable_classes:=road', "parameter drivable_classes: found 'road'; expected an array of "
     'texts'),
    ('drivable_classes:=[1, 2]', 'parameter drivable_classes: found [1, 2]; expected an array'),
    ('backend:=cuda', "parameter backend: found 'cuda'; expected one of auto, "),
    ('base_frame:=""', "parameter base_frame: found ''; expected a text that is not empty"),
    ('model:=7', 'parameter model: found 7; expected a text'),
    ('extrinsics.z:=.nan', 'parameter extrinsics.z: found nan; expected a number from 0.01'),
    ('extrinsics.z:=[1.0, 2.0]', 'parameter extrinsics.z: found [1.0, 2.0]'),
    ('extrinsics.yaw:=90.0', 'parameter extrinsics.yaw: found 90.0; expected a number from -3.1'),
    ('grid.x_max:=0.0', 'grid: found resolution 0.2, x 0.0 to 0.0'),
])
def test_wrong_values_are_named_also_the_second_time(make_node: object, rule: str,
                                                     message: str) -> None:
    node = make_node(rule)
    for _ in range(2):
        with pytest.raises(ConfigError) as caught:
            read_parameters(node)
        assert str(caught.value).startswith(message)
