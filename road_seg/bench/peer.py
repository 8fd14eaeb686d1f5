"""Other people's segmentation networks, from a camera frame to a mask of its size."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from road_seg.errors import ModelError

# What OpenVINO computes with: its own choice is bfloat16 where the CPU has it.
PRECISIONS = ('auto', 'f32')


class Peer:
    """
    A network of one image input and class maps as output, run by OpenVINO.

    Everything around the network is as fast as what road_seg has around its own: bytes in,
    converted, and classes out, both inside the compiled network. Of several outputs the one
    with the most classes counts.

    :param path: ONNX file or OpenVINO XML.
    :param precision: one of PRECISIONS.
    :param threads: CPU threads to use; 0 leaves the choice to the library.
    :raises ModelError: it cannot be read, or is no such network.
    """

    def __init__(self, path: Path, precision: str, threads: int = 0) -> None:
        import openvino

        if not path.is_file():
            raise ModelError(path, found='no such file', expected='an ONNX or OpenVINO model',
                             fix='correct the path')
        config: dict[str, Any] = {'PERFORMANCE_HINT': 'LATENCY'}
        if precision != 'auto':
            config['INFERENCE_PRECISION_HINT'] = precision
        if threads:
            config['INFERENCE_NUM_THREADS'] = threads
        core = openvino.Core()
        try:
            compiled = core.compile_model(_bytes_to_classes(core.read_model(path), path), 'CPU',
                                          config)
        except RuntimeError as error:
            raise ModelError(path, found=' '.join(str(error).split())[:200],
                             expected='a model OpenVINO can run', fix='export it again') from error
        self.threads = int(compiled.get_property('INFERENCE_NUM_THREADS'))
        self.precision = compiled.get_property('INFERENCE_PRECISION_HINT').to_string()
        self._request = compiled.create_infer_request()
        self._image = np.zeros(compiled.input(0).shape, np.uint8)
        self._classes = np.zeros(compiled.output(0).shape, np.int32)
        self._request.set_input_tensor(openvino.Tensor(self._image, shared_memory=True))
        self._request.set_output_tensor(openvino.Tensor(self._classes, shared_memory=True))
        self._mask: np.ndarray | None = None

    def segment(self, rgb: np.ndarray) -> np.ndarray:
        """
        Return the mask of a frame, valid until the next call.

        :param rgb: (H, W, 3) uint8 RGB.
        :return: (H, W) uint8 class ids.
        """
        height, width = self._image.shape[1:3]
        cv2.resize(rgb, (width, height), dst=self._image[0])
        self._request.infer()
        self._mask = cv2.resize(self._classes[0, 0].astype(np.uint8), rgb.shape[1::-1],
                                dst=self._mask, interpolation=cv2.INTER_NEAREST_EXACT)
        return self._mask


def _bytes_to_classes(model: Any, path: Path) -> Any:
    """
    Return an OpenVINO model from (1, H, W, 3) uint8 RGB to (1, 1, H, W) int32 classes.

    Colours and scale of the peer's input are not known here; they are taken as BGR, 0..255. The
    cost is the same for others.
    """
    import openvino
    from openvino import opset13

    shapes = [tuple(port.partial_shape.to_shape()) for port in (*model.inputs, *model.outputs)
              if port.partial_shape.is_static]
    maps = [output for output in model.outputs if len(output.shape) == 4]
    if (len(model.inputs) != 1 or not maps or len(model.input(0).shape) != 4
            or model.input(0).shape[1] != 3):
        raise ModelError(path, found=f'inputs and outputs {shapes}',
                         expected='one input (1, 3, H, W) and outputs (1, classes, H, W)',
                         fix='choose a segmentation network of fixed size')
    scores = max(maps, key=lambda output: output.shape[1]).node.input_value(0)
    best = opset13.topk(scores, opset13.constant(1), axis=1, mode='max', sort='none',
                        index_element_type='i32')
    model = openvino.Model([best.output(1)], model.get_parameters(), 'peer')
    steps = openvino.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(
        openvino.Layout('NHWC')).set_color_format(openvino.preprocess.ColorFormat.RGB)
    steps.input().preprocess().convert_element_type(openvino.Type.f32).convert_color(
        openvino.preprocess.ColorFormat.BGR)
    steps.input().model().set_layout(openvino.Layout('NCHW'))
    return steps.build()
