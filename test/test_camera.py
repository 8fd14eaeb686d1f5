"""Where points of the world lie in the image."""

from dataclasses import replace
import math

import cv2
from hypothesis import assume
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np
import pytest

from road_seg.calibration import CameraInfo
from road_seg.camera import CameraModel
from road_seg.camera import Extrinsics
from road_seg.errors import CalibrationError

K = (500.0, 0.0, 320.0, 0.0, 400.0, 240.0, 0.0, 0.0, 1.0)
INFO = CameraInfo(640, 480, 'plumb_bob', (0.0,) * 5, K, (), ())
# The calibration of Udacity's CarND camera: strong barrel distortion at 1280 x 720.
UDACITY = CameraInfo(1280, 720, 'plumb_bob', (-0.248508, -0.019316, -0.00063, 0.000203, 0.008234),
                     (1155.9478, 0.0, 672.2475, 0.0, 1150.5555, 388.6167, 0.0, 0.0, 1.0), (), ())

small = st.floats(-0.2, 0.2)
angle = st.floats(-math.pi, math.pi)
metres = st.floats(-50.0, 50.0)


def _info(model: str, *d: float, **changes: object) -> CameraInfo:
    return replace(INFO, distortion_model=model, d=d, **changes)


def _project(info: CameraInfo, *point: float) -> tuple[list[float], bool]:
    pixels, valid = CameraModel.from_info(info).project(np.array([point]))
    return pixels[0].tolist(), bool(valid[0])


def _undistort(pixels: np.ndarray) -> np.ndarray:
    """Return the rays (N, 2) of the Udacity camera's pixels by fixed-point iteration."""
    k1, k2, p1, p2, k3 = UDACITY.d
    seen = (pixels - (UDACITY.k[2], UDACITY.k[5])) / (UDACITY.k[0], UDACITY.k[4])
    rays = seen
    for _ in range(500):
        x, y = rays.T
        squared = x * x + y * y
        radial = 1.0 + k1 * squared + k2 * squared**2 + k3 * squared**3
        shift = (2.0 * p1 * x * y + p2 * (squared + 2.0 * x * x),
                 p1 * (squared + 2.0 * y * y) + 2.0 * p2 * x * y)
        rays = (seen - np.transpose(shift)) / radial[:, np.newaxis]
    return rays


class TestProjection:
    """Projection of single points, computed by hand."""

    @pytest.mark.parametrize(('info', 'point', 'pixel'), [
        (INFO, (0.0, 0.0, 5.0), (320.0, 240.0)),
        (INFO, (1.0, -0.5, 2.0), (570.0, 140.0)),
        # r^2 = 0.25: 0.5 * (1 + 0.1 * 0.25) = 0.5125
        (_info('plumb_bob', 0.1, 0.0, 0.0, 0.0, 0.0), (1.0, 0.0, 2.0), (576.25, 240.0)),
        # x += 0.02 * (0.25 + 2 * 0.25) = 0.015, y += 0.01 * 0.25 = 0.0025
        (_info('plumb_bob', 0.0, 0.0, 0.01, 0.02), (1.0, 0.0, 2.0), (577.5, 241.0)),
        # 0.5 / (1 + 1 * 0.25) = 0.4
        (_info('rational_polynomial', 0, 0, 0, 0, 0, 1.0, 0, 0), (1, 0, 2), (520.0, 240.0)),
        # 45 degrees = pi / 4
        (_info('equidistant', 0, 0, 0, 0), (0.0, 1.0, 2.0), (320.0, 240 + 400 * math.atan(0.5))),
        # theta = pi / 4: theta * (1 + 0.1 * theta^2)
        (_info('equidistant', 0.1, 0, 0, 0, k=(300.0, 0, 320.0, 0, 300.0, 240.0, 0, 0, 1)),
         (1.0, 0.0, 1.0),
         (320.0 + 300.0 * math.pi / 4 * (1.0 + 0.1 * (math.pi / 4)**2), 240.0)),
    ])
    def test_literal(self, info: CameraInfo, point: tuple, pixel: tuple) -> None:
        found, valid = _project(info, *point)
        assert valid
        np.testing.assert_allclose(found, pixel, atol=1e-9)

    @pytest.mark.parametrize('point', [
        (0.0, 0.0, 0.0), (0.0, 0.0, -5.0), (1.0, 1.0, -2.0), (1.0, 0.0, 0.0),
        (0.0, 1.0, 0.0), (math.nan, 0.0, 1.0), (0.0, 0.0, math.nan), (math.inf, 0.0, 1.0),
        (0.0, 0.0, -math.inf)])
    @pytest.mark.parametrize('info', [INFO, _info('equidistant', 0, 0, 0, 0)])
    def test_what_no_camera_sees(self, info: CameraInfo, point: tuple) -> None:
        pixel, valid = _project(info, *point)
        assert not valid
        assert np.isnan(pixel).all()

    def test_image_spans_half_a_pixel_around_the_outer_centres(self) -> None:
        for column, valid in ((-0.51, False), (-0.49, True), (639.49, True), (639.51, False)):
            assert _project(INFO, (column - 320.0) / 500.0, 0.0, 1.0)[1] is valid
        for row, valid in ((-0.51, False), (-0.49, True), (479.49, True), (479.51, False)):
            assert _project(INFO, 0.0, (row - 240.0) / 400.0, 1.0)[1] is valid

    def test_no_points(self) -> None:
        pixels, valid = CameraModel.from_info(INFO).project(np.empty((0, 3)))
        assert pixels.shape == (0, 2)
        assert valid.shape == (0,)


