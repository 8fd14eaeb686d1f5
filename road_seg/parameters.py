"""The node's parameters, without ROS: one table for their checks and their defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import fields
import math
from pathlib import Path

from road_seg.backends import BACKENDS
from road_seg.backends import default_model
from road_seg.camera import Extrinsics
from road_seg.errors import ConfigError
from road_seg.grid import ENCODINGS
from road_seg.grid import GridRules
from road_seg.grid import GridSpec

Value = str | bool | int | float | list[str]

SOURCES = ('auto', 'tf', 'parameters')
GEOMETRIES = ('auto', 'raw', 'rectified')


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
    :param is_live: it may change while the node is configured, between two frames.
    """

    name: str
    default: Value
    description: str
    minimum: Value | None = None
    maximum: Value | None = None
    choices: tuple[str, ...] = ()
    may_be_empty: bool = False
    is_live: bool = False

    @property
    def expected(self) -> str:
        """The values it may have, in words."""
        if self.choices:
            return f'one of {", ".join(self.choices)}'
        if isinstance(self.default, str):
            return 'a text' if self.may_be_empty else 'a text that is not empty'
        if isinstance(self.default, bool):
            return 'true or false'
        if isinstance(self.default, list):
            return 'an array of texts'
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
        if kind is list and value is None:
            value = []  # what ROS makes of an empty array in YAML
        fits = type(value) is kind
        if fits and kind is str:
            fits = (value in self.choices if self.choices
                    else bool(value) or self.may_be_empty)
        elif fits and kind is list:
            fits = all(isinstance(item, str) for item in value)
        elif fits and kind is not bool:
            fits = self.minimum <= value <= self.maximum  # false for NaN
        if not fits:
            raise ConfigError(f'parameter {self.name}', found=repr(value),
                              expected=self.expected,
                              fix='correct it in the parameter file or on the command line')
        return value


PARAMETERS = (
    ParameterSpec('model', '',
                  'Path of the ONNX model file or name of a shipped one; empty for road_unet.',
                  may_be_empty=True),
    ParameterSpec('backend', 'auto', 'Inference library; auto takes the fastest usable one.',
                  choices=('auto', *(backend.name for backend in BACKENDS))),
    ParameterSpec('threads', 0, 'CPU threads of the network; 0 lets the library choose.', 0, 256),
    ParameterSpec('image_transport', 'raw',
                  'Form of the images: raw (Image) or compressed (CompressedImage, JPEG or PNG).',
                  choices=('raw', 'compressed')),
    ParameterSpec('image_geometry', 'auto',
                  'What the images follow: raw (K and D), rectified (P), or auto: rectified '
                  'where the topic is named image_rect*.', choices=GEOMETRIES),
    ParameterSpec('drivable_classes', [],
                  'Names of the classes to drive on; empty for those of the model file.',
                  is_live=True),
    ParameterSpec('enabled', True, 'Process images; false: receive them only.', is_live=True),
    ParameterSpec('idle_without_subscribers', True,
                  'Process no images while nobody subscribes to an output.', is_live=True),
    ParameterSpec('network_budget_ms', 100.0,
                  'Time of the network for a frame beyond which it is reported as slow, ms; 0 for '
                  'no limit.', 0.0, 60000.0, is_live=True),
    ParameterSpec('base_frame', 'base_link', 'Frame of the grid and of the extrinsics.'),
    ParameterSpec('extrinsics.source', 'auto',
                  'Where the camera is: tf (at the stamp of the image), parameters, or auto: '
                  'the parameters until TF knows it, from then on TF alone.', choices=SOURCES),
    ParameterSpec('extrinsics.tf_timeout', 0.05,
                  'Longest wait for the transform of an image, s.', 0.0, 1.0),
    ParameterSpec('extrinsics.x', 1.5, 'Camera position forward of the base frame, m.',
                  -100.0, 100.0, is_live=True),
    ParameterSpec('extrinsics.y', 0.0, 'Camera position left of the base frame, m.',
                  -100.0, 100.0, is_live=True),
    ParameterSpec('extrinsics.z', 1.4, 'Camera height above the ground of the base frame, m.',
                  0.01, 100.0, is_live=True),
    ParameterSpec('extrinsics.roll', 0.0, "Camera body's rotation about its x axis, rad.",
                  -math.pi, math.pi, is_live=True),
    ParameterSpec('extrinsics.pitch', 0.0,
                  "Camera body's rotation about its y axis, rad; positive looks down.",
                  -math.pi, math.pi, is_live=True),
    ParameterSpec('extrinsics.yaw', 0.0,
                  "Camera body's rotation about its z axis, rad; positive looks left.",
                  -math.pi, math.pi, is_live=True),
    ParameterSpec('grid.resolution', 0.2, "Edge of one of the grid's cells, m.", 0.01, 10.0,
                  is_live=True),
    ParameterSpec('grid.x_min', 0.0, 'Rear edge of the grid in the base frame, m.',
                  -1000.0, 1000.0, is_live=True),
    ParameterSpec('grid.x_max', 40.0, 'Front edge of the grid in the base frame, m.',
                  -1000.0, 1000.0, is_live=True),
    ParameterSpec('grid.y_min', -20.0, 'Right edge of the grid in the base frame, m.',
                  -1000.0, 1000.0, is_live=True),
    ParameterSpec('grid.y_max', 20.0, 'Left edge of the grid in the base frame, m.',
                  -1000.0, 1000.0, is_live=True),
    ParameterSpec('grid.encoding', 'trinary',
                  'Values of known cells: trinary (0 or 100) or probability (0 to 100 by the '
                  'probability that the cell is not drivable).', choices=ENCODINGS, is_live=True),
    ParameterSpec('grid.drivable_threshold', 0.5,
                  'Smallest mean drivable probability of a free cell.', 0.01, 1.0, is_live=True),
    ParameterSpec('grid.confidence_threshold', 0.6,
                  'Smallest mean confidence of a known cell.', 0.0, 1.0, is_live=True),
    ParameterSpec('grid.pitch_uncertainty_deg', 0.5,
                  "How far the camera's pitch over the ground may be off, degrees.", 0.0, 10.0,
                  is_live=True),
    ParameterSpec('grid.max_ground_error', 6.0,
                  'Largest error along the ground that this may make, m; farther cells are '
                  'unknown.', 0.01, 1000.0, is_live=True),
    ParameterSpec('grid.max_age_s', 0.5,
                  'Largest age of an image, s; the grid of an older one is unknown. 0 for no '
                  'limit.', 0.0, 3600.0, is_live=True),
    ParameterSpec('grid.bonnet_top', 1.0,
                  "Share of the image's height from which on down it shows the vehicle itself.",
                  0.0, 1.0, is_live=True),
    ParameterSpec('grid.ego_x_min', 0.0, 'Rear edge of the ground under the vehicle, m.',
                  -100.0, 100.0, is_live=True),
    ParameterSpec('grid.ego_x_max', 0.0, 'Front edge of the ground under the vehicle, m.',
                  -100.0, 100.0, is_live=True),
    ParameterSpec('grid.ego_y_min', 0.0, 'Right edge of the ground under the vehicle, m.',
                  -100.0, 100.0, is_live=True),
    ParameterSpec('grid.ego_y_max', 0.0, 'Left edge of the ground under the vehicle, m.',
                  -100.0, 100.0, is_live=True),
)


