"""The temperature of the logits: fitted to the truth, baked into the graph."""

import numpy as np
import onnx
import onnxruntime
import pytest

from road_seg.export.labelled_set import stretched
from road_seg.export.quantize import logits_of
from road_seg.export.temperature import _minimum
from road_seg.export.temperature import _nll
from road_seg.export.temperature import fit_temperature
from road_seg.export.temperature import set_temperature


def run(graph: onnx.ModelProto, image: np.ndarray, *names: str) -> list[np.ndarray]:
    """Return some tensors of a graph for an image."""
    tapped = onnx.ModelProto()
    tapped.CopyFrom(graph)
    shown = {output.name for output in tapped.graph.output}
    tapped.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name)
                               for name in names if name not in shown)
    session = onnxruntime.InferenceSession(tapped.SerializeToString(),
                                           providers=['CPUExecutionProvider'])
    return session.run(list(names), {'image': image})


@pytest.mark.parametrize('temperatures', [(2.0,), (0.5,), (3.0, 0.7)])
def test_probabilities_are_of_the_divided_logits(temperatures, float_model, labelled_set) -> None:
    """The last temperature set counts; the classes stay as they are."""
    graph = onnx.load(float_model.path)
    image = stretched(labelled_set.adapter.read(labelled_set.samples[0])[0], float_model)
    classes, = run(graph, image, 'classes')
    for temperature in temperatures:
        set_temperature(graph, temperature)
    onnx.checker.check_model(graph, full_check=True)
    logits, *bytes_out = run(graph, image, logits_of(graph), 'classes', 'drivable', 'confidence')
    weights = np.exp(logits / temperatures[-1])
    share = weights / weights.sum(axis=1, keepdims=True)
    assert (bytes_out[0] == classes).all()
    assert np.abs(bytes_out[1] - share[:, 1] * 255).max() <= 0.51
    assert np.abs(bytes_out[2] - share.max(axis=1) * 255).max() <= 0.51


def test_fit_does_not_depend_on_the_temperature_before(float_model, labelled_set) -> None:
    graph = onnx.load(float_model.path)
    fitted = fit_temperature(graph, float_model, [labelled_set])
    set_temperature(graph, 3.0)
    assert fit_temperature(graph, float_model, [labelled_set]) == pytest.approx(fitted)


def test_likelihood_of_drawn_labels_is_best_at_their_own_temperature() -> None:
    """Labels are drawn from softmax(logits / 1.7)."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (40000, 5))
    drawn = (logits / 1.7 + rng.gumbel(size=logits.shape)).argmax(axis=1)
    allowed = np.eye(5, dtype=bool)[drawn]
    best = _minimum(lambda temperature: _nll(logits / temperature, allowed), 0.1, 10.0)
    assert best == pytest.approx(1.7, rel=0.03)


def test_likelihood_of_a_partial_label_is_that_of_its_classes_together() -> None:
    logits = np.log(np.array([[0.5, 0.2, 0.3]]))
    assert _nll(logits, np.array([[True, False, True]])) == pytest.approx(-np.log(0.8))
    assert _nll(logits, np.array([[True, True, True]])) == pytest.approx(0.0)