class TestOpenCv:
    """Agreement with OpenCV's own projection, in double precision."""

    @settings(max_examples=300, deadline=None)
    @given(seed=st.integers(0, 10_000), data=st.data(), model=st.sampled_from(
        [('plumb_bob', 4), ('plumb_bob', 5), ('rational_polynomial', 8),
         ('rational_polynomial', 12), ('rational_polynomial', 14), ('equidistant', 4)]),
           focal=st.tuples(st.floats(150.0, 2000.0), st.floats(150.0, 2000.0)),
           centre=st.tuples(st.floats(200.0, 440.0), st.floats(140.0, 340.0)),
           binning=st.sampled_from([0, 1, 2]), offset=st.tuples(st.integers(0, 99),
                                                                st.integers(0, 99)))
    def test_random_cameras(self, seed: int, data: st.DataObject, model: tuple[str, int],
                            focal: tuple, centre: tuple, binning: int, offset: tuple) -> None:
        name, count = model
        d = data.draw(st.tuples(*[small] * count))
        k = (focal[0], 0.0, centre[0], 0.0, focal[1], centre[1], 0.0, 0.0, 1.0)
        roi = (offset[0], offset[1], 320, 480)
        camera = CameraModel.from_info(_info(name, *d, k=k, roi=roi, binning_x=binning,
                                             binning_y=binning))
        points = np.random.default_rng(seed).uniform((-5, -5, 0.05), (5, 5, 20), (200, 3))
        pixels, valid = camera.project(points)
        function = cv2.fisheye.projectPoints if name == 'equidistant' else cv2.projectPoints
        sensor = function(points[:, np.newaxis], np.zeros(3), np.zeros(3), np.reshape(k, (3, 3)),
                          np.array(d))[0][:, 0]
        expected = (sensor - offset) / max(1, binning)
        in_field = ~np.isnan(pixels[:, 0])
        np.testing.assert_allclose(pixels[in_field], expected[in_field], rtol=1e-9, atol=1e-6)
        inside = ((expected >= -0.5) & (expected < (camera.width - 0.5, camera.height - 0.5))
                  ).all(axis=1)
        assert (valid == (inside & in_field)).all()

    @settings(max_examples=100, deadline=None)
    @given(seed=st.integers(0, 10_000), model=st.sampled_from(['plumb_bob', 'equidistant',
                                                               'rational_polynomial']),
           k1=st.floats(-0.25, 0.1), k2=st.floats(-0.02, 0.04), p1=st.floats(-0.002, 0.002))
    def test_ray_to_pixel_to_ray(self, seed: int, model: str, k1: float, k2: float,
                                 p1: float) -> None:
        d = {'plumb_bob': (k1, k2, p1, -p1, 0.0), 'equidistant': (k1 / 5, k2 / 5, 0.0, 0.0),
             'rational_polynomial': (k1, k2, p1, p1, 0.0, 0.05, 0.01, 0.0)}[model]
        camera = CameraModel.from_info(_info(model, *d))
        points = np.random.default_rng(seed).uniform((-4, -3, 1.0), (4, 3, 9.0), (200, 3))
        pixels, valid = camera.project(points)
        # Near the end of the lens's field a pixel fixes its ray less and less.
        angle = np.arctan2(np.hypot(points[:, 0], points[:, 1]), points[:, 2])
        judged = valid & (angle < 0.8 * camera.max_angle)
        matrix = np.array([[500.0, 0, 320.0], [0, 400.0, 240.0], [0, 0, 1]])
        stop = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 500, 1e-12)
        undistort = (cv2.fisheye.undistortPoints if model == 'equidistant'
                     else cv2.undistortPoints)
        rays = undistort(pixels[judged][:, np.newaxis], matrix, np.array(d),
                         **({'criteria': stop}))[:, 0]
        np.testing.assert_allclose(rays, points[judged, :2] / points[judged, 2:], atol=1e-6)


