"""Where a point of the world lies in the image: camera intrinsics and extrinsics."""

from dataclasses import dataclass
import math

import cv2
import numpy as np

from road_seg.calibration import CameraInfo
from road_seg.errors import CalibrationError

# Distortion models of sensor_msgs/distortion_models.hpp and the numbers of coefficients that
# OpenCV takes for them (none = no distortion).
_COEFFICIENTS = {'': (0,), 'plumb_bob': (0, 4, 5), 'rational_polynomial': (0, 8, 12, 14),
                 'equidistant': (0, 4)}
_NO_DISTORTION = (0.0,) * 4
_MAX_ASPECT_CHANGE = 0.02
# A ray belongs to the lens's field while a step outwards moves the pixel outwards by at least
# this share of what it does on the axis; beyond, the distortion polynomial folds back.
_MIN_RADIAL_SLOPE = 0.05
_FIELD_ANGLES = np.linspace(0.0, math.radians(89.9), 3600)


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
    def from_info(cls, info: CameraInfo,
                  image_size: tuple[int, int] | None = None) -> 'CameraModel':
        """
        Make the model of the images a calibration belongs to.

        ROI and binning follow image_geometry's fromCameraInfo: (c - offset) / binning. An image
        of another size is taken as resized by OpenCV, which keeps the outer edges together:
        (c + 0.5) * scale - 0.5.

        :param info: the calibration.
        :param image_size: (width, height) of the images; the calibration's own without it.
        :raises CalibrationError: a field is unusable or the size cannot match.
        """
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
        return cls(
            width=columns, height=rows, distortion_model=info.distortion_model, d=d,
            fx=info.k[0] / binning_x * scale_x, fy=info.k[4] / binning_y * scale_y,
            cx=((info.k[2] - x_offset) / binning_x + 0.5) * scale_x - 0.5,
            cy=((info.k[5] - y_offset) / binning_y + 0.5) * scale_y - 0.5,
            max_angle=_field_angle(info.distortion_model, d))

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
        radius = np.hypot(points[:, 0], points[:, 1])
        seen = (points[:, 2] > 0.0) & (np.arctan2(radius, points[:, 2]) < self.max_angle)
        if seen.any():
            pixels[seen] = self._distort(points[seen])
        inside = (pixels >= -0.5) & (pixels < (self.width - 0.5, self.height - 0.5))
        return pixels, inside.all(axis=1)

    def _distort(self, points: np.ndarray) -> np.ndarray:
        """Return the pixels (N, 2) of points (N, 3) inside the lens's field."""
        matrix = np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])
        project = cv2.fisheye.projectPoints if self._is_fisheye else cv2.projectPoints
        pixels, _ = project(points.reshape(-1, 1, 3), np.zeros(3), np.zeros(3), matrix,
                            np.array(self.d, np.float64))
        return pixels.reshape(-1, 2)

    @property
    def _is_fisheye(self) -> bool:
        """Say whether OpenCV's fisheye functions apply."""
        return self.distortion_model == 'equidistant'


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

    def to_optical(self, points: np.ndarray) -> np.ndarray:
        """
        Return points of base_link in the camera's optical frame.

        :param points: (N, 3) float64, metres, in base_link.
        :return: (N, 3) float64, metres, optical frame (z forward, x right, y down).
        """
        body = (points - (self.x, self.y, self.z)) @ self._rotation
        return np.stack((-body[:, 1], -body[:, 2], body[:, 0]), axis=1)

    @property
    def _rotation(self) -> np.ndarray:
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
    if info.distortion_model not in _COEFFICIENTS:
        refuse('distortion_model', repr(info.distortion_model),
               ', '.join(name for name in _COEFFICIENTS if name))
    sizes = _COEFFICIENTS[info.distortion_model]
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


def _field_angle(distortion_model: str, d: tuple[float, ...]) -> float:
    """Return the angle from the optical axis, rad, up to which the distortion is one to one."""
    angles = _FIELD_ANGLES
    with np.errstate(all='ignore'):
        if distortion_model == 'equidistant':
            radii = angles * np.polyval((*d[::-1], 1.0), angles**2)
        else:
            k1, k2, _, _, k3, k4, k5, k6 = (*d, *[0.0] * 8)[:8]
            squared = np.tan(angles)**2
            radii = (np.tan(angles) * np.polyval((k3, k2, k1, 1.0), squared)
                     / np.polyval((k6, k5, k4, 1.0), squared))
        slopes = np.diff(radii) / np.diff(angles)
    folded = ~(slopes >= _MIN_RADIAL_SLOPE)
    return float(angles[folded.argmax()] if folded.any() else angles[-1])
