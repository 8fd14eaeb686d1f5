"""The drivable area on the ground plane."""

from dataclasses import replace
import math

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np
import pytest

from road_seg.calibration import CameraInfo
from road_seg.camera import CameraModel
from road_seg.camera import Extrinsics
from road_seg.errors import CalibrationError
from road_seg.errors import ConfigError
from road_seg.grid import GridSpec
from road_seg.grid import GroundProjector
from road_seg.grid import Reason
from road_seg.labels import ROAD_LABELS

# A level camera 1.5 m above base_link: the ground at distance x is 500 * 1.5 / x rows below the
# middle row, and a point y to the left 500 * y / x columns left of the middle column.
CAMERA = CameraModel.from_info(CameraInfo(
    640, 480, 'plumb_bob', (), (500.0, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0), (), ()))
MOUNT = Extrinsics(0.0, 0.0, 1.5)
SPEC = GridSpec(resolution=1.0, x_min=-2.0, x_max=40.0, y_min=-10.0, y_max=10.0)
ROAD, CAR = 1, 3


def _project(mask: np.ndarray, spec: GridSpec = SPEC, camera: CameraModel = CAMERA,
             mount: Extrinsics = MOUNT) -> tuple[np.ndarray, np.ndarray]:
    grid = GroundProjector(spec).project(mask, ROAD_LABELS.is_drivable, camera, mount)
    return grid.values, grid.reasons


def _mask(class_id: int = ROAD) -> np.ndarray:
    return np.full((480, 640), class_id, np.uint8)


class TestGridSpec:
    """The extent of a grid."""

    def test_default_is_40_by_40_metres(self) -> None:
        assert (GridSpec().width, GridSpec().height) == (200, 200)

    def test_width_is_along_x(self) -> None:
        assert (SPEC.width, SPEC.height) == (42, 20)

    def test_cell_centres_follow_the_occupancy_grid_order(self) -> None:
        centres = SPEC.cell_centres()
        assert centres.shape == (42 * 20, 3)
        assert centres[0].tolist() == [-1.5, -9.5, 0.0]
        assert centres[1].tolist() == [-0.5, -9.5, 0.0]
        assert centres[42].tolist() == [-1.5, -8.5, 0.0]
        assert centres[-1].tolist() == [39.5, 9.5, 0.0]

    @pytest.mark.parametrize('changes', [
        {'resolution': 0.0}, {'resolution': -0.2}, {'resolution': math.nan},
        {'resolution': 0.3}, {'resolution': 100.0}, {'resolution': 0.001},
        {'x_max': 0.0}, {'x_min': 50.0}, {'y_min': 20.0}, {'y_max': math.inf}, {'x_max': 40.1},
        {'resolution': 1e-300}])
    def test_refuses(self, changes: dict[str, float]) -> None:
        with pytest.raises(ConfigError, match='grid: found resolution'):
            replace(GridSpec(), **changes)

    @given(resolution=st.sampled_from([0.05, 0.1, 0.15, 0.2, 0.25, 0.5]),
           cells=st.tuples(st.integers(1, 400), st.integers(1, 400)), start=st.integers(-50, 50))
    def test_takes_every_whole_number_of_cells(self, resolution: float, cells: tuple[int, int],
                                               start: int) -> None:
        x_min = start * resolution
        spec = GridSpec(resolution, x_min, x_min + cells[0] * resolution, -5.0,
                        -5.0 + cells[1] * resolution)
        assert (spec.width, spec.height) == cells