class TestLensField:
    """Rays beyond the lens's field never land on a pixel."""

    def test_folded_ray_is_invalid(self) -> None:
        # r (1 - 0.3 r^2) rises until r = 1.054 and is 0 again at r = 1.826.
        info = _info('plumb_bob', -0.3, 0.0, 0.0, 0.0, 0.0)
        folded = cv2.projectPoints(np.array([[[1.8, 0.0, 1.0]]]), np.zeros(3), np.zeros(3),
                                   np.reshape(K, (3, 3)), np.array(info.d))[0].ravel()
        np.testing.assert_allclose(folded, (320.0 + 500.0 * 1.8 * (1.0 - 0.3 * 1.8**2), 240.0))
        assert 320.0 < folded[0] < 350.0  # looks like a pixel near the centre
        assert _project(info, 1.8, 0.0, 1.0)[1] is False
        assert _project(info, 0.6, 0.0, 1.0)[1] is True

    @settings(max_examples=50, deadline=None)
    @given(d=st.tuples(*[st.floats(-0.6, 0.6)] * 3))
    def test_valid_ray_is_the_first_at_its_pixel(self, d: tuple[float, float, float]) -> None:
        def distort(radius: float) -> float:
            return radius * (1 + d[0] * radius**2 + d[1] * radius**4 + d[2] * radius**6)

        camera = CameraModel.from_info(_info('plumb_bob', d[0], d[1], 0.0, 0.0, d[2]))
        radii = np.linspace(0.0, 5.0, 400)
        points = np.stack((radii, 0 * radii, 0 * radii + 1), axis=1)
        valid = camera.project(points)[1]
        farthest = 0.0
        for radius, is_valid in zip(radii[1:], valid[1:], strict=True):
            assert not is_valid or distort(radius) > farthest
            farthest = max(farthest, distort(radius))

    def test_whole_udacity_image_is_inside_the_field(self) -> None:
        camera = CameraModel.from_info(UDACITY)
        columns, rows = np.meshgrid(np.linspace(0, 1279, 20), np.linspace(0, 719, 12))
        pixels = np.stack((columns.ravel(), rows.ravel()), axis=1)
        rays = _undistort(pixels)
        found, valid = camera.project(np.column_stack((rays, np.ones(len(rays)))))
        assert valid.all()
        np.testing.assert_allclose(found, pixels, atol=1e-6)

    def test_rays_of_valid_points_return_from_their_pixels(self) -> None:
        camera = CameraModel.from_info(UDACITY)
        points = np.random.default_rng(0).uniform((-40, -5, 0.1), (40, 5, 30), (5000, 3))
        pixels, valid = camera.project(points)
        np.testing.assert_allclose(_undistort(pixels[valid]),
                                   points[valid, :2] / points[valid, 2:], atol=1e-6)
        assert 500 < valid.sum() < 4500

    def test_fisheye_sees_almost_to_the_side(self) -> None:
        info = _info('equidistant', 0, 0, 0, 0, k=(200.0, 0, 320.0, 0, 200.0, 240.0, 0, 0, 1))
        pixel, valid = _project(info, math.tan(math.radians(89.0)), 0.0, 1.0)
        assert valid
        assert pixel[0] == pytest.approx(320.0 + 200.0 * math.radians(89.0))

    def test_pole_of_the_rational_model_ends_the_field(self) -> None:
        # 1 / (1 - 0.5 r^2) has its pole at r = 1.414.
        info = _info('rational_polynomial', 0, 0, 0, 0, 0, -0.5, 0, 0)
        assert CameraModel.from_info(info).max_angle == pytest.approx(math.atan(2**0.5), abs=1e-3)


