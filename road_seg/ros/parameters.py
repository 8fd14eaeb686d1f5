"""The node's parameters: one table for their descriptors, their checks and their defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
import math
from pathlib import Path

from rcl_interfaces.msg import FloatingPointRange
from rcl_interfaces.msg import IntegerRange
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node

from road_seg.backends import BACKENDS
from road_seg.backends import default_model
from road_seg.camera import Extrinsics
from road_seg.errors import ConfigError
from road_seg.grid import GridSpec

Value = str | int | float


@dataclass(frozen=True)
class ParameterSpec:
    """
    What is known of one parameter before it has a value.

    :param name: its full name.
    :param default: its value when the user gives none; its type is the parameter's.
    :param description: one sentence, with the unit.
    :param minimum: smallest value of a number.
    :param maximum: largest value of a number.
    :param choices: the texts it may be; empty for any.
    :param may_be_empty: whether it may be the empty text.
    """

    name: str
    default: Value
    description: str
    minimum: Value | None = None
    maximum: Value | None = None
    choices: tuple[str, ...] = ()
    may_be_empty: bool = False

    @property
    def expected(self) -> str:
        """The values it may have, in words."""
        if self.choices:
            return f'one of {", ".join(self.choices)}'
        if isinstance(self.default, str):
            return 'a text' if self.may_be_empty else 'a text that is not empty'
        kind = 'a whole number' if isinstance(self.default, int) else 'a number'
        return f'{kind} from {self.minimum} to {self.maximum}'

    def check(self, value: object) -> Value:
        """
        Return the value in the parameter's type.

        :raises ConfigError: it has another type or is out of range.
        """
        kind = type(self.default)
        if kind is float and type(value) is int:
            value = float(value)
        fits = type(value) is kind
        if fits and kind is str:
            fits = (value in self.choices if self.choices
                    else bool(value) or self.may_be_empty)
        elif fits:
            fits = self.minimum <= value <= self.maximum  # false for NaN
        if not fits:
            raise ConfigError(f'parameter {self.name}', found=repr(value),
                              expected=self.expected,
                              fix='correct it in the parameter file or on the command line')
        return value

    def descriptor(self) -> ParameterDescriptor:
        """Return what `ros2 param describe` shows."""
        descriptor = ParameterDescriptor(name=self.name, description=self.description,
                                         read_only=True)
        if isinstance(self.default, str):
            descriptor.additional_constraints = self.expected
        elif isinstance(self.default, int):
            descriptor.integer_range = [
                IntegerRange(from_value=self.minimum, to_value=self.maximum, step=1)]
        else:
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=self.minimum, to_value=self.maximum, step=0.0)]
        return descriptor


PARAMETERS = (
    ParameterSpec('model', '', 'Path of the ONNX model file; empty for the shipped one.',
                  may_be_empty=True),
    ParameterSpec('backend', 'auto', 'Inference library; auto takes the fastest usable one.',
                  choices=('auto', *(backend.name for backend in BACKENDS))),
    ParameterSpec('threads', 0, 'CPU threads of the network; 0 lets the library choose.', 0, 256),
    ParameterSpec('image_transport', 'raw',
                  'Form of the images: raw (Image) or compressed (CompressedImage, JPEG or PNG).',
                  choices=('raw', 'compressed')),
    ParameterSpec('base_frame', 'base_link', 'Frame of the grid and of the extrinsics.'),
    ParameterSpec('extrinsics.x', 1.5, 'Camera position forward of the base frame, m.',
                  -100.0, 100.0),
    ParameterSpec('extrinsics.y', 0.0, 'Camera position left of the base frame, m.',
                  -100.0, 100.0),
    ParameterSpec('extrinsics.z', 1.4, 'Camera height above the ground of the base frame, m.',
                  0.01, 100.0),
    ParameterSpec('extrinsics.roll', 0.0, "Camera body's rotation about its x axis, rad.",
                  -math.pi, math.pi),
    ParameterSpec('extrinsics.pitch', 0.0,
                  "Camera body's rotation about its y axis, rad; positive looks down.",
                  -math.pi, math.pi),
    ParameterSpec('extrinsics.yaw', 0.0,
                  "Camera body's rotation about its z axis, rad; positive looks left.",
                  -math.pi, math.pi),
    ParameterSpec('grid.resolution', 0.2, "Edge of one of the grid's cells, m.", 0.01, 10.0),
    ParameterSpec('grid.x_min', 0.0, 'Rear edge of the grid in the base frame, m.',
                  -1000.0, 1000.0),
    ParameterSpec('grid.x_max', 40.0, 'Front edge of the grid in the base frame, m.',
                  -1000.0, 1000.0),
    ParameterSpec('grid.y_min', -20.0, 'Right edge of the grid in the base frame, m.',
                  -1000.0, 1000.0),
    ParameterSpec('grid.y_max', 20.0, 'Left edge of the grid in the base frame, m.',
                  -1000.0, 1000.0),
)


@dataclass(frozen=True)
class Parameters:
    """
    The checked values of PARAMETERS.

    :param model: path of the model file.
    :param backend: name of the backend, or auto.
    :param threads: CPU threads of the network; 0 lets the library choose.
    :param is_compressed: the images come as CompressedImage.
    :param base_frame: frame of the grid and of the extrinsics.
    :param extrinsics: the camera's pose in the base frame.
    :param grid: the grid's extent.
    """

    model: Path
    backend: str
    threads: int
    is_compressed: bool
    base_frame: str
    extrinsics: Extrinsics
    grid: GridSpec

    @classmethod
    def from_values(cls, values: Mapping[str, Value]) -> 'Parameters':
        """
        Gather the values of all of PARAMETERS, each checked before.

        :param values: by full name.
        :raises ConfigError: values do not go together.
        """
        def group(prefix: str) -> dict[str, Value]:
            return {name.removeprefix(prefix): value for name, value in values.items()
                    if name.startswith(prefix)}

        return cls(
            model=Path(values['model']).expanduser() if values['model'] else default_model(),
            backend=values['backend'], threads=values['threads'],
            is_compressed=values['image_transport'] == 'compressed',
            base_frame=values['base_frame'], extrinsics=Extrinsics(**group('extrinsics.')),
            grid=GridSpec(**group('grid.')))


def read_parameters(node: Node) -> Parameters:
    """
    Return the node's parameters; declare those that are not declared yet.

    :raises ConfigError: the user gave one a wrong value.
    """
    return Parameters.from_values({spec.name: _value(node, spec) for spec in PARAMETERS})


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
        node.declare_parameter(spec.name, spec.check(untyped), spec.descriptor(),
                               ignore_override=True)
    return node.get_parameter(spec.name).value
