"""Making a drive: pictures, calibration and truth become a rosbag2."""

from collections.abc import Callable
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import replace
from itertools import islice
import json
from pathlib import Path

import cv2
import numpy as np

from road_seg.bags.drive import GRID_TRUTH_TOPIC
from road_seg.bags.drive import REASONS_TRUTH_TOPIC
from road_seg.bags.drive import TRUTH_TOPIC
from road_seg.bags.messages import CAMERA_INFO
from road_seg.bags.messages import COMPRESSED_IMAGE
from road_seg.bags.messages import encode_camera_info
from road_seg.bags.messages import encode_compressed
from road_seg.bags.messages import encode_grid
from road_seg.bags.messages import encode_image
from road_seg.bags.messages import encode_transforms
from road_seg.bags.messages import IMAGE
from road_seg.bags.messages import OCCUPANCY_GRID
from road_seg.bags.messages import TF
from road_seg.bags.sources import Source
from road_seg.bags.sources import SourceFrame
from road_seg.bags.writer import BagWriter
from road_seg.bags.writer import create_bag
from road_seg.calibration import CameraInfo
from road_seg.camera import CameraModel
from road_seg.camera import Extrinsics
from road_seg.errors import CalibrationError
from road_seg.errors import InputError
from road_seg.labels import LabelMap

IMAGE_TOPIC = '/camera/image_raw'
COMPRESSED_TOPIC = f'{IMAGE_TOPIC}/compressed'
INFO_TOPIC = '/camera/camera_info'
TF_TOPIC = '/tf'
FRAME_ID = 'camera_optical_frame'
BASE_FRAME, ODOM_FRAME = 'base_link', 'odom'
NOMINAL_HFOV_DEG = 60.0
LABELS_KEY = 'road_seg.labels'
CAMERA_KEY = 'road_seg.camera'
SOURCE_KEY = 'road_seg.source'
EXTRINSICS_KEY = 'road_seg.extrinsics'

# Sources carry no time of day; a fixed one makes equal input give equal bags.
_START_NS = 1_700_000_000 * 10**9
_JPEG_QUALITY = 95


@dataclass(frozen=True)
class Recording:
    """What a drive was made of: frames, those with truth, and where its calibration is from."""

    frames: int
    labelled: int
    camera: str


def load_calibration(path: Path) -> CameraInfo:
    """
    Read a calibration that can be used.

    :raises CalibrationError: the file is unreadable or a value in it is unusable.
    """
    info = CameraInfo.load(path)
    try:
        CameraModel.from_info(info)
    except CalibrationError as error:
        raise error.within(path) from error
    return info


def record(source: Source, out: Path, *, camera_info: CameraInfo | None = None,
           frames: int | None = None, compressed: bool = False, overwrite: bool = False,
           progress: Callable[[int], None] = lambda done: None) -> Recording:
    """
    Write a source as a drive: images, camera_info and what truth there is: masks, grids, poses.

    :param out: the bag to make.
    :param camera_info: calibration; else the source's own, else a nominal one.
    :param frames: take no more than so many frames.
    :param compressed: write CompressedImage; image files pass through byte by byte.
    :param overwrite: replace a bag of that name.
    :param progress: called after each frame with the number of frames written.
    :raises RoadSegError: the source is unreadable, or the calibration cannot belong to it.
    """
    info = camera_info or source.camera_info
    camera = 'calibrated' if info else (
        f'nominal: no calibration given, {NOMINAL_HFOV_DEG:g} degrees of horizontal view assumed')
    custom = {CAMERA_KEY: camera, SOURCE_KEY: source.description}
    if source.labels:
        custom[LABELS_KEY] = source.labels.to_json()
    if source.extrinsics:
        custom[EXTRINSICS_KEY] = json.dumps(asdict(source.extrinsics))
    written = labelled = 0
    with create_bag(out, overwrite=overwrite, custom=custom) as writer:
        for frame in islice(source.frames(), frames):
            _write_frame(writer, frame, camera_info or frame.camera_info or source.camera_info,
                         compressed)
            written += 1
            labelled += frame.truth is not None
            progress(written)
        if not written:
            raise InputError(source.description, found='no frames', expected='at least one',
                             fix='name another source')
    return Recording(written, labelled, camera)