class TestFromInfo:
    """Intrinsics of the images at hand."""

    def test_roi_and_binning(self) -> None:
        info = replace(INFO, width=1280, height=720, binning_x=2, binning_y=2,
                       roi=(320, 180, 360, 640),
                       k=(1000.0, 0.0, 640.0, 0.0, 900.0, 360.0, 0.0, 0.0, 1.0))
        camera = CameraModel.from_info(info)
        assert (camera.width, camera.height) == (320, 180)
        assert (camera.fx, camera.fy, camera.cx, camera.cy) == (500.0, 450.0, 160.0, 90.0)

    def test_scaling(self) -> None:
        camera = CameraModel.from_info(INFO, (320, 240))
        assert (camera.width, camera.height) == (320, 240)
        assert (camera.fx, camera.fy, camera.cx, camera.cy) == (250.0, 200.0, 159.75, 119.75)

    @pytest.mark.parametrize('size', [(320, 240), (1280, 960), (200, 150), (326, 240)])
    def test_scaling_is_that_of_opencv(self, size: tuple[int, int]) -> None:
        ramp = np.tile(np.arange(640, dtype=np.float64), (480, 1))
        resized = cv2.resize(ramp, size, interpolation=cv2.INTER_LINEAR)
        middle = size[0] // 2
        camera = CameraModel.from_info(INFO, size)
        ray = (resized[0, middle] - 320.0) / 500.0
        pixels, _ = camera.project(np.array([[ray, 0.0, 1.0]]))
        assert pixels[0, 0] == pytest.approx(middle, abs=1e-3)

    def test_resized_to_another_shape(self) -> None:
        camera = CameraModel.from_info(INFO).resized(416, 256)
        assert (camera.width, camera.height) == (416, 256)
        np.testing.assert_allclose((camera.fx, camera.fy, camera.cx, camera.cy),
                                   (325.0, 400 * 256 / 480, 320.5 * 0.65 - 0.5,
                                    240.5 * 256 / 480 - 0.5), rtol=1e-12)

    def test_rectified_images_follow_p(self) -> None:
        p = (450.0, 0.0, 310.0, 0.0, 0.0, 440.0, 250.0, 0.0, 0.0, 0.0, 1.0, 0.0)
        info = replace(UDACITY, width=640, height=480, p=p, roi=(10, 20, 400, 600),
                       binning_x=2, binning_y=2)
        camera = CameraModel.from_info(info, is_rectified=True)
        assert (camera.fx, camera.fy, camera.cx, camera.cy) == (225.0, 220.0, 150.0, 115.0)
        pixels, valid = camera.project(np.array([(0.5, 0.25, 1.0), (0.0, 0.0, 1.0)]))
        assert pixels.tolist() == [[262.5, 170.0], [150.0, 115.0]]
        assert valid.all()

    @pytest.mark.parametrize('p', [
        (), (0.0,) * 12, (450.0, 0, 310, -45.0, 0, 440.0, 250, 0, 0, 0, 1, 0),
        (math.nan, 0, 310, 0, 0, 440.0, 250, 0, 0, 0, 1, 0),
        (450.0, 1.0, 310, 0, 0, 440.0, 250, 0, 0, 0, 1, 0)])
    def test_refuses_rectified_images_with_an_unusable_p(self, p: tuple) -> None:
        CameraModel.from_info(replace(INFO, p=p))
        with pytest.raises(CalibrationError, match=r'camera_info P: found .*of a mono or first'):
            CameraModel.from_info(replace(INFO, p=p), is_rectified=True)

    def test_check_size(self) -> None:
        CameraModel.from_info(INFO).check_size((480, 640, 3))
        with pytest.raises(CalibrationError, match=r'found 640 x 480; expected .*size 480 x 640'):
            CameraModel.from_info(INFO).check_size((640, 480))

    def test_models_of_equal_calibrations_are_equal(self) -> None:
        first, second = CameraModel.from_info(INFO), CameraModel.from_info(replace(INFO))
        assert first == second
        assert hash(first) == hash(second)
        assert first != CameraModel.from_info(INFO, (320, 240))

    @pytest.mark.parametrize(('model', 'count'), [('', 0), ('', 5), ('equidistant', 5),
                                                  ('rational_polynomial', 5), ('plumb_bob', 0)])
    def test_zeros_of_any_number_are_no_distortion(self, model: str, count: int) -> None:
        pixel, valid = _project(_info(model, *[0.0] * count), 0.0, 0.0, 2.0)
        assert valid
        np.testing.assert_allclose(pixel, (320.0, 240.0))

    @pytest.mark.parametrize(('changes', 'message'), [
        ({'k': (0.0, *K[1:])}, r'K\[0\]: found 0, which means uncalibrated'),
        ({'k': (-1.0, *K[1:])}, r'K\[0\], K\[4\]: found \(-1'),
        ({'k': (*K[:4], 0.0, *K[5:])}, r'K\[0\], K\[4\]: found \(500'),
        ({'k': (math.nan, *K[1:])}, 'K: found .*9 finite numbers'),
        ({'k': (*K[:2], math.inf, *K[3:])}, 'K: found .*9 finite numbers'),
        ({'k': K[:8]}, 'K: found .*9 finite numbers'),
        ({'k': (500.0, 3.0, *K[2:])}, 'K: found .*fx 0 cx 0 fy cy 0 0 1'),
        ({'d': (0.1, math.nan, 0, 0, 0)}, 'D: found .*finite'),
        ({'d': (0.1, 0.2)}, "D: found 2 coefficients; expected 0 or 4 or 5 for 'plumb_bob'"),
        ({'distortion_model': 'equidistant', 'd': (0.1,) * 5}, 'D: found 5 coefficients'),
        ({'distortion_model': '', 'd': (0.1,) * 5}, 'D: found 5 coefficients'),
        ({'distortion_model': 'fisheye'}, "distortion_model: found 'fisheye'; expected plumb_bob"),
        ({'distortion_model': 'x' * 81}, "distortion_model: found 'x{80}'; expected plumb_bob"),
        ({'width': 0}, 'width, height, roi, binning: found 0 x 480'),
        ({'height': 0}, 'width, height, roi, binning: found 640 x 0'),
        ({'roi': (600, 0, 100, 100)}, r'roi \(x, y, height, width\) \(600, 0, 100, 100\)'),
        ({'roi': (10, 10, 0, 0)}, 'the region inside it'),
        ({'binning_x': 1000}, 'binning 1000 x 0'),
    ])
    def test_refuses_and_names_the_field(self, changes: dict, message: str) -> None:
        with pytest.raises(CalibrationError, match=message):
            CameraModel.from_info(replace(INFO, **changes))

    @pytest.mark.parametrize('size', [(640, 360), (480, 640), (0, 480), (640, -480), (660, 480)])
    def test_refuses_a_size_that_cannot_match(self, size: tuple[int, int]) -> None:
        with pytest.raises(CalibrationError, match='found 640 x 480 for images of '
                                                   f'{size[0]} x {size[1]}'):
            CameraModel.from_info(INFO, size)

    def test_accepts_two_percent_of_rounding(self) -> None:
        assert CameraModel.from_info(INFO, (645, 480)).width == 645


