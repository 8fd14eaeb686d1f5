"""Bags on disk: an independent reader, interruption, damage and bounded memory."""

from contextlib import suppress
from pathlib import Path
import tracemalloc

from drives import HEIGHT
from drives import picture
from drives import START_NS
from drives import WIDTH
from drives import write_drive
from hypothesis import given
from hypothesis import HealthCheck
from hypothesis import settings
from hypothesis import strategies
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
import numpy as np
import pytest
import yaml

from road_seg.bags.drive import Drive
from road_seg.bags.messages import decode_rgb
from road_seg.bags.messages import encode_image
from road_seg.bags.messages import IMAGE
from road_seg.bags.reader import BagReader
from road_seg.bags.writer import create_bag
from road_seg.errors import InputError


def read_all(path: Path) -> int:
    """Read a bag as a replay does and return the number of frames."""
    with BagReader(path) as reader:
        return sum(1 for _ in Drive(reader).frames())


def test_another_reader_finds_messages_and_definitions(tmp_path: Path):
    write_drive(tmp_path / 'drive', count=2)
    with (tmp_path / 'drive' / 'drive.mcap').open('rb') as file:
        reader = make_reader(file, validate_crcs=True, decoder_factories=[DecoderFactory()])
        found = [(channel.topic, message.log_time, ros) for _, channel, message, ros in
                 reader.iter_decoded_messages()]
        schemas = {schema.name for schema in reader.get_summary().schemas.values()}
    assert [(topic, time) for topic, time, _ in found] == [
        (topic, time) for time in (START_NS, START_NS + 100_000_000)
        for topic in ('/camera/camera_info', '/camera/image_raw', '/road_mask/truth')]
    assert bytes(found[1][2].data) == picture(0).tobytes()
    assert schemas == {'sensor_msgs/msg/Image', 'sensor_msgs/msg/CameraInfo'}


def test_metadata_says_what_rosbag2_needs(tmp_path: Path):
    with create_bag(tmp_path / 'bag', custom={'origin': 'test'}) as writer:
        writer.write('/grid', IMAGE, 7, encode_image(picture(0), 7, 'camera'), latched=True)
    metadata = yaml.safe_load((tmp_path / 'bag' / 'metadata.yaml').read_text())
    info = metadata['rosbag2_bagfile_information']
    assert info['storage_identifier'] == 'mcap'
    assert info['relative_file_paths'] == ['bag.mcap']
    assert info['message_count'] == 1
    assert info['custom_data'] == {'origin': 'test'}
    topic = info['topics_with_message_count'][0]['topic_metadata']
    assert (topic['name'], topic['type']) == ('/grid', 'sensor_msgs/msg/Image')
    qos = topic['offered_qos_profiles'][0]
    assert (qos['durability'], qos['depth'], qos['reliability']) == (
        'transient_local', 1, 'reliable')


def test_a_bag_is_read_as_folder_and_as_file(tmp_path: Path):
    bag = write_drive(tmp_path / 'drive')
    assert read_all(bag) == 3
    assert read_all(bag / 'drive.mcap') == 3


def test_nothing_remains_after_an_error(tmp_path: Path):
    def interrupted() -> None:
        with create_bag(tmp_path / 'bag') as writer:
            writer.write('/image', IMAGE, 1, encode_image(picture(0), 1, 'camera'))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_bag_is_not_replaced_unasked(tmp_path: Path):
    bag = write_drive(tmp_path / 'drive')
    with pytest.raises(InputError, match='--force'):
        write_drive(bag, count=1)
    assert read_all(bag) == 3


def test_a_bag_is_replaced_when_asked(tmp_path: Path):
    bag = write_drive(tmp_path / 'drive')
    with create_bag(bag, overwrite=True) as writer:
        writer.write('/image', IMAGE, 1, encode_image(picture(0), 1, 'camera'))
    assert read_all(bag) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ['drive']


def test_the_old_bag_stays_when_its_replacement_fails(tmp_path: Path):
    bag = write_drive(tmp_path / 'drive')
    with pytest.raises(RuntimeError), create_bag(bag, overwrite=True):
        raise RuntimeError
    assert read_all(bag) == 3
    assert [entry.name for entry in tmp_path.iterdir()] == ['drive']


