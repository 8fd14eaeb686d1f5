"""Inference with ONNX Runtime on the CPU."""

from typing import Any

import numpy as np

from road_seg.backends.base import as_prediction
from road_seg.backends.base import Backend
from road_seg.backends.base import Prediction

_ERRORS_ONLY = 3


class OnnxRuntimeBackend(Backend):
    """Run a model with ONNX Runtime; the outputs are written into fixed buffers."""

    name = 'onnxruntime'
    package = 'onnxruntime'

    _session: Any = None
    _binding: Any = None

    def _activate(self) -> None:
        """Load the model and bind its outputs."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        # Idle threads sleep: a vehicle's other nodes need the cores between two frames.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        self._session = onnxruntime.InferenceSession(
            str(self.model.path), options, providers=['CPUExecutionProvider'])
        self._binding = self._session.io_binding()
        buffers = self._output_buffers()
        for name, buffer in buffers.items():
            self._binding.bind_output(name, 'cpu', 0, np.uint8, buffer.shape, buffer.ctypes.data)
        self._prediction = as_prediction(buffers)

    def _infer(self, image: np.ndarray) -> Prediction:
        """Run the model on the image where it lies."""
        self._binding.bind_input('image', 'cpu', 0, np.uint8, (1, *image.shape),
                                 image.ctypes.data)
        self._session.run_with_iobinding(self._binding)
        return self._prediction

    def _deactivate(self) -> None:
        """Drop the session."""
        self._binding = self._session = None
