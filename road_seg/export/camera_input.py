"""A model whose input is the camera's own image and whose outputs have that size."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import helper
from onnx import numpy_helper
from onnx import TensorProto

from road_seg.backends.model_file import ModelFile
from road_seg.backends.model_file import read_model
from road_seg.errors import ModelError
from road_seg.export.onnx_export import set_metadata
from road_seg.export.quantize import replace_input
from road_seg.files import atomic_write


def export_camera_input(source: ModelFile, out: Path, height: int, width: int) -> ModelFile:
    """
    Write a model that resizes camera images itself, and its probabilities back.

    The image is halved while it is at least twice the network's input and then resized
    bilinearly, as `pipeline.Segmenter` does outside; logits, not ids, are resized to the image's
    size, so that class borders are not stepped. One copy goes to the device, and only bytes come
    back.

    :param source: a model, float or INT8, whose input is the network's.
    :param out: the file to write.
    :param height: rows of the camera's images.
    :param width: columns of the camera's images.
    :raises ModelError: the model has a camera input already, or an older form.
    """
    model = onnx.load(source.path)
    graph = model.graph
    cast = next((node for node in graph.node if node.op_type == 'Cast'
                 and node.input[0] == graph.node[0].output[0]), None)
    softmax = [node for node in graph.node if node.op_type == 'Softmax']
    if cast is None or len(softmax) != 1 or any(
            node.op_type in ('ArgMax', 'Resize') for node in graph.node):
        raise ModelError(source.path, found='a camera input, or the form of an older version',
                         expected='a model of this version with the input of its network',
                         fix='start from what `road-seg export CHECKPOINT` writes')
    _resize_image(graph, cast, (height, width), (source.height, source.width))
    _insert_before(graph, softmax[0], _resize(
        graph, softmax[0].input[0], 'camera_logits', (height, width),
        len(source.labels.names)))
    _set_sizes(graph, height, width)
    with atomic_write(out) as temporary:
        onnx.save(model, temporary)
        set_metadata(temporary, {**source.metadata, 'road_seg.input': json.dumps(
            {'height': height, 'width': width})})
    return read_model(out)


def _resize_image(graph: onnx.GraphProto, cast: onnx.NodeProto, size: tuple[int, int],
                  wanted: tuple[int, int]) -> None:
    """Add the nodes between the cast image and the network."""
    pixels, level = 'camera_pixels', 0
    readers = [node for node in graph.node if cast.output[0] in node.input]
    last = cast
    while size[0] >= 2 * wanted[0] and size[1] >= 2 * wanted[1]:
        halved = helper.make_node(
            'AveragePool', [last.output[0]], [f'{pixels}_{level}'], name=f'halve_{level}',
            kernel_shape=[2, 2], strides=[2, 2])
        graph.node.insert(list(graph.node).index(last) + 1, halved)
        size, level, last = (size[0] // 2, size[1] // 2), level + 1, halved
    if size != wanted:
        resized = _resize(graph, last.output[0], pixels, wanted, 3)
        graph.node.insert(list(graph.node).index(last) + 1, resized)
        last = resized
    replace_input(readers, cast.output[0], last.output[0])


def _resize(graph: onnx.GraphProto, source: str, name: str, size: tuple[int, int],
            channels: int) -> onnx.NodeProto:
    """Return a bilinear resize, its size added to the graph; pixel centres as OpenCV has them."""
    graph.initializer.append(numpy_helper.from_array(
        np.array((1, channels, *size), np.int64), f'{name}_size'))
    return helper.make_node('Resize', [source, '', '', f'{name}_size'], [name], name=name,
                            mode='linear', coordinate_transformation_mode='half_pixel')


def _insert_before(graph: onnx.GraphProto, node: onnx.NodeProto, new: onnx.NodeProto) -> None:
    node.input[0] = new.output[0]
    graph.node.insert(list(graph.node).index(node), new)


def _set_sizes(graph: onnx.GraphProto, height: int, width: int) -> None:
    """Write the image's size into the input and the outputs."""
    del graph.value_info[:]
    for value in (*graph.input, *graph.output):
        channels = (3,) if value in graph.input else ()
        value.CopyFrom(helper.make_tensor_value_info(value.name, TensorProto.UINT8,
                                                     (1, height, width, *channels)))