class TestGeometry:
    """Cells see the pixels that hand computation gives."""

    def test_form(self) -> None:
        values, reasons = _project(_mask())
        assert values.shape == reasons.shape == (20, 42)
        assert values.dtype == np.int8
        assert reasons.dtype == np.uint8
        assert values.flags.c_contiguous
        assert reasons.flags.c_contiguous

    def test_one_cell_ten_metres_ahead(self) -> None:
        # The centre of the cell x 9..10, y 0..1: row 240 + 750 / 9.5, column 320 - 250 / 9.5.
        mask = _mask(CAR)
        mask[319, 294] = ROAD
        values, reasons = _project(mask)
        assert np.argwhere(values == 0).tolist() == [[10, 11]]
        assert np.argwhere(reasons == Reason.DRIVABLE).tolist() == [[10, 11]]

    def test_row_of_ten_metres(self) -> None:
        spec = GridSpec(resolution=0.2, x_min=9.9, x_max=10.1, y_min=-0.1, y_max=0.1)
        mask = _mask(CAR)
        mask[315, 320] = ROAD
        assert _project(mask, spec)[0].tolist() == [[0]]

    def test_left_of_the_image_is_positive_y(self) -> None:
        mask = _mask(CAR)
        mask[:, :320] = ROAD
        values, reasons = _project(mask)
        seen = reasons != Reason.OUT_OF_VIEW
        assert (values[10:][seen[10:]] == 0).all()
        assert (values[:10][seen[:10]] == 100).all()
        assert seen[:10].any()
        assert seen[10:].any()

    def test_only_cells_in_the_field_of_view_are_seen(self) -> None:
        # Half the width is 320 of 500 pixels, half the height 240: seen from x = 1.5 / 0.48.
        values, reasons = _project(_mask())
        for x in range(42):
            for y in range(20):
                ahead, left = x - 1.5, y - 9.5
                seen = (ahead > 0 and 240 + 500 * 1.5 / ahead < 479.5
                        and -0.5 <= 320 - 500 * left / ahead < 639.5)
                expected = (0, Reason.DRIVABLE) if seen else (-1, Reason.OUT_OF_VIEW)
                assert (values[y, x], reasons[y, x]) == expected

    def test_camera_that_looks_up_sees_no_ground(self) -> None:
        values, reasons = _project(_mask(), mount=Extrinsics(0, 0, 1.5, pitch=math.radians(-45)))
        assert (values == -1).all()
        assert (reasons == Reason.OUT_OF_VIEW).all()

    def test_camera_under_the_ground_sees_it_from_below(self) -> None:
        assert (_project(_mask(), mount=Extrinsics(0, 0, -1.5))[1] == 0).any()

    @settings(max_examples=30, deadline=None)
    @given(height=st.floats(0.3, 3.0), pitch=st.floats(-0.2, 0.6), yaw=st.floats(-0.5, 0.5),
           seed=st.integers(0, 99))
    def test_agrees_with_one_cell_at_a_time(self, height: float, pitch: float, yaw: float,
                                            seed: int) -> None:
        mount = Extrinsics(0.4, -0.2, height, 0.0, pitch, yaw)
        mask = np.random.default_rng(seed).integers(0, 5, (480, 640), np.uint8)
        values, _ = _project(mask, mount=mount)
        for x, y in ((5, 10), (12, 3), (20, 16), (41, 0)):
            pixels, valid = CAMERA.project(mount.to_optical(np.array([[x - 1.5, y - 9.5, 0.0]])))
            column, row = np.floor(pixels[0] + 0.5) if valid[0] else (0, 0)
            expected = (0 if mask[int(row), int(column)] == ROAD else 100) if valid[0] else -1
            assert values[y, x] == expected


class TestValues:
    """Classes become values and reasons."""

    @pytest.mark.parametrize(('class_id', 'value', 'reason'), [
        (0, 100, Reason.BLOCKED), (1, 0, Reason.DRIVABLE), (2, 100, Reason.BLOCKED),
        (3, 100, Reason.BLOCKED), (4, 100, Reason.BLOCKED), (255, -1, Reason.LOW_CONFIDENCE)])
    def test_class(self, class_id: int, value: int, reason: Reason) -> None:
        values, reasons = _project(_mask(class_id))
        assert (values[10, 20], reasons[10, 20]) == (value, reason)
        assert (values[10, 0], reasons[10, 0]) == (-1, Reason.OUT_OF_VIEW)

    def test_reason_codes(self) -> None:
        assert [(reason.name, reason.value) for reason in Reason] == [
            ('DRIVABLE', 0), ('BLOCKED', 1), ('OUT_OF_VIEW', 2), ('OCCLUDED', 3),
            ('LOW_CONFIDENCE', 4), ('TOO_FAR', 5), ('STALE', 6)]


class TestTable:
    """The look-up table follows the geometry."""

    def test_geometry_may_change_between_frames(self) -> None:
        projector = GroundProjector(SPEC)
        mask = np.random.default_rng(0).integers(0, 5, (480, 640), np.uint8)
        for camera, mount in ((CAMERA, MOUNT), (CAMERA, replace(MOUNT, pitch=0.1)),
                              (replace(CAMERA, fx=400.0), replace(MOUNT, pitch=0.1)),
                              (CAMERA, MOUNT)):
            grid = projector.project(mask, ROAD_LABELS.is_drivable, camera, mount)
            values, reasons = _project(mask, camera=camera, mount=mount)
            np.testing.assert_array_equal(grid.values, values)
            np.testing.assert_array_equal(grid.reasons, reasons)

    def test_table_is_built_once_for_equal_geometry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        projector = GroundProjector(SPEC)
        first = projector.project(_mask(), ROAD_LABELS.is_drivable, CAMERA, MOUNT)
        monkeypatch.setattr(CameraModel, 'project', None)
        second = projector.project(_mask(CAR), ROAD_LABELS.is_drivable, replace(CAMERA),
                                   replace(MOUNT))
        np.testing.assert_array_equal(first.values == 0, second.values == 100)

    def test_grids_of_successive_frames_are_independent(self) -> None:
        projector = GroundProjector(SPEC)
        first = projector.project(_mask(), ROAD_LABELS.is_drivable, CAMERA, MOUNT)
        before = first.values.copy()
        projector.project(_mask(CAR), ROAD_LABELS.is_drivable, CAMERA, MOUNT)
        np.testing.assert_array_equal(first.values, before)

    def test_refuses_a_mask_of_another_size(self) -> None:
        with pytest.raises(CalibrationError, match=r'found 640 x 480; expected .* 320 x 240'):
            _project(np.zeros((240, 320), np.uint8))
