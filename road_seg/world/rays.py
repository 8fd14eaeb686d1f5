"""The ray of each pixel of a camera."""

from functools import lru_cache

import cv2
import numpy as np

from road_seg.camera import CameraModel

_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-3)  # steps, pixels


@lru_cache(maxsize=4)
def pixel_rays(camera: CameraModel) -> np.ndarray:
    """
    Return the directions that the pixels see.

    :param camera: every pixel must lie in the lens's field.
    :return: (height, width, 3) float32 unit vectors, optical frame.
    """
    columns, rows = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    pixels = np.stack((columns, rows), axis=2).reshape(-1, 1, 2).astype(np.float64)
    matrix = np.array([[camera.fx, 0.0, camera.cx], [0.0, camera.fy, camera.cy], [0.0, 0.0, 1.0]])
    d = np.array(camera.d, np.float64)
    undistort = (cv2.fisheye.undistortPoints if camera.distortion_model == 'equidistant'
                 else cv2.undistortPoints)
    flat = undistort(pixels, matrix, d, criteria=_STOP).reshape(-1, 2)
    rays = np.ones((len(flat), 3))
    rays[:, :2] = flat
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    return rays.astype(np.float32).reshape(camera.height, camera.width, 3)
