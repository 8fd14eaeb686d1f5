"""What is compiled computes what the model file says."""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper
from onnx import numpy_helper
from onnx import TensorProto
import onnxruntime
import pytest

from road_seg.backends import default_model
from road_seg.backends.tensorrt_graph import prepare
from road_seg.errors import ModelError


def _run(model: bytes | str, image: np.ndarray) -> list[np.ndarray]:
    return onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider']).run(
        None, {'image': image})


def _inner_types(content: bytes) -> dict[str, int]:
    """Return the element types of all tensors but inputs and outputs; checks the model."""
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(content), strict_mode=True)
    onnx.checker.check_model(model, full_check=True)
    ends = {value.name for value in (*model.graph.input, *model.graph.output)}
    types = {value.name: value.type.tensor_type.elem_type for value in model.graph.value_info}
    types.update({tensor.name: tensor.data_type for tensor in model.graph.initializer})
    return {name: kind for name, kind in types.items() if name not in ends}


def _write_network(path: Path, *, by_comparison: bool = False) -> Path:
    """
    Write two convolutions between a normalisation and classes by argmax or by comparison.

    :param by_comparison: bytes are computed with inside the graph, as TensorRT cannot.
    """
    rng = np.random.default_rng(0)
    weights = [numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name)
               for name, shape in (('w1', (4, 3, 3, 3)), ('w2', (2, 4, 1, 1)))]
    nodes = [
        helper.make_node('Transpose', ['image'], ['planes'], perm=[0, 3, 1, 2]),
        helper.make_node('Cast', ['planes'], ['pixels'], to=TensorProto.FLOAT),
        helper.make_node('Div', ['pixels', 'full'], ['scaled']),
        helper.make_node('Conv', ['scaled', 'w1'], ['hidden'], pads=[1, 1, 1, 1]),
        helper.make_node('Clip', ['hidden', 'none', 'six'], ['cut']),
        helper.make_node('Conv', ['cut', 'w2'], ['logits']),
        *([helper.make_node('Split', ['logits'], ['first', 'second'], axis=1, num_outputs=2),
           helper.make_node('Greater', ['second', 'first'], ['is_second']),
           helper.make_node('Where', ['is_second', 'byte_one', 'byte_none'], ['wide']),
           helper.make_node('Squeeze', ['wide', 'axis'], ['classes'])]
          if by_comparison else
          [helper.make_node('ArgMax', ['logits'], ['index'], axis=1, keepdims=0),
           helper.make_node('Cast', ['index'], ['classes'], to=TensorProto.UINT8)]),
        helper.make_node('Clip', ['logits', 'none', 'six'], ['tail']),
        helper.make_node('ReduceMax', ['tail', 'axis'], ['peak'], keepdims=0),
        helper.make_node('Cast', ['peak'], ['confidence'], to=TensorProto.UINT8)]
    constants = [('full', np.float32(255)), ('none', np.float32(0)), ('six', np.float32(6)),
                 ('axis', np.array([1])), ('byte_one', np.uint8(1)), ('byte_none', np.uint8(0))]
    graph = helper.make_graph(
        nodes, 'small',
        [helper.make_tensor_value_info('image', TensorProto.UINT8, [1, 16, 24, 3])],
        [helper.make_tensor_value_info(name, TensorProto.UINT8, [1, 16, 24])
         for name in ('classes', 'confidence')],
        [*weights, *(numpy_helper.from_array(np.asarray(value), name)
                     for name, value in constants)])
    onnx.save(helper.make_model(graph, ir_version=8,
                                opset_imports=[helper.make_opsetid('', 18)]), path)
    return path


IMAGE = np.random.default_rng(1).integers(0, 256, (1, 16, 24, 3), np.uint8)


@pytest.mark.parametrize('by_comparison', [False, True])
def test_bytes_are_at_the_ends_only_and_the_answer_is_the_same(tmp_path: Path,
                                                               by_comparison: bool) -> None:
    path = _write_network(tmp_path / 'small.onnx', by_comparison=by_comparison)
    content = prepare(path, 'fp32')
    assert TensorProto.UINT8 not in _inner_types(content).values()
    for expected, found in zip(_run(str(path), IMAGE), _run(content, IMAGE), strict=True):
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize('by_comparison', [False, True])
def test_fp16_is_between_the_layers_with_weights(tmp_path: Path, by_comparison: bool) -> None:
    path = _write_network(tmp_path / 'small.onnx', by_comparison=by_comparison)
    content = prepare(path, 'fp16')
    types = _inner_types(content)
    half = {name for name, kind in types.items() if kind == TensorProto.FLOAT16}
    assert half == {'scaled_fp16', 'w1_fp16', 'hidden_fp16', 'none_fp16', 'six_fp16', 'cut_fp16',
                    'w2_fp16', 'logits_fp16'}
    assert not {'w1', 'w2'} & types.keys()  # no weight twice
    expected, found = _run(str(path), IMAGE), _run(content, IMAGE)
    assert np.mean(expected[0] == found[0]) > 0.99
    assert np.abs(expected[1].astype(int) - found[1]).max() <= 1


def test_weights_beyond_fp16_become_its_largest(tmp_path: Path) -> None:
    path = _write_network(tmp_path / 'small.onnx')
    model = onnx.load(path)
    weight = next(tensor for tensor in model.graph.initializer if tensor.name == 'w2')
    weight.CopyFrom(numpy_helper.from_array(np.full((2, 4, 1, 1), 1e9, np.float32), 'w2'))
    onnx.save(model, path)
    halved = onnx.load_from_string(prepare(path, 'fp16'))
    weight = next(tensor for tensor in halved.graph.initializer if tensor.name == 'w2_fp16')
    assert numpy_helper.to_array(weight).max() == 65504.0


def test_the_shipped_model_answers_the_same_to_the_last_byte() -> None:
    path = default_model()
    content = prepare(path, 'int8')
    assert TensorProto.UINT8 not in _inner_types(content).values()
    shape = [axis.dim_value for axis in
             onnx.load(path).graph.input[0].type.tensor_type.shape.dim]
    image = np.random.default_rng(2).integers(0, 256, shape, np.uint8)
    for expected, found in zip(_run(str(path), image), _run(content, image), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_precision_must_be_the_graphs(tmp_path: Path) -> None:
    path = _write_network(tmp_path / 'small.onnx')
    with pytest.raises(ModelError, match='found a float network; expected one for precision int8'):
        prepare(path, 'int8')
    for precision in ('fp16', 'fp32'):
        with pytest.raises(ModelError, match=r'found an INT8 network; .*without --int8'):
            prepare(default_model(), precision)
