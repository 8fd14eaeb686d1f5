"""Drives made of pictures: topics, calibration, pass-through and repeatability."""

from dataclasses import replace
from pathlib import Path

import cv2
from drives import HEIGHT
from drives import INFO
from drives import picture
from drives import WIDTH
from drives import write_video
import numpy as np
import pytest

from road_seg.bags import messages
from road_seg.bags import sources
from road_seg.bags.drive import Drive
from road_seg.bags.drive import Frame
from road_seg.bags.reader import BagReader
from road_seg.bags.sample import labels_of
from road_seg.bags.sample import load_calibration
from road_seg.bags.sample import record
from road_seg.bags.sources import world
from road_seg.calibration import CameraInfo
from road_seg.camera import CameraModel
from road_seg.errors import CalibrationError
from road_seg.errors import InputError
from road_seg.labels import ROAD_LABELS


def write_jpegs(folder: Path, count: int) -> Path:
    """Write JPEG pictures and return the folder."""
    folder.mkdir()
    for index in range(count):
        cv2.imwrite(str(folder / f'{index}.jpg'), picture(index)[..., ::-1])
    return folder


def frames_of(bag: Path) -> list[Frame]:
    """Return a bag's frames."""
    with BagReader(bag) as reader:
        return list(Drive(reader).frames())


def info_of(frame: Frame) -> CameraInfo:
    """Return a frame's calibration."""
    return CameraInfo.from_message(messages.decode(frame.camera_info, messages.CAMERA_INFO))


def test_a_video_becomes_a_drive(tmp_path: Path):
    source = sources.video(write_video(tmp_path / 'video.avi', count=4))
    recording = record(source, tmp_path / 'drive')
    assert (recording.frames, recording.labelled) == (4, 0)
    assert recording.camera.startswith('nominal')
    with BagReader(tmp_path / 'drive') as reader:
        assert {name: topic.count for name, topic in reader.topics.items()} == {
            '/camera/image_raw': 4, '/camera/camera_info': 4}
        assert reader.custom['road_seg.camera'].startswith('nominal')
        assert 'video.avi' in reader.custom['road_seg.source']
        assert labels_of(reader.custom) is None
        image = messages.decode(reader.first('/camera/image_raw').cdr, messages.IMAGE)
    assert image.header.frame_id == 'camera_optical_frame'
    frames = frames_of(tmp_path / 'drive')
    assert np.diff([frame.stamp_ns for frame in frames]).tolist() == [100_000_000] * 3
    assert info_of(frames[0]) == CameraInfo.nominal(WIDTH, HEIGHT, 60.0)


def test_truth_and_its_classes_are_kept(tmp_path: Path):
    recording = record(world('straight', 2), tmp_path / 'drive')
    assert (recording.frames, recording.labelled, recording.camera) == (2, 2, 'calibrated')
    expected = [frame.truth for frame in world('straight', 2).frames()]
    np.testing.assert_array_equal(
        [messages.decode_mask(frame.truth) for frame in frames_of(tmp_path / 'drive')], expected)
    with BagReader(tmp_path / 'drive') as reader:
        assert labels_of(reader.custom) == ROAD_LABELS


def test_jpeg_files_pass_through_byte_by_byte(tmp_path: Path):
    folder = write_jpegs(tmp_path / 'frames', 2)
    record(sources.image_folder(folder), tmp_path / 'drive', compressed=True)
    with BagReader(tmp_path / 'drive') as reader:
        found = [messages.decode(message.cdr, messages.COMPRESSED_IMAGE)
                 for message in reader.messages(['/camera/image_raw/compressed'])]
        assert '/camera/image_raw' not in reader.topics
    assert [message.format for message in found] == ['jpeg', 'jpeg']
    assert [message.data.tobytes() for message in found] == [
        (folder / f'{index}.jpg').read_bytes() for index in range(2)]


