"""Choosing a bag's topics and joining them into frames."""

from pathlib import Path

from drives import INFO
from drives import picture
from drives import truth_of
from drives import write_drive
from hypothesis import given
from hypothesis import HealthCheck
from hypothesis import settings
from hypothesis import strategies
import numpy as np
import pytest

from road_seg.bags import messages
from road_seg.bags.drive import Drive
from road_seg.bags.drive import Frame
from road_seg.bags.reader import BagReader
from road_seg.bags.writer import create_bag
from road_seg.errors import InputError
from road_seg.serialized import header_stamp_ns


def write(path: Path, entries: list[tuple[str, int]]) -> Path:
    """Write small messages on topics, in this order, with these stamps and rising log times."""
    with create_bag(path) as writer:
        for log_ns, (topic, stamp) in enumerate(entries):
            kind = messages.CAMERA_INFO if topic.endswith('camera_info') else (
                messages.COMPRESSED_IMAGE if topic.endswith('compressed') else messages.IMAGE)
            cdr = {
                messages.CAMERA_INFO: lambda stamp: messages.encode_camera_info(INFO, stamp, 'c'),
                messages.COMPRESSED_IMAGE: lambda stamp: messages.encode_compressed(
                    b'', 'jpeg', stamp, 'c'),
                messages.IMAGE: lambda stamp: messages.encode_image(picture(0), stamp, 'c'),
            }[kind](stamp)
            writer.write(topic, kind, log_ns, cdr)
    return path


def read(path: Path, image_topic: str | None = None) -> tuple[Drive, list[Frame]]:
    """Return a bag's drive and frames."""
    with BagReader(path) as reader:
        drive = Drive(reader, image_topic)
        return drive, list(drive.frames())


def test_frames_carry_calibration_and_truth(tmp_path: Path):
    drive, frames = read(write_drive(tmp_path / 'drive'))
    assert (drive.image_topic, drive.info_topic, drive.truth_topic) == (
        '/camera/image_raw', '/camera/camera_info', '/road_mask/truth')
    assert drive.frame_count == len(frames) == 3
    for index, frame in enumerate(frames):
        assert header_stamp_ns(frame.camera_info) == frame.stamp_ns
        np.testing.assert_array_equal(messages.decode_mask(frame.truth), truth_of(picture(index)))


def test_frames_without_calibration_and_truth(tmp_path: Path):
    drive, frames = read(write_drive(tmp_path / 'drive', with_truth=False, with_info=False))
    assert (drive.info_topic, drive.truth_topic) == (None, None)
    assert [(frame.camera_info, frame.truth) for frame in frames] == [(None, None)] * 3


def test_a_calibration_that_comes_late_serves_the_first_frames(tmp_path: Path):
    bag = write(tmp_path / 'bag', [('/c/image', 1), ('/c/image', 2), ('/c/camera_info', 2)])
    _, frames = read(bag)
    assert all(frame.camera_info is not None for frame in frames)


@pytest.mark.parametrize(('image', 'info'), [
    ('/image', '/camera_info'), ('/a/b/image_raw', '/a/b/camera_info'),
    ('/a/image/compressed', '/a/camera_info')])
def test_the_calibration_is_the_sibling_of_the_image(tmp_path: Path, image: str, info: str):
    bag = write(tmp_path / 'bag', [('/other/camera_info', 1), (info, 1), (image, 1)])
    assert read(bag)[0].info_topic == info


def test_raw_images_are_preferred_to_their_compressed_copy(tmp_path: Path):
    bag = write(tmp_path / 'bag', [('/c/image', 1), ('/c/image/compressed', 1)])
    assert read(bag)[0].image_topic == '/c/image'
    assert read(bag, '/c/image/compressed')[0].image_type == messages.COMPRESSED_IMAGE


def test_masks_are_not_taken_for_camera_images(tmp_path: Path):
    bag = write(tmp_path / 'bag', [('/road_mask', 1), ('/road_mask/overlay', 1), ('/image', 1)])
    assert read(bag)[0].image_topic == '/image'


def test_two_cameras_need_a_choice(tmp_path: Path):
    bag = write(tmp_path / 'bag', [('/left/image', 1), ('/right/image', 1)])
    with pytest.raises(InputError, match=r'found the image topics /left/image, /right/image; '
                                         r'.*--image'):
        read(bag)
    assert read(bag, '/right/image')[0].image_topic == '/right/image'


@pytest.mark.parametrize('topic', ['/no/such', '/c/camera_info'])
def test_a_chosen_topic_must_have_images(tmp_path: Path, topic: str):
    bag = write(tmp_path / 'bag', [('/c/camera_info', 1), ('/c/image', 1)])
    with pytest.raises(InputError, match=f'no images on {topic}'):
        read(bag, topic)


def test_a_bag_without_images_names_its_topics(tmp_path: Path):
    bag = write(tmp_path / 'bag', [('/c/camera_info', 1)])
    with pytest.raises(InputError, match=r'no images \(topics: /c/camera_info\)'):
        read(bag)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None,
          max_examples=25)
@given(labelled=strategies.sets(strategies.integers(0, 29)), delay=strategies.integers(-3, 3))
def test_truth_finds_its_frame_before_or_after_it(tmp_path_factory: pytest.TempPathFactory,
                                                  labelled: set[int], delay: int):
    # Each truth is recorded `delay` frames after (or before) its image.
    entries = [(10 * stamp, '/image', stamp) for stamp in range(30)]
    entries += [(10 * (stamp + delay) + 1, '/road_mask/truth', stamp) for stamp in labelled]
    bag = write(tmp_path_factory.mktemp('truth') / 'bag',
                [(topic, stamp) for _, topic, stamp in sorted(entries)])
    _, frames = read(bag)
    assert [frame.stamp_ns for frame in frames] == list(range(30))
    assert {frame.stamp_ns for frame in frames if frame.truth is not None} == labelled


def test_images_that_the_index_names_but_are_not_there(tmp_path: Path):
    bag = write(tmp_path / 'bag', [('/image', 1), ('/image', 2)])
    metadata = bag / 'metadata.yaml'
    # rosbags matches topics of metadata and storage by QoS too and then skips silently.
    metadata.write_text(metadata.read_text().replace('depth: 10', 'depth: 11'))
    with pytest.raises(InputError, match='found 0 of 2 images on /image'):
        read(bag)


def test_truth_that_never_finds_an_image_is_not_kept_for_ever(tmp_path: Path):
    bag = write(tmp_path / 'bag', [('/road_mask/truth', stamp) for stamp in range(300)]
                + [('/image', 5), ('/image', 299)])
    drive, frames = read(bag)
    assert drive.truth_count == 300
    assert [(frame.stamp_ns, frame.truth is None) for frame in frames] == [(5, True), (299, False)]
