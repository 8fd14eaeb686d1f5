"""What a drive can be made of: a video, a folder of images, a data set, a drawn world."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
import os
from pathlib import Path
import re

import cv2
import numpy as np

from road_seg.calibration import CameraInfo
from road_seg.camera import Extrinsics
from road_seg.data.adapter import DatasetAdapter
from road_seg.errors import InputError
from road_seg.grid import DrivableGrid
from road_seg.images import decode_compressed
from road_seg.labels import LabelMap
from road_seg.labels import ROAD_LABELS
from road_seg.labels import UNLABELLED
from road_seg.world.drive import drive
from road_seg.world.drive import setup_of

DEFAULT_IMAGE_RATE = 10.0
_IMAGE_FORMATS = {'.jpg': 'jpeg', '.jpeg': 'jpeg', '.png': 'png'}
# Containers state an exact or a rounded number of frames; far fewer means a damaged file.
_COMPLETE_SHARE = 0.95


@dataclass(frozen=True)
class SourceFrame:
    """
    One picture of a source.

    :param time_ns: time since the start of the drive [ns].
    :param rgb: (H, W, 3) uint8 RGB.
    :param truth: (H, W) uint8 class ids, 255 unlabelled; None without labels.
    :param file: the image file the picture came from; None for a video or a drawn picture.
    :param camera_info: its calibration, where frames differ in it.
    :param extrinsics: the camera's true pose in base_link at this frame, where it is known.
    :param grid: what is true of the ground, where it is known.
    :param pose: x, y [m] and yaw [rad] of base_link in the world, where it is known.
    """

    time_ns: int
    rgb: np.ndarray
    truth: np.ndarray | None = None
    file: Path | None = None
    camera_info: CameraInfo | None = None
    extrinsics: Extrinsics | None = None
    grid: DrivableGrid | None = None
    pose: tuple[float, float, float] | None = None

    @property
    def file_format(self) -> str | None:
        """Format of the file, 'jpeg' or 'png', as a CompressedImage names it."""
        return self.file and _IMAGE_FORMATS[self.file.suffix.lower()]


@dataclass(frozen=True)
class Source:
    """
    A series of pictures.

    :param description: what it is, for people.
    :param count: number of frames (of a video: as its container states it).
    :param frames: starts a new pass over the frames.
    :param camera_info: calibration that comes with it, if one does.
    :param labels: the classes of its truth; None without truth.
    :param extrinsics: where its camera was mounted, if that is known.
    """

    description: str
    count: int
    frames: Callable[[], Iterator[SourceFrame]]
    camera_info: CameraInfo | None = None
    labels: LabelMap | None = None
    extrinsics: Extrinsics | None = None


def video(path: Path, rate_hz: float | None = None) -> Source:
    """
    Take the frames of a video at their own times.

    :param rate_hz: take only as many frames a second; all without it.
    :raises InputError: no video, or a rate above its own; while reading: damaged.
    """
    # FFmpeg reads its log level from here and would print its own lines beside our error.
    os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
    capture = cv2.VideoCapture(str(path)) if path.is_file() else None
    if capture is None or not capture.isOpened():
        raise InputError(path, found='no such file' if capture is None else 'no readable video',
                         expected='a video file (such as MP4 or AVI)', fix='correct the path')
    fps, count = capture.get(cv2.CAP_PROP_FPS), int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    if not 0.1 <= fps <= 1000.0:
        raise InputError(path, found=f'a frame rate of {fps}', expected='0.1 to 1000 Hz',
                         fix='re-encode the video, or extract its frames and use --images')
    if rate_hz is not None and rate_hz > fps:
        raise InputError('--rate', found=f'{rate_hz:g} Hz', expected=f'at most {fps:g} Hz, the '
                         f"video's own rate", fix='leave it out or lower it')
    taken = count if rate_hz is None else int(np.ceil(count * rate_hz / fps))
    return Source(f'video {path}', taken, lambda: _video_frames(path, fps, count, rate_hz))


def _video_frames(path: Path, fps: float, count: int,
                  rate_hz: float | None) -> Iterator[SourceFrame]:
    capture = cv2.VideoCapture(str(path))
    read = taken = 0
    try:
        while capture.grab():
            # The tolerance keeps rounding from skipping a frame that is due exactly now.
            if rate_hz is None or read * rate_hz >= taken * fps - 1e-6:
                decoded, bgr = capture.retrieve()
                if not decoded:
                    break
                yield SourceFrame(round(read / fps * 1e9), cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
                taken += 1
            read += 1
    finally:
        capture.release()
    if read < max(1, int(count * _COMPLETE_SHARE)):
        raise InputError(path, found=f'a damaged video: {read} of {count} frames',
                         expected='a complete one',
                         fix=f'copy it again, or take what is there with --frames {read}'
                         if read else 'copy it again')


def image_folder(folder: Path, rate_hz: float = DEFAULT_IMAGE_RATE) -> Source:
    """
    Take the JPEG and PNG files of a folder in natural order of their names.

    :raises InputError: no folder or no images in it; while reading: a damaged image.
    """
    if not folder.is_dir():
        raise InputError(folder, found='no such folder', expected='a folder of images',
                         fix='correct the path')
    paths = sorted((path for path in folder.iterdir() if path.suffix.lower() in _IMAGE_FORMATS),
                   key=lambda path: _natural(path.name))
    if not paths:
        raise InputError(folder, found='no JPEG or PNG files', expected='images',
                         fix='name the folder that holds them')
    return Source(f'images in {folder}', len(paths), lambda: _image_frames(paths, rate_hz))


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts frame2 before frame10."""
    return [(int(part or 0), '') if index % 2 else (0, part)
            for index, part in enumerate(re.split(r'(\d+)', name))]


