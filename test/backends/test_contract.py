"""The contract that every backend keeps."""

import logging
from pathlib import Path
import subprocess
import sys

import fake_tensorrt
import numpy as np
import onnx
import pytest
from tiny_model import expected_classes
from tiny_model import expected_confidence
from tiny_model import expected_drivable
from tiny_model import write_tiny_model

from road_seg.backends import availability
from road_seg.backends import Backend
from road_seg.backends import BACKENDS
from road_seg.backends import open_backend
from road_seg.backends import Prediction
from road_seg.backends import read_model
from road_seg.backends.tensorrt_engine import FLAVOURS
from road_seg.errors import BackendError

NAMES = [backend.name for backend in BACKENDS]
CPU_NAMES = ['openvino', 'onnxruntime']
# What sys.modules calls the packages that each of them needs one of.
PACKAGES = {'tensorrt': FLAVOURS}


NO_DRIVER = 'no NVIDIA driver'


def _image(height: int = 64, width: int = 96, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture(params=[*CPU_NAMES, pytest.param('tensorrt', marks=pytest.mark.gpu),
                        'tensorrt without a GPU'])
def backend(request: pytest.FixtureRequest, tiny_model_path: Path, tmp_path: Path,
            monkeypatch: pytest.MonkeyPatch) -> Backend:
    """Each backend in turn, not active."""
    name, _, without_gpu = request.param.partition(' ')
    if without_gpu:
        fake_tensorrt.install(monkeypatch, tmp_path / 'cache')
    return open_backend(read_model(tiny_model_path), name, threads=1)


class TestContract:
    """What holds for every backend."""

    def test_answers_every_byte_value_exactly(self, backend: Backend) -> None:
        image = np.zeros((64, 96, 3), np.uint8)
        image[:, :, 0] = np.arange(64 * 96).reshape(64, 96) % 256
        image[:, :, 1] = 255 - image[:, :, 0]
        with backend:
            prediction = backend.infer(image)
        assert prediction.classes[0, [0, 31, 32, 63, 64, 95]].tolist() == [0, 0, 1, 1, 2, 2]
        np.testing.assert_array_equal(prediction.classes, expected_classes(image))
        np.testing.assert_array_equal(prediction.drivable, expected_drivable(image))
        np.testing.assert_array_equal(prediction.confidence, expected_confidence(image))

    def test_outputs_are_bytes_of_network_size(self, backend: Backend) -> None:
        with backend:
            prediction = backend.infer(_image())
        for array in (prediction.classes, prediction.drivable, prediction.confidence):
            assert array.dtype == np.uint8
            assert array.shape == (64, 96)

    @pytest.mark.parametrize(('height', 'width'), [(1, 1), (33, 47), (96, 32)])
    def test_runs_odd_sizes(self, backend: Backend, tmp_path: Path, height: int,
                            width: int) -> None:
        model = read_model(write_tiny_model(tmp_path / 'odd.onnx', height, width))
        image = _image(height, width)
        with open_backend(model, backend.name, threads=1) as odd:
            prediction = odd.infer(image)
        np.testing.assert_array_equal(prediction.classes, expected_classes(image))

    def test_every_image_gets_its_own_answer(self, backend: Backend) -> None:
        images = [_image(seed=seed) for seed in range(4)]
        with backend:
            answers = [backend.infer(image).classes.copy() for image in images]
        for image, answer in zip(images, answers, strict=True):
            np.testing.assert_array_equal(answer, expected_classes(image))

    def test_output_buffers_are_reused(self, backend: Backend) -> None:
        with backend:
            first = backend.infer(_image(seed=1))
            second = backend.infer(_image(seed=2))
        assert first.classes is second.classes

    def test_takes_an_image_that_is_not_contiguous(self, backend: Backend) -> None:
        image = _image()[:, ::-1]
        with backend:
            prediction = backend.infer(image)
        np.testing.assert_array_equal(prediction.classes, expected_classes(image))

    def test_takes_an_image_that_is_read_only(self, backend: Backend) -> None:
        image = np.frombuffer(_image().tobytes(), np.uint8).reshape(64, 96, 3)
        with backend:
            prediction = backend.infer(image)
        np.testing.assert_array_equal(prediction.classes, expected_classes(image))

    def test_leaves_the_image_as_it_is(self, backend: Backend) -> None:
        image = _image()
        before = image.copy()
        with backend:
            backend.infer(image)
        np.testing.assert_array_equal(image, before)

    def test_refuses_to_infer_before_activate(self, backend: Backend) -> None:
        with pytest.raises(BackendError, match='infer before activate'):
            backend.infer(_image())

    def test_refuses_to_infer_after_deactivate(self, backend: Backend) -> None:
        with backend:
            backend.infer(_image())
        with pytest.raises(BackendError, match='infer before activate'):
            backend.infer(_image())

    def test_activates_again(self, backend: Backend) -> None:
        for seed in range(2):
            with backend:
                prediction = backend.infer(_image(seed=seed))
            np.testing.assert_array_equal(prediction.classes, expected_classes(_image(seed=seed)))

    def test_activate_and_deactivate_twice_do_nothing_more(self, backend: Backend) -> None:
        backend.activate()
        backend.activate()
        assert backend.infer(_image()).classes.shape == (64, 96)
        backend.deactivate()
        backend.deactivate()

    @pytest.mark.parametrize('image', [
        np.zeros((64, 95, 3), np.uint8),
        np.zeros((96, 64, 3), np.uint8),
        np.zeros((64, 96), np.uint8),
        np.zeros((1, 64, 96, 3), np.uint8),
        np.zeros((64, 96, 3), np.float32),
        np.zeros((64, 96, 3), np.int8),
    ], ids=lambda image: f'{image.dtype}{image.shape}')
    def test_refuses_an_image_of_another_form(self, backend: Backend,
                                              image: np.ndarray) -> None:
        with backend, pytest.raises(BackendError, match=r'expected uint8 \(64, 96, 3\)'):
            backend.infer(image)

    def test_refuses_a_damaged_graph(self, backend: Backend, tmp_path: Path) -> None:
        path = write_tiny_model(tmp_path / 'damaged.onnx')
        path.write_bytes(path.read_bytes().replace(b'Floor', b'Flour'))
        broken = open_backend(read_model(path), backend.name, threads=1)
        with pytest.raises(BackendError, match=f'backend {backend.name} with .*damaged.onnx'):
            broken.activate()
        with pytest.raises(BackendError, match='infer before activate'):
            broken.infer(_image())

    def test_refuses_a_graph_of_another_size_than_its_metadata(self, backend: Backend,
                                                               tmp_path: Path) -> None:
        path = write_tiny_model(tmp_path / 'size.onnx', 64, 96,
                                input='{"height": 32, "width": 96}')
        with pytest.raises(BackendError, match=r'size\.onnx'):
            open_backend(read_model(path), backend.name, threads=1).activate()

    def test_refuses_a_graph_without_the_outputs(self, backend: Backend,
                                                 tmp_path: Path) -> None:
        path = write_tiny_model(tmp_path / 'outputs.onnx')
        model = onnx.load(path)
        del model.graph.output[2]
        onnx.save(model, path)
        with pytest.raises(BackendError, match='confidence'):
            open_backend(read_model(path), backend.name, threads=1).activate()

    def test_refuses_classes_the_label_map_lacks(self, backend: Backend,
                                                 tmp_path: Path) -> None:
        path = write_tiny_model(tmp_path / 'classes.onnx')
        model = onnx.load(path)
        for node in model.graph.node:
            if node.op_type == 'Min':
                node.op_type = 'Max'
        onnx.save(model, path)
        labels = '{"names": ["a", "b"], "colours": [[0, 0, 0], [1, 1, 1]], "drivable": ["b"]}'
        model = onnx.load(path)
        onnx.helper.set_model_props(model, {
            prop.key: labels if prop.key == 'road_seg.labels' else prop.value
            for prop in model.metadata_props})
        onnx.save(model, path)
        with pytest.raises(BackendError, match='class 4 of 2'):
            open_backend(read_model(path), backend.name, threads=1).activate()

    def test_missing_package_is_a_reason_and_an_error(
            self, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
        for package in PACKAGES.get(backend.name, (backend.package,)):
            monkeypatch.setitem(sys.modules, package, None)
        assert f'pip install {backend.package}' in backend.unavailable()
        with pytest.raises(BackendError, match=f'pip install {backend.package}'):
            backend.activate()


class _Failing(Backend):
    """A backend whose first inference fails."""

    name = 'failing'
    package = 'numpy'
    released = False

    def _activate(self) -> None:
        pass

    def _infer(self, image: np.ndarray) -> Prediction:
        raise RuntimeError('out of\nmemory')

    def _deactivate(self) -> None:
        self.released = True


def test_what_a_failed_activate_took_is_released(tiny_model_path: Path) -> None:
    backend = _Failing(read_model(tiny_model_path))
    with pytest.raises(BackendError, match='found RuntimeError: out of memory; expected'):
        backend.activate()
    assert backend.released


@pytest.mark.usefixtures('no_gpu')
class TestOpenBackend:
    """The choice of a backend, on a machine without a GPU."""

    def test_all_for_cpus_are_available_here(self) -> None:
        assert availability() == [('tensorrt', f'cannot be used: {NO_DRIVER}'),
                                  ('openvino', None), ('onnxruntime', None)]

    def test_auto_takes_a_gpu_where_there_is_one(self, tiny_model_path: Path, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
        fake_tensorrt.install(monkeypatch, tmp_path)
        assert open_backend(read_model(tiny_model_path)).name == 'tensorrt'

    def test_auto_takes_the_fastest(self, tiny_model_path: Path) -> None:
        assert open_backend(read_model(tiny_model_path)).name == 'openvino'

    def test_auto_passes_over_a_missing_one_and_says_so(
            self, tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch,
            caplog: pytest.LogCaptureFixture) -> None:
        monkeypatch.setitem(sys.modules, 'openvino', None)
        with caplog.at_level(logging.INFO):
            backend = open_backend(read_model(tiny_model_path))
        assert backend.name == 'onnxruntime'
        assert caplog.messages == [f'backend onnxruntime chosen (tensorrt cannot be used: '
                                   f'{NO_DRIVER}; openvino not installed: pip install openvino)']

    def test_none_usable_names_every_reason(self, tiny_model_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
        for name in NAMES:
            monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(BackendError, match=r'pip install openvino; .*install onnxruntime'):
            open_backend(read_model(tiny_model_path))

    def test_openvino_reports_nothing_to_its_makers(self) -> None:
        code = ('import road_seg.backends, openvino, openvino.tools.ovc as ovc; '
                'print(ovc.telemetry.__class__.__module__)')
        shown = subprocess.run([sys.executable, '-c', code], check=True, capture_output=True,
                               text=True).stdout
        assert shown.strip() == 'openvino.tools.ovc.telemetry_stub'

    def test_a_broken_package_is_a_reason(self, tmp_path: Path,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / 'openvino.py').write_text('raise OSError("no libopenvino.so")')
        monkeypatch.delitem(sys.modules, 'openvino', raising=False)
        monkeypatch.syspath_prepend(tmp_path)
        assert availability()[1] == ('openvino', 'import failed (no libopenvino.so): '
                                     'reinstall with pip install openvino')

    def test_unknown_name_lists_the_known(self, tiny_model_path: Path) -> None:
        with pytest.raises(BackendError, match='one of auto, tensorrt, openvino, onnxruntime'):
            open_backend(read_model(tiny_model_path), 'cuda')

    def test_backends_agree_on_an_image(self, tiny_model_path: Path) -> None:
        model = read_model(tiny_model_path)
        answers = []
        for name in CPU_NAMES:
            with open_backend(model, name, threads=1) as backend:
                answers.append(backend.infer(_image()).classes.copy())
        np.testing.assert_array_equal(answers[0], answers[1])