def test_what_is_no_bag_is_never_replaced(tmp_path: Path):
    (tmp_path / 'precious').mkdir()
    (tmp_path / 'precious' / 'thesis.tex').touch()
    with (pytest.raises(InputError, match='something else than a bag'),
          create_bag(tmp_path / 'precious', overwrite=True)):
        pass
    assert (tmp_path / 'precious' / 'thesis.tex').exists()


def test_an_empty_bag_has_no_images(tmp_path: Path):
    with create_bag(tmp_path / 'empty'):
        pass
    with pytest.raises(InputError, match=r'no images \(topics: none\)'):
        read_all(tmp_path / 'empty')


@pytest.mark.parametrize(('make', 'finding'), [
    (lambda path: None, 'no such file'),
    (lambda path: path.mkdir(), 'a folder without metadata.yaml'),
    (lambda path: path.write_text('hello'), 'a nameless file'),
])
def test_what_is_no_bag_is_named(tmp_path: Path, make: object, finding: str):
    make(tmp_path / 'thing')
    with pytest.raises(InputError, match=f'thing: found {finding}; expected a rosbag2 folder'):
        read_all(tmp_path / 'thing')


def test_a_bag_whose_metadata_names_a_missing_file(tmp_path: Path):
    bag = write_drive(tmp_path / 'drive')
    (bag / 'drive.mcap').unlink()
    with pytest.raises(InputError, match='damaged or truncated bag'):
        read_all(bag)


@pytest.mark.parametrize('text', ['', 'a: [', 'a: 1', 'rosbag2_bagfile_information: 3'])
def test_damaged_metadata(tmp_path: Path, text: str):
    bag = write_drive(tmp_path / 'drive')
    (bag / 'metadata.yaml').write_text(text)
    with BagReader(bag) as reader:
        drive = Drive(reader)
        assert len(list(drive.frames())) == 3
    assert drive.loss.startswith('3 of 3 images on /camera/image_raw could be read: ')


@pytest.fixture(scope='module')
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the storage file of a drive."""
    bag = write_drive(tmp_path_factory.mktemp('whole') / 'drive')
    return (bag / 'drive.mcap').read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(share=strategies.floats(0.0, 1.0, exclude_max=True))
def test_a_bag_cut_short_is_read_to_the_cut_or_refused(tmp_path: Path, content: bytes,
                                                       share: float):
    file = tmp_path / 'cut.mcap'
    file.write_bytes(content[:int(share * len(content))])
    with suppress(InputError), BagReader(file) as reader:
        drive = Drive(reader)
        # The whole drive is one chunk.
        assert len(list(drive.frames())) == 3
        assert drive.loss.startswith('3 of 3 images on /camera/image_raw could be read: ')


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(share=strategies.floats(0.0, 1.0, exclude_max=True), value=strategies.integers(0, 255))
def test_a_flipped_byte_never_escapes_as_another_error(tmp_path: Path, content: bytes,
                                                       share: float, value: int):
    damaged = bytearray(content)
    damaged[int(share * len(content))] = value
    file = tmp_path / 'flipped.mcap'
    file.write_bytes(damaged)
    with suppress(InputError), BagReader(file) as reader:
        drive = Drive(reader)
        for frame in drive.frames():
            decode_rgb(frame.image, drive.image_type)


def test_memory_does_not_grow_with_the_bag(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    with create_bag(tmp_path / 'long') as writer:
        for index in range(60):
            writer.write('/image', IMAGE, index, encode_image(noise, index, 'camera'))
            writer.write('/road_mask/truth', IMAGE, index,
                         encode_image(noise[..., 0], index, 'camera'))
    tracemalloc.start()
    assert read_all(tmp_path / 'long') == 60
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * noise.nbytes < 60 * noise.nbytes // 2


def test_pictures_are_equal_after_the_way_through_a_bag(tmp_path: Path):
    with BagReader(write_drive(tmp_path / 'drive')) as reader:
        drive = Drive(reader)
        shown = [decode_rgb(frame.image, drive.image_type) for frame in drive.frames()]
    assert [rgb.shape for rgb in shown] == [(HEIGHT, WIDTH, 3)] * 3
    np.testing.assert_array_equal(shown, [picture(index) for index in range(3)])
