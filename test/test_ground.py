"""From maps of pixels to what is known of the ground."""

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
from road_seg.grid import DrivableGrid
from road_seg.grid import GridRules
from road_seg.grid import GridSpec
from road_seg.grid import Reason
from road_seg.ground import class_evidence
from road_seg.ground import GroundProjector
from road_seg.ground import mask_evidence
from road_seg.labels import ROAD_LABELS

# A level camera 1.5 m above base_link: the ground at distance x is 500 * 1.5 / x rows below the
# middle row, and a point y to the left 500 * y / x columns left of the middle column.
CAMERA = CameraModel.from_info(CameraInfo(
    640, 480, 'plumb_bob', (), (500.0, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0), (), ()))
MOUNT = Extrinsics(0.0, 0.0, 1.5)
SPEC = GridSpec(resolution=0.2, x_min=0.0, x_max=30.0, y_min=-10.0, y_max=10.0)
# Nothing is too far: the tests of that rule say so.
RULES = GridRules(pitch_uncertainty_deg=0.0, max_ground_error=1000.0)
ROAD, CAR = 1, 3


def _project(mask: np.ndarray, rules: GridRules = RULES, spec: GridSpec = SPEC,
             camera: CameraModel = CAMERA, mount: Extrinsics = MOUNT) -> DrivableGrid:
    return GroundProjector(spec, rules).project(
        *mask_evidence(mask, ROAD_LABELS.is_drivable), camera, mount)


def _mask(class_id: int = ROAD) -> np.ndarray:
    return np.full((480, 640), class_id, np.uint8)


def _cell(x: float, y: float) -> tuple[int, int]:
    """Return (row, column) of the cell of SPEC around a point."""
    return math.floor((y + 10.0) / 0.2), math.floor(x / 0.2)


