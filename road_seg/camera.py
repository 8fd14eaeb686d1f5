"""Where a point of the world lies in the image: camera intrinsics and extrinsics."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
import math

import cv2
import numpy as np

from road_seg.calibration import CameraInfo
from road_seg.distortion import COEFFICIENTS
from road_seg.distortion import distort
from road_seg.distortion import field_angle
from road_seg.errors import CalibrationError
from road_seg.errors import quoted

_NO_DISTORTION = (0.0,) * 4
_MAX_ASPECT_CHANGE = 0.02
_MIN_LEVEL = 1e-9
# Body axes (forward, left, up) to optical ones (right, down, forward), REP-103.
_OPTICAL_OF_BODY = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


@dataclass(frozen=True)
class CameraModel:
    """
    Project points into the images of one camera; equal parameters compare equal.

    Pixel centres have whole coordinates, as in OpenCV: the image spans -0.5 .. width - 0.5.

    :param width: columns of the image.
    :param height: rows of the image.
    :param distortion_model: plumb_bob, rational_polynomial, equidistant or '' for none.
    :param d: distortion coefficients in OpenCV's order.
    :param fx: focal length along the columns, pixels.
    :param fy: focal length along the rows, pixels.
    :param cx: column of the principal point, pixels.
    :param cy: row of the principal point, pixels.
    :param max_angle: largest angle between the optical axis and a ray of the field, rad.
    """

    width: int
    height: int
    distortion_model: str
    d: tuple[float, ...]
    fx: float
    fy: float
    cx: float
    cy: float
    max_angle: float

    @classmethod
    def from_info(cls, info: CameraInfo, image_size: tuple[int, int] | None = None, *,
                  is_rectified: bool = False) -> 'CameraModel':
        """
        Make the model of the images a calibration belongs to.

        ROI and binning follow image_geometry's fromCameraInfo: (c - offset) / binning. Images
        rectified by image_proc follow P without distortion. The rectification R is not applied:
        points are taken in the frame that the images' header names.

        :param info: the calibration.
        :param image_size: (width, height) of the images; the calibration's own without it.
        :param is_rectified: the images are rectified.
        :raises CalibrationError: a field is unusable or the size cannot match.
        """
        if is_rectified:
            info = _rectified(info)
        _check_intrinsics(info)
        width, height = _effective_size(info)
        binning_x, binning_y = max(1, info.binning_x), max(1, info.binning_y)
        x_offset, y_offset = info.roi[:2]
        columns, rows = image_size or (width, height)
        scale_x, scale_y = columns / width, rows / height
        if min(columns, rows) < 1 or abs(scale_x / scale_y - 1.0) > _MAX_ASPECT_CHANGE:
            raise CalibrationError(
                'camera_info width, height', found=f'{width} x {height} for images of '
                f'{columns} x {rows}', expected='the same shape (within 2 %)',
                fix='use the calibration of this camera and image size')
        d = info.d if any(info.d) else _NO_DISTORTION
        model = cls(
            width=width, height=height, distortion_model=info.distortion_model, d=d,
            fx=info.k[0] / binning_x, fy=info.k[4] / binning_y,
            cx=(info.k[2] - x_offset) / binning_x, cy=(info.k[5] - y_offset) / binning_y,
            max_angle=field_angle(info.distortion_model, d))
        return model.resized(columns, rows)

    def resized(self, width: int, height: int) -> 'CameraModel':
        """
        Return the model of the same images resized by OpenCV, also to another shape.

        That keeps the outer edges together: (c + 0.5) * scale - 0.5.
        """
        scale_x, scale_y = width / self.width, height / self.height
        return replace(self, width=width, height=height,
                       fx=self.fx * scale_x, fy=self.fy * scale_y,
                       cx=(self.cx + 0.5) * scale_x - 0.5, cy=(self.cy + 0.5) * scale_y - 0.5)

    def check_size(self, shape: tuple[int, ...]) -> None:
        """
        Do nothing if the model is that of images of a shape.

        :param shape: (height, width, ...).
        :raises CalibrationError: it is not.
        """
        if shape[:2] != (self.height, self.width):
            raise CalibrationError(
                'camera_info', found=f'{self.width} x {self.height}',
                expected=f"the image's size {shape[1]} x {shape[0]}",
                fix='use the calibration of this camera and image size')

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """
        Return the pixels that see the points.

        :param points: (N, 3) float64, metres, in the optical frame (z forward, x right, y down).
        :return: pixels (N, 2) float64 (column, row), NaN where the ray is outside the lens's
            field; valid (N,) bool: in front of the camera, inside that field and inside the
            image. A valid pixel is never one that the distortion polynomial folded back.
        """
        points = np.asarray(points, np.float64)
        pixels = np.full((len(points), 2), np.nan)
        x, y, z = points.T
        seen = (z > 0.0) & (np.hypot(x, y) < math.tan(self.max_angle) * z)
        rays_x, rays_y = distort(self.distortion_model, self.d, x[seen] / z[seen],
                                 y[seen] / z[seen])
        columns, rows = self.fx * rays_x + self.cx, self.fy * rays_y + self.cy
        pixels[seen, 0], pixels[seen, 1] = columns, rows
        valid = np.zeros(len(points), bool)
        valid[seen] = ((columns >= -0.5) & (columns < self.width - 0.5)
                       & (rows >= -0.5) & (rows < self.height - 0.5))
        return pixels, valid


@dataclass(frozen=True)
class Extrinsics:
    """
    Where the camera is mounted: its body frame (x forward, y left, z up) in base_link.

    Rotations follow REP-103: fixed axes, roll then pitch then yaw; positive pitch looks down.

    :param x: forward of base_link, m.
    :param y: left of base_link, m.
    :param z: above base_link, m.
    :param roll: about the x axis, rad.
    :param pitch: about the y axis, rad.
    :param yaw: about the z axis, rad.
    """

    x: float
    y: float
    z: float
    roll: float = 0.0
    pitch: float = 0.0
    yaw: float = 0.0

    @classmethod
    def from_optical(cls, translation: tuple[float, float, float],
                     rotation: tuple[float, float, float, float]) -> 'Extrinsics':
        """
        Read the pose of a camera's optical frame in base_link, as TF gives it.

        :param translation: x, y, z of its origin, m.
        :param rotation: quaternion x, y, z, w, of any length above 0.
        :raises CalibrationError: a number is not finite or the quaternion is 0.
        """
        x, y, z, w = rotation
        length = math.hypot(*rotation)
        if not (math.isfinite(sum(translation)) and math.isfinite(length) and length > 0.0):
            raise CalibrationError(
                'camera transform', found=f'translation {translation}, rotation {rotation}',
                expected='finite numbers and a quaternion other than 0',
                fix='correct the publisher of the transform')
        x, y, z, w = x / length, y / length, z / length, w / length
        optical = np.array([
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])
        return cls.from_rotation(translation, optical @ _OPTICAL_OF_BODY)

    @classmethod
    def from_rotation(cls, translation: Sequence[float], rotation: np.ndarray) -> 'Extrinsics':
        """
        Read a pose of which the rotation is given as a matrix.

        :param translation: x, y, z, m.
        :param rotation: (3, 3), takes vectors of the body to base_link.
        """
        forward, left, up = rotation.T.tolist()
        level = math.hypot(forward[0], forward[1])
        pitch = math.atan2(-forward[2], level)
        place = map(float, translation)
        if level < _MIN_LEVEL:  # straight up or down: roll and yaw turn about one axis
            return cls(*place, 0.0, pitch, math.atan2(-left[0], left[1]))
        return cls(*place, math.atan2(left[2], up[2]), pitch, math.atan2(forward[1], forward[0]))

    def to_optical(self, points: np.ndarray) -> np.ndarray:
        """
        Return points of base_link in the camera's optical frame.

        :param points: (N, 3) float64, metres, in base_link.
        :return: (N, 3) float64, metres, optical frame (z forward, x right, y down).
        """
        to_optical = self.optical_rotation.T
        shift = to_optical @ (-self.x, -self.y, -self.z)
        points = np.asarray(points, np.float64).reshape(-1, 1, 3)
        if not len(points):
            return np.empty((0, 3))
        return cv2.transform(points, np.column_stack((to_optical, shift))).reshape(-1, 3)

    @property
    def optical_rotation(self) -> np.ndarray:
        """Rotation (3, 3) that takes vectors of the optical frame to base_link."""
        return self.rotation @ _OPTICAL_OF_BODY.T

    @property
    def rotation(self) -> np.ndarray:
        """Rotation (3, 3) that takes the camera body's vectors to base_link."""
        cos, sin = math.cos, math.sin
        about_x = np.array([[1.0, 0.0, 0.0],
                            [0.0, cos(self.roll), -sin(self.roll)],
                            [0.0, sin(self.roll), cos(self.roll)]])
        about_y = np.array([[cos(self.pitch), 0.0, sin(self.pitch)],
                            [0.0, 1.0, 0.0],
                            [-sin(self.pitch), 0.0, cos(self.pitch)]])
        about_z = np.array([[cos(self.yaw), -sin(self.yaw), 0.0],
                            [sin(self.yaw), cos(self.yaw), 0.0],
                            [0.0, 0.0, 1.0]])
        return about_z @ about_y @ about_x


