"""From frame to mask and grid."""

from pathlib import Path
import tracemalloc

import cv2
import numpy as np
import pytest
from tiny_model import expected_classes
from tiny_model import expected_confidence
from tiny_model import expected_drivable
from tiny_model import write_tiny_model

from road_seg.backends import Backend
from road_seg.backends import open_backend
from road_seg.backends import read_model
from road_seg.calibration import CameraInfo
from road_seg.camera import CameraModel
from road_seg.camera import Extrinsics
from road_seg.errors import BackendError
from road_seg.errors import CalibrationError
from road_seg.errors import ConfigError
from road_seg.errors import InputError
from road_seg.grid import GridRules
from road_seg.grid import GridSpec
from road_seg.grid import Reason
from road_seg.ground import GroundProjector
from road_seg.pipeline import Segmenter
from road_seg.pipeline import STAGES

SPEC = GridSpec(resolution=0.5, x_min=0.0, x_max=20.0, y_min=-5.0, y_max=5.0)
MOUNT = Extrinsics(0.0, 0.0, 1.5)


def _frame(height: int, width: int) -> np.ndarray:
    """Return a frame whose lower half is road (red 40) and upper half background."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[height // 2:, :, 0] = 40
    rgb[..., 1] = 230  # confidence
    return rgb


def _camera(height: int, width: int) -> CameraModel:
    return CameraModel.from_info(CameraInfo.nominal(width, height, 70.0))


class TestMask:
    """The mask at the frame's size."""

    @pytest.mark.parametrize('size', [(64, 96), (128, 192), (360, 480), (33, 47), (32, 200),
                                      (1, 1)])
    def test_has_the_size_of_the_frame(self, tiny_backend: Backend, size: tuple[int, int]) -> None:
        result = Segmenter(tiny_backend, None).process(_frame(*size), 5)
        assert result.stamp_ns == 5
        assert result.mask.shape == size
        assert result.mask.dtype == np.uint8
        assert result.confidence is None
        assert result.grid is None

    def test_equals_the_network_at_network_size(self, tiny_backend: Backend) -> None:
        rgb = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
        result = Segmenter(tiny_backend, None).process(rgb, 0, with_confidence=True)
        np.testing.assert_array_equal(result.mask, expected_classes(rgb))
        np.testing.assert_array_equal(result.confidence, expected_confidence(rgb))

    @pytest.mark.parametrize('factor', [2, 4])
    def test_every_pixel_repeats_the_nearest_of_the_network(self, tiny_backend: Backend,
                                                            factor: int) -> None:
        small = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
        rgb = small.repeat(factor, axis=0).repeat(factor, axis=1)
        result = Segmenter(tiny_backend, None).process(rgb, 0)
        np.testing.assert_array_equal(result.mask, expected_classes(rgb))

    def test_upper_and_lower_half(self, tiny_backend: Backend) -> None:
        mask = Segmenter(tiny_backend, None).process(_frame(720, 1280), 0).mask
        assert (mask[:354] == 0).all()
        assert (mask[366:] == 1).all()

    def test_shrinking_averages(self, tiny_backend: Backend) -> None:
        rgb = np.zeros((257, 387, 3), np.uint8)
        rgb[::4, :, 0] = 200  # a quarter of the rows: 50 on average, class 1
        mask = Segmenter(tiny_backend, None).process(rgb, 0).mask
        assert (mask == 1).all()

    def test_ids_are_never_interpolated(self, tiny_backend: Backend) -> None:
        rgb = np.zeros((97, 131, 3), np.uint8)
        rgb[:, 65:, 0] = 255
        network_red = cv2.resize(rgb, (96, 64), interpolation=cv2.INTER_LINEAR)[..., 0]
        result = Segmenter(tiny_backend, None).process(rgb, 0)
        assert set(np.unique(result.mask)) <= set(np.minimum(np.unique(network_red) // 32, 4))

    def test_takes_a_view_with_padded_rows(self, tiny_backend: Backend) -> None:
        padded = np.zeros((128, 200, 3), np.uint8)
        padded[:, :192] = _frame(128, 192)
        segmenter = Segmenter(tiny_backend, None)
        expected = segmenter.process(_frame(128, 192), 0).mask.copy()
        np.testing.assert_array_equal(segmenter.process(padded[:, :192], 0).mask, expected)


class TestGrid:
    """The grid comes from the mask, the calibration and the mounting."""

    def test_agrees_with_the_projector(self, tiny_backend: Backend) -> None:
        camera = _camera(240, 320)
        result = Segmenter(tiny_backend, SPEC).process(_frame(240, 320), 0, camera, MOUNT)
        small = cv2.resize(_frame(240, 320)[::2, ::2], (96, 64))
        expected = GroundProjector(SPEC).project(
            expected_drivable(small), np.full((64, 96), 230, np.uint8), camera.resized(96, 64),
            MOUNT)
        np.testing.assert_array_equal(result.grid.values, expected.values)
        assert set(np.unique(result.grid.values)) == {-1, 0}
        assert set(np.unique(result.grid.reasons)) == {
            Reason.DRIVABLE, Reason.OUT_OF_VIEW, Reason.TOO_FAR}

    def test_rules_are_kept(self, tiny_backend: Backend) -> None:
        rgb, camera = _frame(240, 320), _camera(240, 320)
        strict = GridRules(confidence_threshold=0.95)
        grid = Segmenter(tiny_backend, SPEC, strict).process(rgb, 0, camera, MOUNT).grid
        assert set(np.unique(grid.reasons)) == {
            Reason.LOW_CONFIDENCE, Reason.OUT_OF_VIEW, Reason.TOO_FAR}

    def test_other_drivable_classes(self, tiny_backend: Backend) -> None:
        segmenter = Segmenter(tiny_backend, SPEC, GridRules(encoding='probability'))
        road, sidewalk = 40, 70  # red

        def known(red: int) -> list[int]:
            rgb = _frame(240, 320)
            rgb[120:, :, 0] = red
            result = segmenter.process(rgb, 0, _camera(240, 320), MOUNT)
            assert result.prediction.drivable.max() == (255 if red == road else 0)
            return sorted(set(result.grid.values[result.grid.values >= 0].tolist()))

        assert (known(road), known(sidewalk)) == ([0], [100])
        segmenter.set_drivable(('sidewalk',))
        assert (known(road), known(sidewalk)) == ([100], [10])  # a confidence of 230 of 255
        segmenter.set_drivable(('sidewalk', 'road'))
        assert (known(road), known(sidewalk)) == ([10], [10])
        for own in (('road',), ()):
            segmenter.set_drivable(own)
            assert (known(road), known(sidewalk)) == ([0], [100])
        with pytest.raises(ConfigError, match="found 'lawn'; expected names among background"):
            segmenter.set_drivable(('lawn',))

    @pytest.mark.parametrize(('limit_s', 'age_ns', 'is_stale'), [
        (0.5, 500_000_000, False), (0.5, 500_000_001, True),
        (0.5, -100_000_000, False), (0.5, -100_000_001, True),
        (0.0, 10**12, False), (0.0, -10**12, False)])
    def test_frame_of_another_time_gives_an_unknown_grid(
            self, tiny_backend: Backend, limit_s: float, age_ns: int, is_stale: bool) -> None:
        segmenter = Segmenter(tiny_backend, SPEC, GridRules(max_age_s=limit_s))
        result = segmenter.process(_frame(240, 320), 0, _camera(240, 320), MOUNT, age_ns=age_ns)
        assert (result.grid.reasons == Reason.STALE).all() == is_stale
        assert (result.grid.values == 0).any() != is_stale
        assert result.mask[-1, -1] == 1

    @pytest.mark.parametrize(('spec', 'camera', 'mount'), [
        (SPEC, None, MOUNT), (SPEC, _camera(240, 320), None), (SPEC, None, None),
        (None, _camera(240, 320), MOUNT)])
    def test_none_rather_than_a_guess(self, tiny_backend: Backend, spec: GridSpec | None,
                                      camera: CameraModel | None,
                                      mount: Extrinsics | None) -> None:
        assert Segmenter(tiny_backend, spec).process(_frame(240, 320), 0, camera,
                                                     mount).grid is None

    def test_refuses_a_camera_of_another_size(self, tiny_backend: Backend) -> None:
        with pytest.raises(CalibrationError, match='640 x 480'):
            Segmenter(tiny_backend, SPEC).process(_frame(240, 320), 0, _camera(480, 640), MOUNT)


class TestProcess:
    """One call after the other."""

    def test_stages(self, tiny_backend: Backend) -> None:
        result = Segmenter(tiny_backend, SPEC).process(_frame(240, 320), 0, _camera(240, 320),
                                                       MOUNT)
        assert tuple(result.stages_ns) == STAGES == ('preprocess', 'network', 'postprocess',
                                                     'grid')
        assert all(isinstance(value, int) and value >= 0 for value in result.stages_ns.values())
        assert result.stages_ns['network'] > 0

    def test_buffers_are_kept(self, tiny_backend: Backend) -> None:
        segmenter = Segmenter(tiny_backend, None)
        first = segmenter.process(_frame(240, 320), 0, with_confidence=True)
        second = segmenter.process(_frame(240, 320), 1, with_confidence=True)
        assert first.mask is second.mask
        assert first.confidence is second.confidence

    def test_no_image_sized_allocation_per_frame(self, tiny_backend: Backend) -> None:
        # Few cells: what belongs to the grid is allocated afresh.
        segmenter = Segmenter(tiny_backend, GridSpec(1.0, 0.0, 20.0, -5.0, 5.0))
        rgb, camera = _frame(1080, 1920), _camera(1080, 1920)
        segmenter.process(rgb, 0, camera, MOUNT, with_confidence=True)
        tracemalloc.start()
        try:
            for stamp in range(3):
                segmenter.process(rgb, stamp, camera, MOUNT, with_confidence=True)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 64 * 96 * 3  # less than the smallest image, the network's input

    def test_size_of_the_frame_may_change(self, tiny_backend: Backend) -> None:
        segmenter = Segmenter(tiny_backend, SPEC)
        for size in ((240, 320), (480, 640), (64, 96), (240, 320)):
            result = segmenter.process(_frame(*size), 0, _camera(*size), MOUNT,
                                       with_confidence=True)
            assert result.mask.shape == result.confidence.shape == size
            assert result.mask[-1, -1] == 1
            assert result.confidence[-1, -1] == 230
            assert result.grid.values[10, 20] == 0

    @pytest.mark.parametrize('rgb', [
        np.zeros((64, 96), np.uint8), np.zeros((64, 96, 4), np.uint8),
        np.zeros((64, 96, 3), np.float32), np.zeros((0, 96, 3), np.uint8)])
    def test_refuses_a_frame_of_another_form(self, tiny_backend: Backend,
                                             rgb: np.ndarray) -> None:
        with pytest.raises(InputError, match='frame: found'):
            Segmenter(tiny_backend, None).process(rgb, 0)

    def test_inactive_backend_is_an_error(self, tiny_model_path: Path) -> None:
        segmenter = Segmenter(open_backend(read_model(tiny_model_path), 'onnxruntime'), None)
        with pytest.raises(BackendError, match='infer before activate'):
            segmenter.process(_frame(64, 96), 0)

    def test_labels_are_the_model_file_s(self, tmp_path: Path) -> None:
        labels = ('{"names": ["grass", "path", "x", "y", "z"], "colours": [[0, 0, 0], [1, 1, 1], '
                  '[2, 2, 2], [3, 3, 3], [4, 4, 4]], "drivable": ["grass"]}')
        model = read_model(write_tiny_model(tmp_path / 'other.onnx', labels=labels))
        with open_backend(model, 'onnxruntime', threads=1) as backend:
            assert Segmenter(backend, SPEC).labels.names[:2] == ('grass', 'path')
