"""The node's parameters, declared with rclpy and read from it."""

from collections.abc import Mapping

from rcl_interfaces.msg import FloatingPointRange
from rcl_interfaces.msg import IntegerRange
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

from road_seg.parameters import PARAMETERS
from road_seg.parameters import Parameters
from road_seg.parameters import ParameterSpec
from road_seg.parameters import Value


def read_parameters(node: Node) -> Parameters:
    """
    Return the node's parameters; declare those that are not declared yet.

    :raises ConfigError: the user gave one a wrong value.
    """
    return Parameters.from_values({spec.name: _value(node, spec) for spec in PARAMETERS})


def changed_parameters(node: Node, changes: Mapping[str, object]) -> Parameters:
    """
    Return what the node's parameters would be after changes; nothing is changed here.

    :param changes: new values by full name; other names than those of PARAMETERS do not count.
    :raises ConfigError: a new value is wrong or does not go with the others.
    """
    return Parameters.from_values({
        spec.name: spec.check(changes[spec.name]) if spec.name in changes
        else node.get_parameter(spec.name).value for spec in PARAMETERS})


def _value(node: Node, spec: ParameterSpec) -> Value:
    """
    Return the checked value of one parameter, declared with its descriptor.

    It is first declared without a type, because rclpy's own refusal of a value would not tell
    the user what to do and would not take 40 for 40.0.
    """
    if not node.has_parameter(spec.name):
        untyped = node.declare_parameter(spec.name, spec.default,
                                         ParameterDescriptor(dynamic_typing=True)).value
        node.undeclare_parameter(spec.name)
        _declare(node, spec, spec.check(untyped))
    return node.get_parameter(spec.name).value


def _declare(node: Node, spec: ParameterSpec, value: Value) -> None:
    """Declare a parameter with a value of its type."""
    if not isinstance(value, list):
        node.declare_parameter(spec.name, value, descriptor_of(spec), ignore_override=True)
        return
    # rclpy takes an empty list for an array of bytes.
    node.declare_parameter(spec.name, Parameter.Type.STRING_ARRAY, descriptor_of(spec),
                           ignore_override=True)
    node.set_parameters([Parameter(spec.name, Parameter.Type.STRING_ARRAY, value)])


def descriptor_of(spec: ParameterSpec) -> ParameterDescriptor:
    """Return what `ros2 param describe` shows."""
    descriptor = ParameterDescriptor(name=spec.name, description=spec.description,
                                     read_only=not spec.is_live)
    if isinstance(spec.default, str | list):
        descriptor.additional_constraints = spec.expected
    elif isinstance(spec.default, bool):
        pass
    elif isinstance(spec.default, int):
        descriptor.integer_range = [
            IntegerRange(from_value=spec.minimum, to_value=spec.maximum, step=1)]
    else:
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=spec.minimum, to_value=spec.maximum, step=0.0)]
    return descriptor