def _write_frame(writer: BagWriter, frame: SourceFrame, info: CameraInfo | None,
                 compressed: bool) -> None:
    stamp_ns = _START_NS + frame.time_ns
    height, width = frame.rgb.shape[:2]
    info = _resized(info, width, height) if info else (
        CameraInfo.nominal(width, height, NOMINAL_HFOV_DEG))
    writer.write(INFO_TOPIC, CAMERA_INFO, stamp_ns, encode_camera_info(info, stamp_ns, FRAME_ID))
    if compressed:
        writer.write(COMPRESSED_TOPIC, COMPRESSED_IMAGE, stamp_ns,
                     encode_compressed(*_image_file(frame), stamp_ns, FRAME_ID))
    else:
        writer.write(IMAGE_TOPIC, IMAGE, stamp_ns, encode_image(frame.rgb, stamp_ns, FRAME_ID))
    if frame.truth is not None:
        writer.write(TRUTH_TOPIC, IMAGE, stamp_ns, encode_image(frame.truth, stamp_ns, FRAME_ID))
    if frame.grid is not None:
        writer.write(GRID_TRUTH_TOPIC, OCCUPANCY_GRID, stamp_ns,
                     encode_grid(frame.grid, stamp_ns, BASE_FRAME))
        writer.write(REASONS_TRUTH_TOPIC, IMAGE, stamp_ns,
                     encode_image(frame.grid.reasons, stamp_ns, BASE_FRAME))
    if frame.pose is not None and frame.extrinsics is not None:
        writer.write(TF_TOPIC, TF, stamp_ns, _transforms(frame.pose, frame.extrinsics, stamp_ns))


def _transforms(pose: tuple[float, float, float], extrinsics: Extrinsics,
                stamp_ns: int) -> bytes:
    """Return where the vehicle is in odom and the camera's optical frame in base_link."""
    x, y, yaw = pose
    place = (extrinsics.x, extrinsics.y, extrinsics.z)
    return encode_transforms(
        [(ODOM_FRAME, BASE_FRAME, Extrinsics(x, y, 0.0, yaw=yaw)),
         (BASE_FRAME, FRAME_ID,
          Extrinsics.from_rotation(place, extrinsics.optical_rotation))], stamp_ns)


def _image_file(frame: SourceFrame) -> tuple[bytes, str]:
    """Return the bytes and format of the frame's file, made here if it has none."""
    if frame.file:
        return frame.file.read_bytes(), frame.file_format
    bgr = cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode('.jpg', bgr, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
    return data.tobytes(), 'jpeg'


def _resized(info: CameraInfo, width: int, height: int) -> CameraInfo:
    """
    Return the calibration of the same camera's images resized to (width, height).

    :raises CalibrationError: the images have another shape.
    """
    if (width, height) == (info.width, info.height):
        return info
    CameraModel.from_info(info, (width, height))  # refuses another shape
    scale = np.diag((width / info.width, height / info.height, 1.0))
    # Outer image edges stay together, as in CameraModel: (c + 0.5) * scale - 0.5.
    scale[:2, 2] = (np.diag(scale)[:2] - 1.0) / 2.0
    return replace(info, width=width, height=height,
                   k=tuple((scale @ np.reshape(info.k, (3, 3))).ravel().tolist()),
                   p=tuple((scale @ np.reshape(info.p, (3, 4))).ravel().tolist()))


def labels_of(custom: dict[str, str]) -> LabelMap | None:
    """Return the classes of a bag's truth from its custom metadata, None if it does not say."""
    return LabelMap.from_json(custom[LABELS_KEY]) if LABELS_KEY in custom else None


def extrinsics_of(custom: dict[str, str]) -> Extrinsics | None:
    """
    Return where a bag's camera was mounted from its custom metadata, None if it does not say.

    :raises InputError: the metadata is malformed.
    """
    text = custom.get(EXTRINSICS_KEY)
    if text is None:
        return None
    try:
        return Extrinsics(**{name: float(value) for name, value in json.loads(text).items()})
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f'bag metadata {EXTRINSICS_KEY}', found=repr(text[:80]),
                         expected='{"x": ..., "y": ..., "z": ..., "roll": ..., "pitch": ..., '
                         '"yaw": ...}', fix='make the bag again with `road-seg sample`') from error
