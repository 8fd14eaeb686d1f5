"""From a float ONNX model to an INT8 one: static quantisation with explicit Q/DQ."""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Sequence

import numpy as np
import onnx
from onnx import numpy_helper

from road_seg.export.activations import ActivationRanges

# The normalisation before the network and the byte outputs after it hold none of these.
_WEIGHTED = ('Conv', 'ConvTranspose')
_JOINTS = ('Add', 'Concat')
_ACTIVATION = 'Clip'
# CPUs without VNNI add products of an unsigned byte and a weight in pairs in 16 bits, which larger
# weights overflow (https://docs.openvino.ai/latest/pot_saturation_issue.html); those of depthwise
# layers are added one by one.
_LARGEST_WEIGHT, _LARGEST_DEPTHWISE_WEIGHT = 64, 127


class Layers:
    """
    What can be quantised of a network: all that leads to its logits.

    :param graph: a float model with the outputs of ByteNetwork.
    """

    def __init__(self, graph: onnx.ModelProto) -> None:
        producers = {output: node for node in graph.graph.node for output in node.output}
        pending, leading = [logits_of(graph)], {}
        while pending:
            node = producers.get(pending.pop())
            if node is not None and node.name not in leading:
                leading[node.name] = node
                pending.extend(node.input)
        ordered = [node for node in graph.graph.node if node.name in leading]
        # Layer name -> node, in order; convolutions are named after their weights.
        self.nodes = {
            node.input[1].removeprefix('network.').removesuffix('.weight')
            if node.op_type in _WEIGHTED else node.name: node
            for node in ordered if node.op_type in (*_WEIGHTED, *_JOINTS)}
        self.head = list(self.nodes)[-1]
        self.activations = {node.input[0]: node.output[0] for node in ordered
                            if node.op_type == _ACTIVATION}

    @property
    def tensors(self) -> list[str]:
        """Names of the activations that need a range."""
        names = (self.activations.get(name, name) for node in self.nodes.values() for name in (
            *(node.input[:1] if node.op_type in _WEIGHTED else node.input), *node.output))
        return list(dict.fromkeys(names))


def logits_of(graph: onnx.ModelProto) -> str:
    """Return the name of the tensor that the class ids are the argmax of: the last layer's."""
    return next(node.output[0] for node in reversed(graph.graph.node)
                if node.op_type in _WEIGHTED)


def quantize(graph: onnx.ModelProto, ranges: ActivationRanges, percentile: float,
             names: Collection[str]) -> onnx.ModelProto:
    """
    Return a network with INT8 activations and weights, as explicit Q/DQ pairs.

    Activations: symmetric, one scale a tensor; weights: symmetric, one scale an output channel, 7
    bits (depthwise: 8); biases stay float, because TensorRT reads no INT32 ones.

    :param graph: the float network, its batch normalisation folded; it is not changed.
    :param ranges: recorded for `Layers(graph).tensors`.
    :param percentile: share of the magnitudes, in percent, that a scale covers.
    :param names: the layers to quantise, of `Layers(graph).nodes`.
    """
    from onnxruntime.quantization import CalibrationMethod
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.calibrate import TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    layers = Layers(graph)
    nodes = [layers.nodes[name] for name in names]
    reach = ranges.at(percentile)
    # The same INT8 values before a ReLU6 as after it: what it cuts off needs no range.
    reach.update({before: reach[after] for before, after in layers.activations.items()})
    limits = {name: (np.float32(-value), np.float32(value)) for name, value in reach.items()}
    quantizer = QDQQuantizer(
        _with_corrected_biases(graph, nodes, ranges.means), per_channel=True, reduce_range=True,
        weight_qType=QuantType.QInt8, activation_qType=QuantType.QInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, limits),
        nodes_to_quantize=[node.name for node in nodes], nodes_to_exclude=[],
        op_types_to_quantize=[*_WEIGHTED, *_JOINTS],
        extra_options={'ActivationSymmetric': True, 'WeightSymmetric': True,
                       'QuantizeBias': False, 'QDQKeepRemovableActivations': True,
                       'TensorQuantOverrides': {
                           node.input[1]: [{'axis': 0, 'reduce_range': False}]
                           for node in nodes if _groups(node) > 1}})
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    if layers.head in names:
        # INT8 logits would lose the small differences between classes.
        _unquantize(quantizer.model.model.graph, logits_of(graph))
    return quantizer.model.model


def replace_input(nodes: Iterable[onnx.NodeProto], old: str, new: str) -> None:
    """Let nodes read the tensor `new` where they read `old`."""
    for node in nodes:
        for index, name in enumerate(node.input):
            if name == old:
                node.input[index] = new


def _unquantize(graph: onnx.GraphProto, name: str) -> None:
    """Remove the Q/DQ pair that follows a tensor."""
    quantized = next(node for node in graph.node
                     if node.op_type == 'QuantizeLinear' and node.input[0] == name)
    restored = next(node for node in graph.node if node.input[0] == quantized.output[0])
    graph.node.remove(quantized)
    graph.node.remove(restored)
    for tensor in [item for item in graph.initializer if item.name in quantized.input]:
        graph.initializer.remove(tensor)
    replace_input(graph.node, restored.output[0], name)


def _with_corrected_biases(graph: onnx.ModelProto, nodes: Sequence[onnx.NodeProto],
                           means: dict[str, np.ndarray]) -> onnx.ModelProto:
    """
    Return the network with biases that make up for the rounding of the weights.

    Rounding a weight by e moves its channel by e times the mean of what it multiplies: Nagel et
    al., 'Data-Free Quantization Through Weight Equalization and Bias Correction', ICCV 2019.
    """
    corrected = onnx.ModelProto()
    corrected.CopyFrom(graph)
    weights = {tensor.name: tensor for tensor in corrected.graph.initializer}
    for node in nodes:
        if len(node.input) < 3 or node.op_type in _JOINTS:
            continue
        bias = weights[node.input[2]]
        shift = _mean_shift(node, numpy_helper.to_array(weights[node.input[1]]),
                            means[node.input[0]])
        bias.CopyFrom(numpy_helper.from_array(
            (numpy_helper.to_array(bias) - shift).astype(np.float32), bias.name))
    return corrected


def _mean_shift(node: onnx.NodeProto, weight: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return by how much INT8 weights move the mean of each output channel (C,)."""
    transposed = node.op_type == 'ConvTranspose'
    peak = np.abs(weight).max(axis=(0, 2, 3) if transposed else (1, 2, 3), keepdims=True)
    groups = _groups(node)
    largest = _LARGEST_WEIGHT if groups == 1 else _LARGEST_DEPTHWISE_WEIGHT
    scale = np.where(peak > 0, peak, 1.0) / largest
    moved = (np.round(weight / scale) * scale - weight).sum(axis=(2, 3))
    if transposed:
        # Each output pixel sees one in `stride` of the kernel's rows and columns.
        return mean @ moved / np.prod(onnx.helper.get_node_attr_value(node, 'strides'))
    inputs = mean.reshape(groups, 1, -1)  # groups, 1, inputs of a group
    return (moved.reshape(len(inputs), -1, weight.shape[1]) * inputs).sum(axis=2).ravel()


def _groups(node: onnx.NodeProto) -> int:
    """Return the number of groups of a layer; depthwise ones have several."""
    return next((item.i for item in node.attribute if item.name == 'group'), 1)
