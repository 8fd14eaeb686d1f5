"""The ONNX graph as TensorRT takes it: bytes only at its ends, and FP16 where it is asked for."""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper
from onnx import numpy_helper
from onnx import TensorProto

from road_seg.errors import ModelError

PRECISIONS = ('fp16', 'int8', 'fp32')

_WEIGHTED = {'Conv', 'ConvTranspose', 'Gemm', 'MatMul'}
_QUANTIZE = 'QuantizeLinear'
_FP16_MAX = np.finfo(np.float16).max


def prepare(path: Path, precision: str) -> bytes:
    """
    Return the serialised ONNX model to compile.

    :param path: a model file of road_seg.
    :param precision: one of PRECISIONS. In strongly typed networks it is what the graph says:
        int8 needs the graph's own Q/DQ pairs, fp16 is written into a float graph.
    :raises ModelError: the graph is of another precision.
    """
    model = onnx.load(path)
    quantized = any(node.op_type == _QUANTIZE for node in model.graph.node)
    if quantized != (precision == 'int8'):
        raise ModelError(
            path, found='an INT8 network' if quantized else 'a float network',
            expected=f'one for precision {precision}',
            fix='choose precision int8, or export it without --int8' if quantized
            else 'choose precision fp16 or fp32, or export it with --int8')
    if precision == 'fp16':
        _halve(model)
    _keep_bytes_at_the_ends(model.graph)
    del model.graph.value_info[:]
    return model.SerializeToString()


def _keep_bytes_at_the_ends(graph: onnx.GraphProto) -> None:
    """
    Turn every uint8 tensor but inputs and outputs into float32.

    TensorRT has uint8 for inputs and outputs alone, and only casts to and from a floating type.
    0 to 255 are exact in float32, and the last cast cuts off a fraction as the first one would.
    """
    for tensor in [*graph.initializer, *_constants(graph)]:
        if tensor.data_type == TensorProto.UINT8:
            tensor.CopyFrom(numpy_helper.from_array(
                numpy_helper.to_array(tensor).astype(np.float32), tensor.name))
    for node in graph.node:
        if node.op_type == 'Cast' and node.attribute[0].i == TensorProto.UINT8:
            node.attribute[0].i = TensorProto.FLOAT
    ends = {value.name: f'{value.name}_float' for value in (*graph.input, *graph.output)
            if value.type.tensor_type.elem_type == TensorProto.UINT8}
    for node in graph.node:
        _rename(node, ends)
    first = [_cast(value.name, ends[value.name], TensorProto.FLOAT) for value in graph.input
             if value.name in ends]
    last = [_cast(ends[value.name], value.name, TensorProto.UINT8) for value in graph.output
            if value.name in ends]
    _set_nodes(graph, [*first, *graph.node, *last])


def _halve(model: onnx.ModelProto) -> None:
    """
    Turn what lies between the first and the last layer with weights into FP16, in place.

    Normalisation before, and softmax and rounding to bytes after it stay float32: they cost
    little and are where FP16 would change the answer.
    """
    graph = model.graph
    typed = onnx.shape_inference.infer_shapes(model).graph
    floats = {value.name for value in (*typed.value_info, *graph.input, *graph.output)
              if value.type.tensor_type.elem_type == TensorProto.FLOAT}
    weights = {tensor.name: tensor for tensor in graph.initializer
               if tensor.data_type == TensorProto.FLOAT}
    is_body = _body(graph)
    body = [node for node, inside in zip(graph.node, is_body, strict=True) if inside]
    others = [node for node, inside in zip(graph.node, is_body, strict=True) if not inside]
    made = {name for node in body for name in node.output} & floats
    entering = {name for node in body for name in node.input} & (floats | set(weights)) - made
    leaving = made & {*(name for node in others for name in node.input),
                      *(value.name for value in graph.output)}
    graph.initializer.extend(_half(weights[name]) for name in sorted(entering & set(weights)))
    entering -= set(weights)
    nodes = [_cast(value.name, _fp16(value.name), TensorProto.FLOAT16) for value in graph.input
             if value.name in entering]
    for node, inside in zip(graph.node, is_body, strict=True):
        outputs = list(node.output)
        if inside:
            _rename(node, {name: _fp16(name) for name in made | entering | set(weights)})
            if node.op_type == 'Cast' and node.attribute[0].i == TensorProto.FLOAT:
                node.attribute[0].i = TensorProto.FLOAT16
        nodes.append(node)
        for name in outputs:
            if name in entering:
                nodes.append(_cast(name, _fp16(name), TensorProto.FLOAT16))
            if name in leaving:
                nodes.append(_cast(_fp16(name), name, TensorProto.FLOAT))
    _set_nodes(graph, nodes)


def _body(graph: onnx.GraphProto) -> list[bool]:
    """Return for each node whether it has weights or lies between nodes that have."""
    after, before = set(), set()
    for node in graph.node:
        if node.op_type in _WEIGHTED or after.intersection(node.input):
            after.update(node.output)
    for node in reversed(graph.node):
        if node.op_type in _WEIGHTED or before.intersection(node.output):
            before.update(node.input)
    return [node.op_type in _WEIGHTED or bool(after.intersection(node.input)
                                              and before.intersection(node.output))
            for node in graph.node]


def _fp16(name: str) -> str:
    """Return the name of a tensor's FP16 form."""
    return f'{name}_fp16'


def _half(tensor: TensorProto) -> TensorProto:
    """Return a float32 tensor in FP16; what is too large becomes the largest number."""
    values = np.clip(numpy_helper.to_array(tensor), -_FP16_MAX, _FP16_MAX)
    return numpy_helper.from_array(values.astype(np.float16), _fp16(tensor.name))


def _cast(source: str, target: str, kind: int) -> onnx.NodeProto:
    return helper.make_node('Cast', [source], [target], name=f'cast_{target}', to=kind)


def _constants(graph: onnx.GraphProto) -> list[TensorProto]:
    """Return the tensors of the graph's constant nodes."""
    return [attribute.t for node in graph.node if node.op_type == 'Constant'
            for attribute in node.attribute if attribute.name == 'value']


def _rename(node: onnx.NodeProto, names: dict[str, str]) -> None:
    node.input[:] = [names.get(name, name) for name in node.input]
    node.output[:] = [names.get(name, name) for name in node.output]


def _set_nodes(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    """Replace a graph's nodes and drop the weights that none of them uses."""
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)
    used = {name for node in copies for name in node.input}
    for index in reversed(range(len(graph.initializer))):
        if graph.initializer[index].name not in used:
            del graph.initializer[index]
