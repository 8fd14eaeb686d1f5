"""A model small enough for tests, whose answer follows from the pixel it is given."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import helper
from onnx import numpy_helper
from onnx import TensorProto

from road_seg.labels import ROAD_LABELS


def expected_classes(image: np.ndarray) -> np.ndarray:
    """Return the classes (H, W) the model gives an RGB image: red // 32, at most 4."""
    return np.minimum(image[..., 0] // 32, 4)


def expected_drivable(image: np.ndarray) -> np.ndarray:
    """Return the drivable probability (H, W) the model gives: 255 on class 1, else 0."""
    return np.where(expected_classes(image) == 1, 255, 0).astype(np.uint8)


def expected_confidence(image: np.ndarray) -> np.ndarray:
    """Return the confidence (H, W) the model gives: the green channel."""
    return image[..., 1]


def tiny_metadata(height: int = 64, width: int = 96) -> dict[str, str]:
    """Return the metadata of the model."""
    return {
        'road_seg.format': '1',
        'road_seg.labels': ROAD_LABELS.to_json(),
        'road_seg.input': json.dumps({'height': height, 'width': width}),
        'road_seg.training': '[]',
        'road_seg.scores': '{}',
        'road_seg.commit': 'none',
    }


def write_tiny_model(path: Path, height: int = 64, width: int = 96,
                     **metadata_overrides: str | None) -> Path:
    """
    Write the model and return its path.

    :param path: the file to write.
    :param height: rows of the input.
    :param width: columns of the input.
    :param metadata_overrides: metadata to change, without the road_seg. prefix; None removes it.
    """
    metadata = tiny_metadata(height, width)
    for key, value in metadata_overrides.items():
        metadata[f'road_seg.{key}'] = value
    model = helper.make_model(_graph(height, width), ir_version=8,
                              opset_imports=[helper.make_opsetid('', 17)])
    helper.set_model_props(model, {k: v for k, v in metadata.items() if v is not None})
    onnx.save(model, path)
    return path


def _graph(height: int, width: int) -> onnx.GraphProto:
    """Return the graph: red // 32 clipped to 4, class 1 times 255, green."""
    def constant(name: str, value: object, dtype: type) -> TensorProto:
        return numpy_helper.from_array(np.array(value, dtype), name)

    shape = [1, height, width]
    return helper.make_graph(
        nodes=[
            helper.make_node('Gather', ['image', 'zero'], ['red'], axis=3),
            helper.make_node('Cast', ['red'], ['red_float'], to=TensorProto.FLOAT),
            helper.make_node('Div', ['red_float', 'step'], ['ratio']),
            helper.make_node('Floor', ['ratio'], ['floor']),
            helper.make_node('Min', ['floor', 'four'], ['class']),
            helper.make_node('Cast', ['class'], ['classes'], to=TensorProto.UINT8),
            helper.make_node('Equal', ['class', 'one'], ['is_road']),
            helper.make_node('Where', ['is_road', 'full', 'none'], ['drivable']),
            helper.make_node('Gather', ['image', 'index_green'], ['confidence'], axis=3),
        ],
        name='tiny',
        inputs=[helper.make_tensor_value_info('image', TensorProto.UINT8, [*shape, 3])],
        outputs=[helper.make_tensor_value_info(name, TensorProto.UINT8, shape)
                 for name in ('classes', 'drivable', 'confidence')],
        initializer=[
            constant('zero', 0, np.int64), constant('index_green', 1, np.int64),
            constant('step', 32.0, np.float32), constant('four', 4.0, np.float32),
            constant('one', 1.0, np.float32), constant('full', 255, np.uint8),
            constant('none', 0, np.uint8),
        ])
