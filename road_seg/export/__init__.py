"""From a trained network to one deployable ONNX file."""
