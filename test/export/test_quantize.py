"""INT8 networks: the form of their graphs, and how little they change."""

import numpy as np
import onnx
from onnx import helper
from onnx import numpy_helper
import onnxruntime
import pytest

from road_seg.backends import open_backend
from road_seg.backends.model_file import ModelFile
from road_seg.backends.model_file import read_model
from road_seg.export.activations import activation_ranges
from road_seg.export.activations import ActivationRanges
from road_seg.export.labelled_set import LabelledSet
from road_seg.export.labelled_set import network_images
from road_seg.export.onnx_export import set_metadata
from road_seg.export.quantize import _mean_shift
from road_seg.export.quantize import Layers
from road_seg.export.quantize import logits_of
from road_seg.export.quantize import quantize


@pytest.fixture(scope='module')
def graph(float_model: ModelFile) -> onnx.ModelProto:
    """Return the float graph."""
    return onnx.load(float_model.path)


@pytest.fixture(scope='module')
def ranges(graph, float_model, labelled_set: LabelledSet) -> ActivationRanges:
    """Return the ranges of its activations."""
    return activation_ranges(graph, Layers(graph).tensors,
                             network_images([labelled_set], 8, float_model))


@pytest.fixture(scope='module')
def int8(graph, ranges) -> onnx.ModelProto:
    """Return the graph in INT8."""
    return quantize(graph, ranges, 100, list(Layers(graph).nodes))


def constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Return the initializers by name."""
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def weighted_layers(
        model: onnx.ModelProto) -> list[tuple[onnx.NodeProto, np.ndarray, np.ndarray]]:
    """Return the INT8 convolutions of either kind, each with its weights and their scale."""
    values = constants(model)
    made = {node.output[0]: node for node in model.graph.node}
    sources = [(node, made[node.input[1]]) for node in model.graph.node
               if node.op_type in ('Conv', 'ConvTranspose') and node.input[1] in made]
    return [(node, values[source.input[0]], values[source.input[1]]) for node, source in sources]


def test_layers_are_named_after_their_weights(graph) -> None:
    nodes = Layers(graph).nodes
    assert Layers(graph).head == 'head'
    assert next(iter(nodes)) == 'encoder.levels.0.0.0'
    assert 'decoder.blocks.3.up' in nodes
    assert {node.op_type for node in nodes.values()} <= {'Conv', 'ConvTranspose', 'Add', 'Concat'}


def test_every_scale_is_of_symmetric_signed_int8(int8) -> None:
    """TensorRT takes zero point 0 only, and no INT32 biases."""
    values = constants(int8)
    pairs = [node for node in int8.graph.node if node.op_type.endswith('quantizeLinear')
             or node.op_type in ('QuantizeLinear', 'DequantizeLinear')]
    assert pairs
    for node in pairs:
        zero = values[node.input[2]]
        assert zero.dtype == np.int8
        assert not zero.any()
    assert not [name for name, value in values.items() if value.dtype == np.int32]


def test_weights_have_a_scale_for_each_output_channel(int8) -> None:
    axes = {'Conv': 0, 'ConvTranspose': 1}
    layers = weighted_layers(int8)
    assert len(layers) > 20
    for node, weight, scale in layers:
        assert weight.dtype == np.int8
        assert scale.shape == (weight.shape[axes[node.op_type]],)


@pytest.mark.parametrize('name', ['road_unet', 'road_unet_permissive'])
def test_weights_have_7_bits_but_for_depthwise_layers(name) -> None:
    """Two of them times unsigned bytes fit 16 bits, all that CPUs without VNNI add pairs in."""
    largest = {False: 0, True: 0}
    for node, weight, _ in weighted_layers(onnx.load(read_model(name).path)):
        depthwise = node.op_type == 'Conv' and weight.shape[1] == 1
        largest[depthwise] = max(largest[depthwise], np.abs(weight.astype(int)).max())
    assert largest == {False: 64, True: 127}


def test_input_and_outputs_stay_bytes_and_the_logits_float(int8) -> None:
    assert [value.name for value in int8.graph.output] == ['classes', 'drivable', 'confidence']
    assert int8.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    readers = {node.op_type for node in int8.graph.node if logits_of(int8) in node.input}
    assert readers == {'Softmax'}
    onnx.checker.check_model(int8, full_check=True)


@pytest.mark.parametrize('backend', ['openvino', 'onnxruntime'])
def test_backends_agree_with_the_float_network(backend, int8, float_model, labelled_set,
                                               tmp_path) -> None:
    """The network is untrained, its classes are close calls: 5 % may differ."""
    if backend == 'openvino':
        pytest.importorskip('openvino', reason='needs OpenVINO')
    path = tmp_path / 'int8.onnx'
    onnx.save(int8, path)
    set_metadata(path, float_model.metadata)
    images = [image[0] for image in network_images([labelled_set], 8, float_model)]
    with open_backend(float_model, 'onnxruntime') as before, open_backend(
            read_model(path), backend) as after:
        differ = [np.mean(before.infer(image).classes != after.infer(image).classes)
                  for image in images]
    assert np.mean(differ) < 0.05


def test_ranges_are_those_of_the_activations() -> None:
    """Of an identity: the largest magnitude, a percentile, the means of the channels."""
    shape = [1, 2, 32, 64]
    graph = helper.make_model(helper.make_graph(
        [helper.make_node('Transpose', ['image'], ['moved'], perm=[0, 3, 1, 2]),
         helper.make_node('Cast', ['moved'], ['values'], to=onnx.TensorProto.FLOAT)],
        'identity', [helper.make_tensor_value_info('image', onnx.TensorProto.UINT8,
                                                   [1, 32, 64, 2])],
        [helper.make_tensor_value_info('values', onnx.TensorProto.FLOAT, shape)]),
        ir_version=8, opset_imports=[helper.make_opsetid('', 17)])
    image = np.zeros((1, 32, 64, 2), np.uint8)
    image[..., 0] = 10
    image[0, 0, 0, 1] = 200
    ranges = activation_ranges(graph, ['values'], [image, image])
    assert ranges.at(100) == {'values': 200.0}
    assert ranges.at(99) == {'values': 10.0}
    assert ranges.means['values'] == pytest.approx([10.0, 200 / 2048])


@pytest.mark.parametrize(('op', 'shape', 'extra', 'inputs'), [
    ('Conv', (6, 4, 1, 1), {}, 4),
    ('Conv', (4, 1, 1, 1), {'group': 4}, 4),
    ('Conv', (6, 2, 1, 1), {'group': 2}, 4),
    ('ConvTranspose', (4, 6, 2, 2), {'strides': [2, 2]}, 4),
])
def test_mean_shift_is_what_rounded_weights_do_to_a_mean(op, shape, extra, inputs) -> None:
    """Compared with running both layers; a constant image has its mean everywhere."""
    rng = np.random.default_rng(1)
    weight = rng.normal(size=shape).astype(np.float32)
    axes = (0, 2, 3) if op == 'ConvTranspose' else (1, 2, 3)
    scale = np.abs(weight).max(axis=axes, keepdims=True) / (127 if 'group' in extra else 64)
    rounded = (np.round(weight / scale) * scale).astype(np.float32)
    mean = rng.uniform(1, 2, inputs).astype(np.float32)
    image = np.broadcast_to(mean[None, :, None, None], (1, inputs, 4, 4)).copy()

    def run(values: np.ndarray) -> np.ndarray:
        node = helper.make_node(op, ['x', 'w'], ['y'], **extra)
        model = helper.make_model(helper.make_graph(
            [node], op,
            [helper.make_tensor_value_info('x', onnx.TensorProto.FLOAT, image.shape)],
            [helper.make_tensor_value_info('y', onnx.TensorProto.FLOAT, None)],
            [numpy_helper.from_array(values, 'w')]),
            ir_version=8, opset_imports=[helper.make_opsetid('', 17)])
        session = onnxruntime.InferenceSession(model.SerializeToString(),
                                               providers=['CPUExecutionProvider'])
        return session.run(None, {'x': image})[0].mean(axis=(0, 2, 3))

    node = helper.make_node(op, ['x', 'w'], ['y'], **extra)
    assert _mean_shift(node, weight, mean) == pytest.approx(run(rounded) - run(weight),
                                                            abs=1e-5)
