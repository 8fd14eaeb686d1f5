"""The choice of the INT8 ranges that keep a network closest to what it was."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Sequence

import numpy as np
import onnx

from road_seg.backends.model_file import ModelFile
from road_seg.errors import ConfigError
from road_seg.export.activations import activation_ranges
from road_seg.export.labelled_set import LabelledSet
from road_seg.export.labelled_set import network_images
from road_seg.export.quantize import Layers
from road_seg.export.quantize import quantize
from road_seg.metrics import ConfusionMatrix

# One in so many calibration images does not calibrate but compares.
_HELD_OUT = 4
_PERCENTILES = (100, 99.999, 99.99, 99.9)
# Images that find the layer that loses most: there are many layers.
_PROBES = 8


class Int8Search:
    """
    Quantises one network in several ways and compares, on images that did not calibrate.

    :param graph: the float network.
    :param source: its size and classes.
    :param calibration: sets the images are taken from.
    :param images: number of images in all.
    :param keep_float: names of layers that INT8 leaves alone.
    :raises ConfigError: there is no such layer.
    """

    def __init__(self, graph: onnx.ModelProto, source: ModelFile,
                 calibration: Sequence[LabelledSet], images: int,
                 keep_float: Collection[str]) -> None:
        self._graph = graph
        self._data = [labelled.name for labelled in calibration]
        known = Layers(graph).nodes
        unknown = sorted(set(keep_float) - known.keys())
        if unknown:
            raise ConfigError('layers to keep in float', found=', '.join(unknown),
                              expected=f'some of {", ".join(known)}', fix='correct the names')
        self._class_count = len(source.labels.names)
        self._names = [name for name in known if name not in keep_float]
        self._keep_float = sorted(keep_float)
        frames = list(network_images(calibration, images, source))
        self._held_out = frames[::_HELD_OUT]
        del frames[::_HELD_OUT]
        self._count = len(frames)
        self._ranges = activation_ranges(graph, Layers(graph).tensors, frames)
        self._expected = _classes(graph, self._held_out)
        self._percentile: float = _PERCENTILES[0]

    @property
    def facts(self) -> dict:
        """How the network was quantised, for its metadata."""
        return {'activations': 'int8, symmetric, one scale a tensor',
                'weights': 'int8 of 7 bits, 8 in depthwise layers, symmetric, '
                           'one scale an output channel',
                'percentile': self._percentile, 'float_layers': self._keep_float,
                'images': self._count, 'data': self._data}

    def best(self, report: Callable[[str], None]) -> onnx.ModelProto:
        """Return the INT8 network whose classes differ least from the float one's."""
        losses = {}
        for percentile in _PERCENTILES:
            self._percentile = percentile
            losses[percentile] = self._difference(self._names)
            report(f'ranges of percentile {percentile}: mIoU with the float network '
                   f'{1.0 - losses[percentile]:.4f}')
        self._percentile = min(losses, key=losses.get)
        return quantize(self._graph, self._ranges, self._percentile, self._names)

    def worst_layer(self) -> str:
        """Return the layer that, quantised alone, changes the classes most."""
        return max(self._names, key=lambda name: self._difference([name], _PROBES))

    def _difference(self, names: Collection[str], frames: int | None = None) -> float:
        """
        Return how far quantising some layers takes the classes from the float network's.

        :return: 1 - mIoU, the float network's classes as truth: like the gate, it gives a class
            that is rare as much weight as one that fills the image.
        """
        graph = quantize(self._graph, self._ranges, self._percentile, names)
        confusion = ConfusionMatrix(self._class_count)
        for before, after in zip(self._expected[:frames],
                                 _classes(graph, self._held_out[:frames]), strict=True):
            confusion.update(before, after)
        return 1.0 - confusion.miou()


def _classes(graph: onnx.ModelProto, images: Sequence[np.ndarray]) -> np.ndarray:
    """Return the class ids (N, H, W) uint8 a network gives images."""
    import onnxruntime

    session = onnxruntime.InferenceSession(graph.SerializeToString(),
                                           providers=['CPUExecutionProvider'])
    return np.concatenate([session.run(['classes'], {'image': image})[0] for image in images])
