"""How large activations get: what the scales of an INT8 network are made of."""

from collections.abc import Iterable
from collections.abc import Sequence

import numpy as np
import onnx

# Values of a tensor kept of each image.
_KEPT = 2048


def activation_ranges(graph: onnx.ModelProto, tensors: Sequence[str],
                      images: Iterable[np.ndarray]) -> 'ActivationRanges':
    """
    Run a float network and record how large some of its tensors get.

    onnxruntime's own histogram calibrators keep every activation of every image in memory.

    :param graph: the network, input `image`.
    :param tensors: names of the tensors to record.
    :param images: (1, H, W, 3) uint8 RGB each.
    """
    import onnxruntime

    tapped = onnx.ModelProto()
    tapped.CopyFrom(graph)
    shown = {output.name for output in tapped.graph.output}
    tapped.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name)
                               for name in tensors if name not in shown)
    rng = np.random.default_rng(0)
    session = onnxruntime.InferenceSession(tapped.SerializeToString(),
                                           providers=['CPUExecutionProvider'])
    largest = dict.fromkeys(tensors, 0.0)
    kept: dict[str, list[np.ndarray]] = {name: [] for name in tensors}
    means: dict[str, list[np.ndarray]] = {name: [] for name in tensors}
    for image in images:
        for name, values in zip(tensors, session.run(tensors, {'image': image}), strict=True):
            means[name].append(values.mean(axis=(0, 2, 3)))
            magnitude = np.abs(values).ravel()
            largest[name] = max(largest[name], float(magnitude.max()))
            kept[name].append(rng.choice(magnitude, _KEPT))
    return ActivationRanges(
        largest, {name: np.concatenate(parts) for name, parts in kept.items()},
        {name: np.mean(parts, axis=0) for name, parts in means.items()})


class ActivationRanges:
    """
    Magnitudes of a network's activations over the calibration images.

    :param largest: largest magnitude by tensor.
    :param sample: a sample of the magnitudes by tensor.
    :param means: mean of each channel (C,) by tensor.
    """

    def __init__(self, largest: dict[str, float], sample: dict[str, np.ndarray],
                 means: dict[str, np.ndarray]) -> None:
        self.largest = largest
        self.means = means
        self._sample = sample

    def at(self, percentile: float) -> dict[str, float]:
        """Return, by tensor, the magnitude that this percentage of values does not exceed."""
        if percentile == 100:
            return self.largest
        return {name: float(np.percentile(values, percentile))
                for name, values in self._sample.items()}