class TestExtrinsics:
    """Points of base_link in the optical frame."""

    @pytest.mark.parametrize(('extrinsics', 'point', 'expected'), [
        (Extrinsics(0, 0, 1.5), (10, 0, 0), (0, 1.5, 10)),
        (Extrinsics(0, 0, 1.5), (10, 2, 0), (-2, 1.5, 10)),          # left is smaller x
        (Extrinsics(1, 0.5, 1.5), (10, 0, 0), (0.5, 1.5, 9)),
        (Extrinsics(0, 0, 1, pitch=math.radians(45)), (1, 0, 0), (0, 0, 2**0.5)),  # looks down
        (Extrinsics(0, 0, 1, yaw=math.radians(90)), (0, 5, 1), (0, 0, 5)),         # looks left
        (Extrinsics(0, 0, 1, roll=math.radians(90)), (10, -1, 1), (0, -1, 10)),    # right is up
    ])
    def test_literal(self, extrinsics: Extrinsics, point: tuple, expected: tuple) -> None:
        np.testing.assert_allclose(extrinsics.to_optical(np.array([point])), [expected],
                                   atol=1e-12)

    @given(x=metres, y=metres, z=metres, roll=angle, pitch=angle, yaw=angle,
           point=st.tuples(metres, metres, metres))
    def test_agrees_with_rodrigues(self, x: float, y: float, z: float, roll: float,
                                   pitch: float, yaw: float, point: tuple) -> None:
        turn = (cv2.Rodrigues(np.array([0, 0, yaw]))[0] @ cv2.Rodrigues(np.array([0, pitch, 0]))[0]
                @ cv2.Rodrigues(np.array([roll, 0, 0]))[0])
        forward, left, up = turn.T @ (np.array(point) - (x, y, z))
        found = Extrinsics(x, y, z, roll, pitch, yaw).to_optical(np.array([point]))
        np.testing.assert_allclose(found, [(-left, -up, forward)], atol=1e-9)

    @given(pitch=st.floats(-0.3, 0.3), column=st.floats(0, 639))
    def test_horizon_is_never_seen_on_the_ground(self, pitch: float, column: float) -> None:
        camera = CameraModel.from_info(INFO)
        horizon = 240.0 - 400.0 * math.tan(pitch)
        assume(0 < horizon < 479)
        ground = np.array([[distance, 0.0, 0.0] for distance in (2.0, 10.0, 1e3, 1e6)])
        pixels, valid = camera.project(Extrinsics(0, 0, 1.5, pitch=pitch).to_optical(ground))
        assert (pixels[valid, 1] > horizon).all()