def _painted(discs: list[tuple[float, float, float]], camera: CameraModel = CAMERA,
             mount: Extrinsics = MOUNT) -> np.ndarray:
    """Return the mask of a flat road with discs (x, y, radius) of car painted on it."""
    columns, rows = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    right, down = (columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy
    cos, sin = math.cos(mount.pitch), math.sin(mount.pitch)
    drop = down * cos + sin
    reach = np.where(drop > 1e-6, mount.z / np.maximum(drop, 1e-6), np.nan)
    x, y = mount.x + reach * (cos - down * sin), mount.y - right * reach
    mask = np.where(np.isnan(reach), 0, ROAD).astype(np.uint8)
    for disc_x, disc_y, radius in discs:
        mask[np.hypot(x - disc_x, y - disc_y) < radius] = CAR
    return mask


class TestGeometry:
    """Cells see the pixels that hand computation gives."""

    def test_form(self) -> None:
        grid = _project(_mask())
        assert grid.spec == SPEC
        assert grid.values.shape == grid.reasons.shape == (100, 150)
        assert (grid.values.dtype, grid.reasons.dtype) == (np.int8, np.uint8)
        assert grid.values.flags.c_contiguous
        assert grid.reasons.flags.c_contiguous

    def test_every_cell_whose_centre_is_in_the_image_is_free_on_a_free_road(self) -> None:
        grid = _project(_mask())
        for y in range(100):
            for x in range(150):
                ahead, left = (x + 0.5) * 0.2, (y - 49.5) * 0.2
                seen = (240 + 500 * 1.5 / ahead < 479.5
                        and -0.5 <= 320 - 500 * left / ahead < 639.5)
                expected = (0, Reason.DRIVABLE) if seen else (-1, Reason.OUT_OF_VIEW)
                assert (grid.values[y, x], grid.reasons[y, x]) == expected

    def test_left_of_the_image_is_positive_y(self) -> None:
        mask = _mask(CAR)
        mask[:, :320] = ROAD
        values = _project(mask).values
        assert values[_cell(10.0, 3.0)] == 0
        assert values[_cell(10.0, -3.0)] != 0

    def test_nothing_is_seen_of_ground_above_the_horizon_or_from_below(self) -> None:
        for mount in (Extrinsics(0, 0, 1.5, pitch=math.radians(-45)), Extrinsics(0, 0, -1.5),
                      Extrinsics(0, 0, 0.0), Extrinsics(0, 0, 1.5, yaw=math.pi)):
            grid = _project(_mask(), mount=mount)
            assert (grid.values == -1).all()
            assert (grid.reasons == Reason.OUT_OF_VIEW).all()

    def test_bonnet_hides_the_ground_under_it(self) -> None:
        mask = _mask()
        mask[400:] = CAR  # the bonnet; its upper edge is ground 500 * 1.5 / 160 = 4.69 m away
        grid = _project(mask, replace(RULES, bonnet_top=400 / 480))
        assert grid.reasons[_cell(4.5, 0.1)] == Reason.OUT_OF_VIEW
        assert grid.reasons[_cell(4.9, 0.1)] == Reason.DRIVABLE
        assert grid.reasons[_cell(20.1, 0.1)] == Reason.DRIVABLE
        assert _project(mask).reasons[_cell(20.1, 0.1)] == Reason.OCCLUDED

    def test_ground_under_the_vehicle_is_out_of_view(self) -> None:
        grid = _project(_mask(), replace(RULES, ego_x_min=-1.0, ego_x_max=5.0, ego_y_min=-1.0,
                                         ego_y_max=1.0))
        assert grid.reasons[_cell(4.9, 0.9)] == Reason.OUT_OF_VIEW
        assert grid.reasons[_cell(5.1, 0.9)] == Reason.DRIVABLE
        assert grid.reasons[_cell(4.9, 1.1)] == Reason.DRIVABLE


class TestFootprint:
    """A cell takes the mean over its footprint."""

    # The cell x 5.0..5.2, y 0.0..0.2 covers rows 240 + 750 / 5.2 = 384.2 to 390 and columns
    # 320 - 100 / 5 = 300 to 320: its box is rows 385..389, columns 300..319.
    SPEC = GridSpec(resolution=0.2, x_min=5.0, x_max=5.2, y_min=0.0, y_max=0.2)
    BOX = (slice(385, 390), slice(300, 320))

    def test_mean_counts_only_the_pixels_of_the_cell(self) -> None:
        confidence = np.full((480, 640), 255, np.uint8)
        rules = replace(RULES, encoding='probability')
        projector = GroundProjector(self.SPEC, rules)
        for share, expected in ((1.0, 0), (0.8, 20), (0.6, 40)):
            drivable = np.full((480, 640), 255, np.uint8)
            drivable[self.BOX] = round(share * 255)
            grid = projector.project(drivable, confidence, CAMERA, MOUNT)
            assert grid.values.tolist() == [[expected]]

    def test_low_confidence_is_unknown(self) -> None:
        projector = GroundProjector(self.SPEC, replace(RULES, confidence_threshold=0.6))
        for level, expected in ((153, Reason.DRIVABLE), (152, Reason.LOW_CONFIDENCE)):
            grid = projector.project(np.full((480, 640), 255, np.uint8),
                                     np.full((480, 640), level, np.uint8), CAMERA, MOUNT)
            assert grid.reasons.tolist() == [[expected]]
            assert grid.values.tolist() == [[0 if expected == Reason.DRIVABLE else -1]]

    def test_cell_smaller_than_a_pixel_takes_its_pixel(self) -> None:
        spec = GridSpec(resolution=0.2, x_min=29.8, x_max=30.0, y_min=-0.1, y_max=0.1)
        drivable = np.zeros((480, 640), np.uint8)
        drivable[265, :] = 255  # 240 + 750 / 29.9 = 265.08
        grid = GroundProjector(spec, RULES).project(
            drivable, np.full((480, 640), 255, np.uint8), CAMERA, MOUNT)
        assert grid.reasons.tolist() == [[Reason.OCCLUDED]]  # nearer ground is not drivable
        drivable[265:] = 255
        grid = GroundProjector(spec, RULES).project(
            drivable, np.full((480, 640), 255, np.uint8), CAMERA, MOUNT)
        assert grid.reasons.tolist() == [[Reason.DRIVABLE]]

    def test_unlabelled_pixels_give_unknown_cells(self) -> None:
        grid = _project(_mask(255))
        assert set(np.unique(grid.reasons)) == {Reason.LOW_CONFIDENCE, Reason.OUT_OF_VIEW,
                                                Reason.OCCLUDED}
        assert (grid.values == -1).all()


class TestOcclusion:
    """An obstacle is blocked at its nearest surface and hides what is behind."""

    def test_wall_across_the_road(self) -> None:
        mask = _mask()
        mask[:315] = CAR  # the foot of a wall 500 * 1.5 / 75 = 10 m away (rows 315 and on: road)
        grid = _project(mask)
        for y in (-4.1, -1.1, 0.1, 2.1, 4.1):
            ahead = np.arange(0.1, 30.0, 0.2)
            distance = np.hypot(ahead, y)
            foot = distance / ahead * 10.0
            row = grid.reasons[_cell(0.1, y)[0]]
            seen = row != Reason.OUT_OF_VIEW
            near, hidden = distance < foot - 0.2, distance > foot + 0.8
            assert (row[seen & near] == Reason.DRIVABLE).all()
            assert (row[seen & hidden] == Reason.OCCLUDED).all()
            wall = (distance > foot + 0.15) & (distance < foot + 0.45)
            assert (row[wall] == Reason.BLOCKED).all()
            assert wall.any()

    def test_thin_post_hides_what_is_behind_it(self) -> None:
        mask = _mask()
        mask[100:315, 320:322] = CAR  # two pixels of 25 in a cell 10 m away
        grid = _project(mask)
        assert grid.reasons[_cell(9.7, 0.0)[0], 48] == Reason.DRIVABLE
        for distance in (11.1, 15.1, 20.1, 29.1):
            row, column = _cell(distance, -0.01)
            assert grid.reasons[row, column] == Reason.OCCLUDED
            assert grid.reasons[row - 3, column] == Reason.DRIVABLE

    def test_obstacle_nearer_than_the_grid_hides_the_grid(self) -> None:
        spec = GridSpec(resolution=0.2, x_min=10.0, x_max=20.0, y_min=-0.4, y_max=0.4)
        mask = _mask()
        mask[:390] = CAR  # 5 m away
        assert (_project(mask, spec=spec).reasons == Reason.OCCLUDED).all()

    def test_all_blocked_is_blocked_at_the_nearest_ground(self) -> None:
        grid = _project(_mask(CAR))
        # Row 479 shows ground 750 / 239 = 3.14 m away.
        assert grid.reasons[_cell(3.3, 0.1)] == Reason.BLOCKED
        assert grid.reasons[_cell(4.1, 0.1)] == Reason.OCCLUDED
        assert not (grid.values == 0).any()

    @settings(max_examples=40, deadline=None)
    @given(discs=st.lists(st.tuples(st.floats(11.0, 25.0), st.floats(-5.0, 5.0),
                                    st.floats(0.3, 3.0)), max_size=4),
           height=st.floats(1.2, 3.0), pitch=st.floats(-0.03, 0.2))
    def test_agrees_with_walking_outwards_cell_by_cell(self, discs: list, height: float,
                                                       pitch: float) -> None:
        mount = Extrinsics(0.3, -0.2, height, pitch=pitch)
        grid = _project(_painted(discs, mount=mount), mount=mount)
        expected = _walked(discs, mount)
        judged = (grid.reasons != Reason.OUT_OF_VIEW) & (expected >= 0)
        assert not ((grid.values == 0) & (expected > 0) & judged).any()
        assert (grid.values[judged & (expected == 0)] == 0).mean() > 0.97 if (
            judged & (expected == 0)).any() else True


def _walked(discs: list[tuple[float, float, float]], mount: Extrinsics) -> np.ndarray:
    """Return 0 free, 1 blocked or hidden, -1 too near a border to judge, by cell of SPEC."""
    centres = SPEC.cell_centres()[:, :2] - (mount.x, mount.y)
    ranges = np.hypot(*centres.T)
    nearest = np.full((3, len(centres)), np.inf)
    # A pixel's height on the ground at 30 m, and a cell and a half sideways.
    for index, (grow, turn) in enumerate(((0.0, 0.0), (0.35, 0.0), (-0.35, 0.0))):
        bearing = np.arctan2(centres[:, 1], centres[:, 0]) + turn
        ahead = np.stack((np.cos(bearing), np.sin(bearing)), axis=1)
        for x, y, radius in discs:
            middle = np.array([x - mount.x, y - mount.y])
            along, size = ahead @ middle, max(0.0, radius + grow)
            inside = size**2 - (middle @ middle - along**2)
            hit = (inside > 0.0) & (along > 0.0)
            nearest[index, hit] = np.minimum(nearest[index, hit],
                                             along[hit] - np.sqrt(inside[hit]))
    error = 0.3 + ranges**2 / (mount.z * 500.0)
    hidden = ranges > nearest[2] + error
    free = ranges < nearest[1] - error
    result = np.where(hidden, 1, np.where(free, 0, -1))
    return result.reshape(SPEC.height, SPEC.width)


class TestTooFar:
    """Ground that an error of the ray moves too far is unknown."""

    def test_limit_is_where_hand_computation_puts_it(self) -> None:
        # Half a pixel is 1 / 1000 rad. At 20 m the depression is atan(1.5 / 20) = 0.07486: the
        # flatter ray of 0.07386 meets the ground at 1.5 / tan(0.07386) = 20.272 m.
        rules = replace(RULES, max_ground_error=0.2725)
        row = _project(_mask(), rules).reasons[50]
        assert row[99] == Reason.DRIVABLE    # 19.9 m
        assert row[101] == Reason.TOO_FAR   # 20.3 m

    def test_pitch_uncertainty_comes_nearer(self) -> None:
        # One degree more: at 10 m atan(0.15) = 0.14889 less 0.01845 is 0.13044: 11.434 m.
        rules = replace(RULES, pitch_uncertainty_deg=1.0, max_ground_error=1.434)
        row = _project(_mask(), rules).reasons[50]
        assert row[48] == Reason.DRIVABLE    # 9.7 m
        assert row[51] == Reason.TOO_FAR    # 10.3 m

    def test_ray_that_may_miss_the_ground_is_too_far(self) -> None:
        row = _project(_mask(), replace(RULES, pitch_uncertainty_deg=4.0)).reasons[50]
        assert row[90] == Reason.DRIVABLE
        assert row[120] == Reason.TOO_FAR  # atan(1.5 / 24.1) = 3.6 degrees
        assert (_project(_mask(), replace(RULES, pitch_uncertainty_deg=4.0)).values[50, 120:]
                == -1).all()


    @pytest.mark.parametrize(('focal_length', 'height', 'reach'), [
        (0.3, 1.5, 0.9), (0.1, 1.5, 0.3), (5e-324, 1.5, 0.0), (500.0, 1e5, 0.0),
        (500.0, 1.7e308, 0.0)])
    def test_absurd_cameras_tell_little_ground_or_none(self, focal_length: float, height: float,
                                                       reach: float) -> None:
        """
        Half a pixel must not lead to the sky, nor to ground far off.

        Of a focal length of 0.3 it is the slope 0.5 / 0.3: 1.5 / 0.9; from 1e5 m above, 100 m.
        """
        camera = replace(CAMERA, fx=focal_length, fy=focal_length)
        mount = replace(MOUNT, z=height, pitch=0.0 if height < 2.0 else math.pi / 2.0)
        grid = _project(_mask(), GridRules(), camera=camera, mount=mount)
        rows, columns = np.nonzero(grid.values != -1)
        ranges = np.hypot((columns + 0.5) * 0.2, (rows + 0.5) * 0.2 - 10.0)
        assert ranges.max(initial=0.0) <= reach


class TestEncoding:
    """Values of both encodings."""

    @pytest.mark.parametrize(('class_id', 'value', 'reason'), [
        (0, 100, Reason.BLOCKED), (1, 0, Reason.DRIVABLE), (2, 100, Reason.BLOCKED),
        (3, 100, Reason.BLOCKED), (4, 100, Reason.BLOCKED), (255, -1, Reason.LOW_CONFIDENCE)])
    @pytest.mark.parametrize('encoding', ['trinary', 'probability'])
    def test_class(self, class_id: int, value: int, reason: Reason, encoding: str) -> None:
        grid = _project(_mask(class_id), replace(RULES, encoding=encoding))
        assert (grid.values[50, 16], grid.reasons[50, 16]) == (value, reason)
        assert (grid.values[0, 16], grid.reasons[0, 16]) == (-1, Reason.OUT_OF_VIEW)

    @settings(max_examples=25, deadline=None)
    @given(seed=st.integers(0, 999), encoding=st.sampled_from(['trinary', 'probability']))
    def test_values_follow_the_reasons(self, seed: int, encoding: str) -> None:
        generator = np.random.default_rng(seed)
        maps = [np.kron(generator.integers(0, 256, (30, 40)), np.ones((16, 16))).astype(np.uint8)
                for _ in range(2)]
        rules = GridRules(encoding=encoding, pitch_uncertainty_deg=0.1)
        grid = GroundProjector(SPEC, rules).project(*maps, CAMERA, MOUNT)
        free, blocked = grid.reasons == Reason.DRIVABLE, grid.reasons == Reason.BLOCKED
        assert (grid.values[~free & ~blocked] == -1).all()
        if encoding == 'trinary':
            assert (grid.values[free] == 0).all()
            assert (grid.values[blocked] == 100).all()
        else:
            assert ((grid.values[free] >= 0) & (grid.values[free] <= 50)).all()
            assert ((grid.values[blocked] >= 50) & (grid.values[blocked] <= 100)).all()


class TestTable:
    """The look-up table follows the geometry."""

    def test_geometry_may_change_between_frames(self) -> None:
        projector = GroundProjector(SPEC, RULES)
        mask = _painted([(12.0, 1.0, 1.0)])
        evidence = mask_evidence(mask, ROAD_LABELS.is_drivable)
        for camera, mount in ((CAMERA, MOUNT), (CAMERA, replace(MOUNT, pitch=0.1)),
                              (replace(CAMERA, fx=400.0), replace(MOUNT, pitch=0.1)),
                              (CAMERA, MOUNT)):
            grid = projector.project(*evidence, camera, mount)
            expected = _project(mask, camera=camera, mount=mount)
            np.testing.assert_array_equal(grid.values, expected.values)
            np.testing.assert_array_equal(grid.reasons, expected.reasons)

    @pytest.mark.parametrize(('mount', 'is_kept'), [
        (replace(MOUNT), True), (replace(MOUNT, pitch=math.radians(0.015)), True),
        (replace(MOUNT, pitch=math.radians(0.025)), False), (replace(MOUNT, z=1.504), True),
        (replace(MOUNT, z=1.506), False), (replace(MOUNT, roll=-0.01), False)])
    def test_table_is_kept_while_the_camera_hardly_moves(
            self, monkeypatch: pytest.MonkeyPatch, mount: Extrinsics, is_kept: bool) -> None:
        projector = GroundProjector(SPEC, RULES)
        evidence = mask_evidence(_mask(), ROAD_LABELS.is_drivable)
        projector.project(*evidence, CAMERA, MOUNT)
        built = []
        monkeypatch.setattr(GroundProjector, '_build', lambda *geometry: built.append(geometry))
        projector.project(*evidence, replace(CAMERA), mount)
        assert len(built) == (0 if is_kept else 1)

    def test_grids_of_successive_frames_are_independent(self) -> None:
        projector = GroundProjector(SPEC, RULES)
        first = projector.project(*mask_evidence(_mask(), ROAD_LABELS.is_drivable), CAMERA, MOUNT)
        before = first.values.copy()
        projector.project(*mask_evidence(_mask(CAR), ROAD_LABELS.is_drivable), CAMERA, MOUNT)
        np.testing.assert_array_equal(first.values, before)

    def test_refuses_maps_of_another_size(self) -> None:
        with pytest.raises(CalibrationError, match=r'found 640 x 480; expected .* 320 x 240'):
            _project(np.zeros((240, 320), np.uint8))


@settings(max_examples=30, deadline=None)
@given(hfov=st.floats(40.0, 130.0), height=st.floats(0.5, 3.0), pitch=st.floats(-0.2, 0.6),
       roll=st.floats(-0.2, 0.2), yaw=st.floats(-0.5, 0.5), is_fisheye=st.booleans(),
       class_id=st.sampled_from([ROAD, CAR]))
def test_no_holes(hfov: float, height: float, pitch: float, roll: float, yaw: float,
                  is_fisheye: bool, class_id: int) -> None:
    info = CameraInfo.nominal(208, 128, hfov)
    if is_fisheye:
        focal = 104 / math.radians(hfov / 2.0)
        info = replace(info, distortion_model='equidistant', d=(0.01, -0.002, 0.0, 0.0),
                       k=(focal, 0.0, 103.5, 0.0, focal, 63.5, 0.0, 0.0, 1.0))
    camera = CameraModel.from_info(info)
    mount = Extrinsics(1.0, 0.3, height, roll, pitch, yaw)
    grid = _project(np.full((128, 208), class_id, np.uint8), camera=camera, mount=mount)
    _, seen = camera.project(mount.to_optical(SPEC.cell_centres()))
    assert ((grid.reasons.ravel() == Reason.OUT_OF_VIEW) == ~seen).all()
    if class_id == ROAD:
        assert (grid.reasons.ravel()[seen] == Reason.DRIVABLE).all()
    else:
        assert (grid.values != 0).all()


def test_evidence_of_classes() -> None:
    classes = np.array([[0, 1, 2, 255]], np.uint8)
    confidence = np.array([[200, 100, 90, 255]], np.uint8)
    out = np.full((1, 4), 77, np.uint8)
    is_drivable = ROAD_LABELS.with_drivable(('road', 'sidewalk')).is_drivable
    assert class_evidence(classes, confidence, is_drivable, out).tolist() == [[0, 100, 90, 0]]
    assert out.tolist() == [[0, 100, 90, 0]]


@given(logits=st.lists(st.floats(-5.0, 5.0), min_size=5, max_size=5),
       is_drivable=st.lists(st.booleans(), min_size=5, max_size=5))
def test_evidence_of_classes_is_never_above_the_probability_of_the_set(
        logits: list[float], is_drivable: list[bool]) -> None:
    probabilities = np.exp(logits) / np.exp(logits).sum()
    table = np.zeros(256, bool)
    table[:5] = is_drivable
    found = class_evidence(np.array([[probabilities.argmax()]], np.uint8),
                           np.array([[math.floor(255 * probabilities.max())]], np.uint8),
                           table, np.empty((1, 1), np.uint8))
    assert found[0, 0] <= 255 * probabilities[is_drivable].sum() + 1e-9