def _rectified(info: CameraInfo) -> CameraInfo:
    """Return a calibration whose K is the intrinsic part of P and whose D is empty."""
    p = info.p
    if len(p) != 12 or not np.isfinite(p).all() or p[0] <= 0.0 or p[5] <= 0.0 or (
            p[1], p[3], p[4], p[7], *p[8:]) != (0.0,) * 6 + (1.0, 0.0):
        raise CalibrationError(
            'camera_info P', found=str(p),
            expected='fx 0 cx 0 0 fy cy 0 0 0 1 0, of a mono or first stereo camera',
            fix='calibrate the camera, or say with image_geometry that images are not rectified')
    return replace(info, k=(*p[:3], *p[4:7], *p[8:11]), distortion_model='', d=())


def _check_intrinsics(info: CameraInfo) -> None:
    """Refuse a calibration whose matrix or distortion cannot be used."""
    def refuse(field: str, found: object, expected: str) -> None:
        raise CalibrationError(f'camera_info {field}', found=str(found), expected=expected,
                               fix='calibrate the camera or correct the calibration file')

    if len(info.k) != 9 or not np.isfinite(info.k).all():
        refuse('K', info.k, '9 finite numbers')
    if info.k[0] == 0.0:
        refuse('K[0]', '0, which means uncalibrated', 'the focal length in pixels')
    if info.k[0] < 0.0 or info.k[4] <= 0.0:
        refuse('K[0], K[4]', (info.k[0], info.k[4]), 'focal lengths above 0')
    if (info.k[1], info.k[3], *info.k[6:]) != (0.0, 0.0, 0.0, 0.0, 1.0):
        refuse('K', info.k, 'fx 0 cx 0 fy cy 0 0 1')
    if info.distortion_model not in COEFFICIENTS:
        refuse('distortion_model', quoted(info.distortion_model),
               ', '.join(name for name in COEFFICIENTS if name))
    sizes = COEFFICIENTS[info.distortion_model]
    if len(info.d) not in sizes and any(info.d):
        refuse('D', f'{len(info.d)} coefficients',
               f'{" or ".join(map(str, sizes))} for {info.distortion_model!r}')
    if not np.isfinite(info.d).all():
        refuse('D', info.d, 'finite numbers')


def _effective_size(info: CameraInfo) -> tuple[int, int]:
    """Return (width, height) of the images after ROI and binning."""
    x_offset, y_offset, height, width = info.roi if any(info.roi) else (
        0, 0, info.height, info.width)
    fits = (0 <= x_offset < x_offset + width <= info.width
            and 0 <= y_offset < y_offset + height <= info.height)
    columns, rows = width // max(1, info.binning_x), height // max(1, info.binning_y)
    if not fits or min(columns, rows) < 1:
        raise CalibrationError(
            'camera_info width, height, roi, binning',
            found=f'{info.width} x {info.height}, roi (x, y, height, width) {info.roi}, '
            f'binning {info.binning_x} x {info.binning_y}',
            expected='a sensor size above 0 with the region inside it',
            fix='correct the publisher of camera_info')
    return columns, rows
