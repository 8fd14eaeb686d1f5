"""Rotations of camera poses."""

import math

import numpy as np

from road_seg.camera import Extrinsics


def optical_to_base(extrinsics: Extrinsics) -> np.ndarray:
    """Return the rotation (3, 3) that takes vectors of the optical frame to base_link."""
    position = np.array([extrinsics.x, extrinsics.y, extrinsics.z])
    return extrinsics.to_optical(np.eye(3) + position)


def body_to_base(extrinsics: Extrinsics) -> np.ndarray:
    """Return the rotation (3, 3) that takes vectors of the camera's body to base_link."""
    right, down, forward = optical_to_base(extrinsics).T
    return np.stack((forward, -right, -down), axis=1)


def pose_of(position: np.ndarray, rotation: np.ndarray) -> Extrinsics:
    """
    Return a pose by its angles about fixed axes.

    :param position: (3,) m.
    :param rotation: (3, 3), takes vectors of the frame to its parent; its x axis is not upright.
    """
    return Extrinsics(*map(float, position), roll=math.atan2(rotation[2, 1], rotation[2, 2]),
                      pitch=-math.asin(rotation[2, 0]),
                      yaw=math.atan2(rotation[1, 0], rotation[0, 0]))
