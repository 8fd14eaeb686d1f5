"""The gate lets the same answers pass and no others."""

import numpy as np
import pytest

from road_seg.backends import default_model
from road_seg.backends import ModelFile
from road_seg.backends import open_backend
from road_seg.backends import Prediction
from road_seg.backends import read_model
from road_seg.backends.parity import check_parity
from road_seg.backends.parity import reference_frames
from road_seg.backends.parity import SCENES
from road_seg.errors import BackendError


@pytest.fixture
def model() -> ModelFile:
    """Return the shipped model."""
    return read_model(default_model())


def test_the_frames_are_the_same_at_any_time() -> None:
    frames, again = (list(reference_frames(48, 80)) for _ in range(2))
    assert [frame.shape for frame in frames] == [(48, 80, 3)] * len(SCENES)
    assert all((first == second).all() for first, second in zip(frames, again, strict=True))
    assert all(frame.std() > 10 for frame in frames)


def test_another_library_passes_and_a_disturbed_one_does_not(model: ModelFile) -> None:
    """OpenVINO rounds INT8 otherwise than ONNX Runtime; that is what a limit below 1 is for."""
    with open_backend(model, 'openvino', threads=1) as backend:
        assert 0.98 <= check_parity(backend.infer, model, 0.98) < 1.0

        def disturbed(image: np.ndarray) -> Prediction:
            return backend.infer(image[:, ::-1])

        with pytest.raises(BackendError, match=r'parity with ONNX Runtime: found \d\d\.\d+% of '
                                               r'the reference pixels .*expected 98\.0% or more'):
            check_parity(disturbed, model, 0.98)
