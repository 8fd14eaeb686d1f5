"""Confidence that means something: one temperature for a network's logits."""

from collections.abc import Callable
from collections.abc import Sequence
import math

import numpy as np
import onnx
from onnx import numpy_helper

from road_seg.backends.model_file import ModelFile
from road_seg.export.labelled_set import LabelledSet
from road_seg.export.labelled_set import stretched
from road_seg.export.quantize import logits_of
from road_seg.export.quantize import replace_input

_NODE = 'temperature'
_INVERSE = 'inverse_temperature'
_SCALED = 'scaled_logits'
# Every n-th row and column of the truth takes part.
_STRIDE = 7
_RANGE = (0.1, 10.0)
_STEPS = 40


def fit_temperature(graph: onnx.ModelProto, model: ModelFile,
                    sets: Sequence[LabelledSet]) -> float:
    """
    Return the temperature T whose softmax(logits / T) fits the truth best.

    It minimises the negative log-likelihood, each set with the same weight: Guo et al., 'On
    calibration of modern neural networks', ICML 2017. A partial label has the likelihood of its
    set of classes, as in training.

    :param graph: the network with the outputs of ByteNetwork.
    :param model: its size and classes.
    :param sets: labelled images that no step trained on.
    """
    samples = [_labelled_logits(graph, model, labelled) for labelled in sets]

    def loss(log_temperature: float) -> float:
        factor = math.exp(-log_temperature)
        return float(np.mean([_nll(logits * factor, allowed) for logits, allowed in samples]))

    return math.exp(_minimum(loss, math.log(_RANGE[0]), math.log(_RANGE[1])))


def set_temperature(graph: onnx.ModelProto, temperature: float) -> None:
    """Divide the logits by a temperature, instead of by the one before."""
    value = numpy_helper.from_array(np.array(1.0 / temperature, np.float32), _INVERSE)
    for tensor in graph.graph.initializer:
        if tensor.name == _INVERSE:
            tensor.CopyFrom(value)
            return
    graph.graph.initializer.append(value)
    logits = logits_of(graph)
    index = 1 + next(index for index, node in enumerate(graph.graph.node)
                     if logits in node.output)
    replace_input(graph.graph.node, logits, _SCALED)
    graph.graph.node.insert(index, onnx.helper.make_node(
        'Mul', [logits, _INVERSE], [_SCALED], name=_NODE))


def _labelled_logits(graph: onnx.ModelProto, model: ModelFile,
                     labelled: LabelledSet) -> tuple[np.ndarray, np.ndarray]:
    """Return logits (N, C) float32 and allowed classes (N, C) bool of pixels of a set."""
    import onnxruntime

    tapped = onnx.ModelProto()
    tapped.CopyFrom(graph)
    name = logits_of(graph)
    tapped.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    session = onnxruntime.InferenceSession(tapped.SerializeToString(),
                                           providers=['CPUExecutionProvider'])
    parts = []
    for sample in labelled.samples:
        rgb, truth = labelled.adapter.read(sample)
        logits = session.run([name], {'image': stretched(rgb, model)})[0][0]
        chosen = np.ix_(*(np.arange(_STRIDE // 2, side, _STRIDE) for side in truth.shape))
        # The network's pixel that the postprocessing's nearest neighbour takes.
        seen = [(2 * places + 1) * side // (2 * full) for places, side, full in zip(
            chosen, logits.shape[1:], truth.shape, strict=True)]
        allowed = labelled.adapter.allowed[truth[chosen].ravel()]
        known = allowed.any(axis=1)
        pixels = logits[:, seen[0], seen[1]].reshape(len(logits), -1).T
        parts.append((pixels[known], allowed[known]))
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def _nll(logits: np.ndarray, allowed: np.ndarray) -> float:
    """Return the mean negative log-likelihood of the allowed classes."""
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    share = (weights * allowed).sum(axis=1) / weights.sum(axis=1)
    return float(-np.log(np.maximum(share, np.finfo(np.float32).tiny)).mean())


def _minimum(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function with one minimum has it: golden-section search."""
    ratio = (math.sqrt(5.0) - 1.0) / 2.0
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(_STEPS):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = function(right)
    return (low + high) / 2.0
