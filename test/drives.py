"""Small bags and pictures that tests write."""

from pathlib import Path

import cv2
import numpy as np

from road_seg.bags.messages import CAMERA_INFO
from road_seg.bags.messages import encode_camera_info
from road_seg.bags.messages import encode_image
from road_seg.bags.messages import IMAGE
from road_seg.bags.writer import create_bag
from road_seg.calibration import CameraInfo

START_NS = 1_000 * 10**9
PERIOD_NS = 100_000_000
HEIGHT, WIDTH = 48, 64
INFO = CameraInfo.nominal(WIDTH, HEIGHT, 60.0)


def picture(index: int) -> np.ndarray:
    """Return an RGB picture (48, 64, 3) whose red channel falls into bands of 32."""
    rgb = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    rgb[..., 0] = np.arange(WIDTH) * 3 % 160
    rgb[..., 1] = 200 + index % 56
    rgb[..., 2] = np.arange(HEIGHT)[:, np.newaxis]
    return rgb


def truth_of(rgb: np.ndarray) -> np.ndarray:
    """Return the classes that the tiny model gives a picture of its own size."""
    return np.minimum(rgb[..., 0] // 32, 4)


def write_drive(path: Path, count: int = 3, *, with_truth: bool = True,
                with_info: bool = True) -> Path:
    """Write a drive of pictures with their truth and return its path."""
    with create_bag(path) as writer:
        for index in range(count):
            stamp = START_NS + index * PERIOD_NS
            if with_info:
                writer.write('/camera/camera_info', CAMERA_INFO, stamp,
                             encode_camera_info(INFO, stamp, 'camera'))
            writer.write('/camera/image_raw', IMAGE, stamp,
                         encode_image(picture(index), stamp, 'camera'))
            if with_truth:
                writer.write('/road_mask/truth', IMAGE, stamp,
                             encode_image(truth_of(picture(index)), stamp, 'camera'))
    return path


def write_video(path: Path, count: int = 10, fps: float = 10.0) -> Path:
    """Write a video of lossless FFV1 frames that get brighter by 20 and return its path."""
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'FFV1'), fps, (WIDTH, HEIGHT))
    for index in range(count):
        video.write(np.full((HEIGHT, WIDTH, 3), 20 * index % 256, np.uint8))
    video.release()
    return path