def test_video_frames_are_compressed_when_asked(tmp_path: Path):
    source = sources.video(write_video(tmp_path / 'video.avi', count=3))
    record(source, tmp_path / 'drive', compressed=True)
    decoded = [messages.decode_rgb(frame.image, messages.COMPRESSED_IMAGE)
               for frame in frames_of(tmp_path / 'drive')]
    for rgb, frame in zip(decoded, source.frames(), strict=True):
        np.testing.assert_allclose(rgb, frame.rgb, atol=3)


def test_no_more_frames_than_asked(tmp_path: Path):
    folder = write_jpegs(tmp_path / 'frames', 5)
    done = []
    recording = record(sources.image_folder(folder), tmp_path / 'drive', frames=2,
                       progress=done.append)
    assert recording.frames == 2
    assert done == [1, 2]


def test_the_same_source_gives_the_same_bytes(tmp_path: Path):
    for name in ('a', 'b'):
        record(world('straight', 2), tmp_path / name / 'drive')
    for file in ('drive.mcap', 'metadata.yaml'):
        assert (tmp_path / 'a' / 'drive' / file).read_bytes() == (
            tmp_path / 'b' / 'drive' / file).read_bytes()


def test_a_given_calibration_is_used(tmp_path: Path):
    info = replace(INFO, d=(0.1, 0.0, 0.0, 0.0, 0.0))
    source = sources.image_folder(write_jpegs(tmp_path / 'frames', 1))
    assert record(source, tmp_path / 'drive', camera_info=info).camera == 'calibrated'
    assert info_of(frames_of(tmp_path / 'drive')[0]) == info


def test_a_calibration_is_scaled_with_the_image(tmp_path: Path):
    large = CameraInfo(128, 96, 'plumb_bob', (0.1,) * 5, (100.0, 0.0, 60.0, 0.0, 110.0, 50.0,
                       0.0, 0.0, 1.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
                       (90.0, 0.0, 61.0, -9.0, 0.0, 95.0, 51.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    source = sources.image_folder(write_jpegs(tmp_path / 'frames', 1))
    record(source, tmp_path / 'drive', camera_info=large)
    scaled = info_of(frames_of(tmp_path / 'drive')[0])
    assert (scaled.width, scaled.height, scaled.d) == (64, 48, large.d)
    # Half the focal length; the centre moves as pixel centres do: (c + 0.5) / 2 - 0.5.
    assert scaled.k == (50.0, 0.0, 29.75, 0.0, 55.0, 24.75, 0.0, 0.0, 1.0)
    assert scaled.p == (45.0, 0.0, 30.25, -4.5, 0.0, 47.5, 25.25, 0.0, 0.0, 0.0, 1.0, 0.0)
    assert CameraModel.from_info(scaled) == CameraModel.from_info(large, (64, 48))


def test_a_calibration_of_another_shape_is_refused(tmp_path: Path):
    source = sources.image_folder(write_jpegs(tmp_path / 'frames', 1))
    with pytest.raises(CalibrationError, match='64 x 48'):
        record(source, tmp_path / 'drive', camera_info=CameraInfo.nominal(100, 100, 60.0))
    assert not (tmp_path / 'drive').exists()


def test_a_damaged_image_leaves_no_bag(tmp_path: Path):
    folder = write_jpegs(tmp_path / 'frames', 3)
    (folder / '2.jpg').write_bytes(b'\xff\xd8 no picture')
    with pytest.raises(InputError, match=r'2\.jpg'):
        record(sources.image_folder(folder), tmp_path / 'drive')
    assert [entry.name for entry in tmp_path.iterdir()] == ['frames']


def test_an_uncalibrated_calibration_names_its_file(tmp_path: Path):
    path = tmp_path / 'camera.yaml'
    path.write_text(
        'image_width: 64\nimage_height: 48\ndistortion_model: plumb_bob\n'
        'camera_matrix: {data: [0, 0, 0, 0, 0, 0, 0, 0, 1]}\n'
        'distortion_coefficients: {data: [0, 0, 0, 0, 0]}\n'
        'rectification_matrix: {data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}\n'
        'projection_matrix: {data: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]}\n')
    with pytest.raises(CalibrationError, match=r'camera\.yaml: camera_info K\[0\]'):
        load_calibration(path)