@dataclass(frozen=True)
class Parameters:
    """
    The checked values of PARAMETERS.

    :param model: path of the model file.
    :param backend: name of the backend, or auto.
    :param threads: CPU threads of the network; 0 lets the library choose.
    :param is_compressed: the images come as CompressedImage.
    :param image_geometry: one of GEOMETRIES.
    :param drivable_classes: names of the classes to drive on; none for those of the model file.
    :param is_enabled: process images.
    :param idles: process none while nobody subscribes to an output.
    :param network_budget_ms: time of the network beyond which it is slow, ms; 0 for no limit.
    :param base_frame: frame of the grid and of the extrinsics.
    :param extrinsics_source: one of SOURCES.
    :param tf_timeout_s: longest wait for a transform, s.
    :param extrinsics: the camera's pose in the base frame.
    :param grid: the grid's extent.
    :param grid_rules: when a cell is free, blocked or unknown.
    """

    model: Path
    backend: str
    threads: int
    is_compressed: bool
    image_geometry: str
    drivable_classes: tuple[str, ...]
    is_enabled: bool
    idles: bool
    network_budget_ms: float
    base_frame: str
    extrinsics_source: str
    tf_timeout_s: float
    extrinsics: Extrinsics
    grid: GridSpec
    grid_rules: GridRules

    @classmethod
    def from_values(cls, values: Mapping[str, Value]) -> 'Parameters':
        """
        Gather the values of all of PARAMETERS, each checked before.

        :param values: by full name.
        :raises ConfigError: values do not go together.
        """
        def read(kind: type, prefix: str) -> object:
            return kind(**{field.name: values[f'{prefix}.{field.name}'] for field in fields(kind)})

        return cls(
            model=Path(values['model']).expanduser() if values['model'] else default_model(),
            backend=values['backend'], threads=values['threads'],
            is_compressed=values['image_transport'] == 'compressed',
            image_geometry=values['image_geometry'],
            drivable_classes=tuple(values['drivable_classes']),
            is_enabled=values['enabled'], idles=values['idle_without_subscribers'],
            network_budget_ms=values['network_budget_ms'], base_frame=values['base_frame'],
            extrinsics_source=values['extrinsics.source'],
            tf_timeout_s=values['extrinsics.tf_timeout'],
            extrinsics=read(Extrinsics, 'extrinsics'), grid=read(GridSpec, 'grid'),
            grid_rules=read(GridRules, 'grid'))


def checked_parameters(values: Mapping[str, Value]) -> Parameters:
    """
    Return the parameters of a node that is given some values; the others have their defaults.

    :param values: by full name; names the node does not have are ignored, as rclpy does.
    :raises ConfigError: a value is wrong.
    """
    return Parameters.from_values({
        spec.name: spec.check(values.get(spec.name, spec.default)) for spec in PARAMETERS})


def are_rectified(image_geometry: str, image_topic: str) -> bool:
    """
    Say whether images follow P of their calibration.

    :param image_geometry: one of GEOMETRIES; auto is image_proc's convention, by which rectified
        images are on topics named image_rect, image_rect_color, ...
    """
    if image_geometry != 'auto':
        return image_geometry == 'rectified'
    return image_topic.removesuffix('/compressed').rpartition('/')[2].startswith('image_rect')