def _image_frames(paths: Sequence[Path], rate_hz: float) -> Iterator[SourceFrame]:
    for index, path in enumerate(paths):
        try:
            rgb = decode_compressed(path.read_bytes())
        except InputError as error:
            raise InputError(path, found=error.found, expected=error.expected,
                             fix='replace or remove the file') from error
        yield SourceFrame(round(index / rate_hz * 1e9), rgb, file=path)


def data_set(root: Path, adapter_name: str, split: str,
             rate_hz: float = DEFAULT_IMAGE_RATE) -> Source:
    """
    Take the labelled images of a data set in the order of their names.

    Pixels known only to be of one of several classes become 255: a mask cannot say it.

    :param adapter_name: name of the adapter, or path of its YAML file.
    :raises RoadSegError: no such adapter or no such images; while reading: a damaged one.
    """
    adapter = DatasetAdapter.load(adapter_name)
    samples = adapter.samples(root, split)

    def frames() -> Iterator[SourceFrame]:
        for index, sample in enumerate(samples):
            rgb, ids = adapter.read(sample)
            truth = np.where(ids < len(adapter.labels.names), ids, UNLABELLED).astype(np.uint8)
            yield SourceFrame(round(index / rate_hz * 1e9), rgb, truth, sample.image)

    return Source(f'{adapter.name} {split} in {root}', len(samples), frames,
                  labels=adapter.labels)


def world(scene: str, frame_count: int, seed: int = 0) -> Source:
    """
    Take the frames of a drive through the drawn world.

    :param scene: one of road_seg.world.drive.SCENES.
    :param seed: of all that is drawn at random.
    :raises ConfigError: no such scene.
    """
    camera_info, mount = setup_of(scene, seed)

    def frames() -> Iterator[SourceFrame]:
        for frame in drive(scene, frame_count, seed):
            yield SourceFrame(frame.stamp_ns, frame.rgb, frame.mask,
                              camera_info=frame.camera_info, extrinsics=frame.extrinsics,
                              grid=frame.grid, pose=frame.pose)

    return Source(f'a drawn road, not a real one (scene {scene}, seed {seed})', frame_count,
                  frames, camera_info, ROAD_LABELS, mount)
