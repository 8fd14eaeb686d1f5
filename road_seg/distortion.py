"""Lens distortion: from normalised rays to distorted ones, and how far that is one to one."""

import math

import numpy as np

# Distortion models of sensor_msgs/distortion_models.hpp and the numbers of coefficients that
# OpenCV takes for them (none = no distortion).
COEFFICIENTS = {'': (0,), 'plumb_bob': (0, 4, 5), 'rational_polynomial': (0, 8, 12, 14),
                'equidistant': (0, 4)}

# A ray belongs to the lens's field while a step outwards moves the pixel outwards by at least
# this share of what it does on the axis; beyond, the distortion polynomial folds back.
_MIN_RADIAL_SLOPE = 0.05
_FIELD_ANGLES = np.linspace(0.0, math.radians(89.9), 3600)


def distort(model: str, d: tuple[float, ...], x: np.ndarray,
            y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Return where rays meet the image plane at focal length 1.

    The formulas are those of OpenCV's calib3d (projectPoints, fisheye::projectPoints), written
    out because its Python functions also compute the Jacobian, which costs ten times more.

    :param model: one of COEFFICIENTS.
    :param d: coefficients in OpenCV's order.
    :param x: (N,) float64, x / z of the rays in the optical frame.
    :param y: (N,) float64, y / z.
    :return: distorted x and y, (N,) float64 each.
    """
    if not any(d) and model != 'equidistant':
        return x, y
    squared = x * x + y * y
    if model == 'equidistant':
        radius = np.sqrt(squared)
        angle = np.arctan(radius)
        bent = angle * np.polyval((*d[::-1], 1.0), angle * angle)
        scale = np.divide(bent, radius, out=np.ones_like(radius), where=radius > 1e-8)
        return x * scale, y * scale
    k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4, tilt_x, tilt_y = (*d, *[0.0] * 14)[:14]
    radial = np.polyval((k3, k2, k1, 1.0), squared)
    if k4 or k5 or k6:
        radial = radial / np.polyval((k6, k5, k4, 1.0), squared)
    product = 2.0 * x * y
    out_x = x * radial + p1 * product + p2 * (squared + 2.0 * x * x)
    out_y = y * radial + p1 * (squared + 2.0 * y * y) + p2 * product
    if s1 or s2 or s3 or s4:  # thin prism
        out_x += squared * (s1 + s2 * squared)
        out_y += squared * (s3 + s4 * squared)
    return _tilted(out_x, out_y, tilt_x, tilt_y) if tilt_x or tilt_y else (out_x, out_y)


def field_angle(model: str, d: tuple[float, ...]) -> float:
    """Return the angle from the optical axis, rad, up to which the distortion is one to one."""
    angles = _FIELD_ANGLES
    with np.errstate(all='ignore'):
        if model == 'equidistant':
            radii = angles * np.polyval((*d[::-1], 1.0), angles**2)
        else:
            k1, k2, _, _, k3, k4, k5, k6 = (*d, *[0.0] * 8)[:8]
            squared = np.tan(angles)**2
            radii = (np.tan(angles) * np.polyval((k3, k2, k1, 1.0), squared)
                     / np.polyval((k6, k5, k4, 1.0), squared))
        slopes = np.diff(radii) / np.diff(angles)
    folded = ~(slopes >= _MIN_RADIAL_SLOPE)
    return float(angles[folded.argmax()] if folded.any() else angles[-1])


def _tilted(x: np.ndarray, y: np.ndarray, tilt_x: float,
            tilt_y: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the points on a sensor tilted about its axes (Scheimpflug), angles in rad."""
    cos, sin = math.cos, math.sin
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, cos(tilt_x), sin(tilt_x)],
                        [0.0, -sin(tilt_x), cos(tilt_x)]])
    about_y = np.array([[cos(tilt_y), 0.0, -sin(tilt_y)], [0.0, 1.0, 0.0],
                        [sin(tilt_y), 0.0, cos(tilt_y)]])
    turn = about_y @ about_x
    onto = np.array([[turn[2, 2], 0.0, -turn[0, 2]], [0.0, turn[2, 2], -turn[1, 2]],
                     [0.0, 0.0, 1.0]])
    tilted = onto @ turn @ np.stack((x, y, np.ones_like(x)))
    return tilted[0] / tilted[2], tilted[1] / tilted[2]
