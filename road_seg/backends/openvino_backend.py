"""Inference with OpenVINO on the CPU."""

from typing import Any

import numpy as np

from road_seg.backends.base import as_prediction
from road_seg.backends.base import Backend
from road_seg.backends.base import Prediction


class OpenVinoBackend(Backend):
    """
    Run a model with OpenVINO between fixed buffers.

    The image is copied into one of them: openvino.Tensor refuses to share memory that is
    read-only, as the pixels of a message can be.
    """

    name = 'openvino'
    package = 'openvino'

    _request: Any = None

    def _activate(self) -> None:
        """Compile the model for one low-latency request and bind its buffers."""
        import openvino

        # float32 everywhere: otherwise bfloat16 is used where the CPU has it and the answer
        # depends on the machine.
        config = {'PERFORMANCE_HINT': 'LATENCY', 'INFERENCE_PRECISION_HINT': 'f32'}
        if self._threads:
            # Who shares the cores must not pin: every process would take the first ones.
            config.update(INFERENCE_NUM_THREADS=self._threads, ENABLE_CPU_PINNING=False)
        compiled = openvino.Core().compile_model(str(self.model.path), 'CPU', config)
        self._request = compiled.create_infer_request()
        self._image = np.empty((1, *self._image_shape), np.uint8)
        buffers = self._output_buffers()
        for name, buffer in {'image': self._image, **buffers}.items():
            self._request.set_tensor(name, openvino.Tensor(buffer, shared_memory=True))
        self._prediction = as_prediction(buffers)

    def _infer(self, image: np.ndarray) -> Prediction:
        """Run the model on a copy of the image."""
        self._image[0] = image
        self._request.infer()
        return self._prediction

    def _deactivate(self) -> None:
        """Drop the compiled model."""
        self._request = None
