"""Recordings that are damaged, without an index, split, compressed, or of ROS 1."""

from pathlib import Path
import shutil

from drives import INFO
from drives import PERIOD_NS
from drives import picture
from drives import START_NS
import numpy as np
import pytest
from rosbags.rosbag1 import Writer as Rosbag1Writer
from rosbags.rosbag2 import CompressionFormat
from rosbags.rosbag2 import CompressionMode
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer
from rosbags.typesys import get_typestore
from rosbags.typesys import Stores
import yaml

from road_seg.bags import messages
from road_seg.bags.drive import Drive
from road_seg.bags.reader import BagReader
from road_seg.errors import InputError

COUNT = 40
STAMPS = [START_NS + index * PERIOD_NS for index in range(COUNT)]


def noise(index: int) -> np.ndarray:
    """Return a picture that does not compress, so that a bag of them has several chunks."""
    return np.random.default_rng(index).integers(0, 256, (240, 320, 3), np.uint8)


def write(path: Path, storage: StoragePlugin, mode: CompressionMode | None = None,
          stamps: list[int] = STAMPS) -> Path:
    """Write a drive of noise with one of the storages and compressions of rosbag2."""
    writer = Writer(path, version=Writer.VERSION_LATEST, storage_plugin=storage)
    if mode:
        writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        images = writer.add_connection('/camera/image_raw', messages.IMAGE,
                                       typestore=messages.typestore())
        for stamp in stamps:
            index = (stamp - START_NS) // PERIOD_NS
            writer.write(images, stamp, messages.encode_image(noise(index), stamp, 'camera'))
    return path


def read(path: Path) -> tuple[list[int], str | None]:
    """Return the stamps of the frames that can be read, and the loss."""
    with BagReader(path) as reader:
        drive = Drive(reader)
        stamps = []
        for frame in drive.frames():
            stamps.append(frame.stamp_ns)
            np.testing.assert_array_equal(messages.decode_rgb(frame.image, drive.image_type),
                                          noise(frame.index))
    return stamps, drive.loss


@pytest.mark.parametrize(('storage', 'mode'), [
    (StoragePlugin.MCAP, None), (StoragePlugin.MCAP, CompressionMode.STORAGE),
    (StoragePlugin.MCAP, CompressionMode.MESSAGE), (StoragePlugin.MCAP, CompressionMode.FILE),
    (StoragePlugin.SQLITE3, None), (StoragePlugin.SQLITE3, CompressionMode.MESSAGE),
    (StoragePlugin.SQLITE3, CompressionMode.FILE)])
def test_every_storage_and_compression_of_rosbag2(tmp_path: Path, storage: StoragePlugin,
                                                  mode: CompressionMode | None):
    assert read(write(tmp_path / 'drive', storage, mode)) == (STAMPS, None)


def test_a_split_bag_is_one_drive(tmp_path: Path):
    first = write(tmp_path / 'drive', StoragePlugin.MCAP, stamps=STAMPS[:25])
    second = write(tmp_path / 'drive_1', StoragePlugin.MCAP, stamps=STAMPS[25:])
    (second / 'drive_1.mcap').rename(first / 'drive_1.mcap')
    metadata = yaml.safe_load((first / 'metadata.yaml').read_text())
    info = metadata['rosbag2_bagfile_information']
    info['relative_file_paths'].append('drive_1.mcap')
    info['message_count'] = info['topics_with_message_count'][0]['message_count'] = COUNT
    (first / 'metadata.yaml').write_text(yaml.safe_dump(metadata))
    assert read(first) == (STAMPS, None)
    # Without its metadata the files are taken in the order of their names.
    (first / 'metadata.yaml').unlink()
    stamps, loss = read(first)
    assert stamps == STAMPS
    assert loss.startswith(f'{COUNT} of {COUNT} images on /camera/image_raw could be read: ')


@pytest.mark.parametrize('storage', [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
@pytest.mark.parametrize('share', [0.2, 0.5, 0.95])
def test_a_bag_cut_short_is_read_up_to_the_cut(tmp_path: Path, storage: StoragePlugin,
                                               share: float):
    bag = write(tmp_path / 'drive', storage)
    file = next(path for path in bag.iterdir() if path.suffix != '.yaml')
    file.write_bytes(file.read_bytes()[:int(share * file.stat().st_size)])
    for path in (bag, file):
        stamps, loss = read(path)
        assert stamps == STAMPS[:len(stamps)]
        # A chunk has five pictures; the database's last page may hold the end of another.
        assert share * COUNT - 6 <= len(stamps) <= share * COUNT
        assert 'images on /camera/image_raw could be read' in loss


def test_damage_within_an_indexed_bag_ends_the_reading_there(tmp_path: Path):
    file = write(tmp_path / 'drive', StoragePlugin.MCAP, CompressionMode.STORAGE) / 'drive.mcap'
    content = bytearray(file.read_bytes())
    start = content.index(b'\x28\xb5\x2f\xfd', len(content) // 2)  # of a zstd frame
    content[start:start + 4] = bytes(4)
    file.write_bytes(content)
    stamps, loss = read(file)
    assert stamps == STAMPS[:len(stamps)]
    assert 20 <= len(stamps) <= 25
    assert loss.startswith(f'{len(stamps)} of {COUNT} images')


def test_an_empty_file_is_refused(tmp_path: Path):
    (tmp_path / 'empty.mcap').touch()
    with pytest.raises(InputError, match='damaged or truncated bag'):
        read(tmp_path / 'empty.mcap')


def write_ros1(path: Path, compression: Rosbag1Writer.CompressionFormat | None) -> Path:
    """Write the drive of noise as a bag of ROS 1."""
    store = get_typestore(Stores.ROS1_NOETIC)
    types = store.types
    writer = Rosbag1Writer(path)
    if compression:
        writer.set_compression(compression)
    with writer:
        images = writer.add_connection('/camera/image_raw', messages.IMAGE, typestore=store)
        other = writer.add_connection('/note', 'std_msgs/msg/String', typestore=store)
        for index, stamp in enumerate(STAMPS):
            time = types['builtin_interfaces/msg/Time'](stamp // 10**9, stamp % 10**9)
            header = types['std_msgs/msg/Header'](seq=index, stamp=time, frame_id='camera')
            image = noise(index)
            height, width = image.shape[:2]
            writer.write(images, stamp, store.serialize_ros1(types[messages.IMAGE](
                header=header, height=height, width=width, encoding='rgb8', is_bigendian=0,
                step=3 * width, data=image.reshape(-1)), messages.IMAGE))
            writer.write(other, stamp, store.serialize_ros1(
                types['std_msgs/msg/String'](f'frame {index}'), 'std_msgs/msg/String'))
    return path


COMPRESSIONS = [None, *Rosbag1Writer.CompressionFormat]


@pytest.mark.parametrize('compression', COMPRESSIONS)
@pytest.mark.parametrize('share', [0.2, 0.5, 0.95])
def test_a_bag_of_ros_1_cut_short_is_read_up_to_the_cut(
        tmp_path: Path, compression: Rosbag1Writer.CompressionFormat | None, share: float):
    file = write_ros1(tmp_path / 'drive.bag', compression)
    assert read(file) == (STAMPS, None)
    file.write_bytes(file.read_bytes()[:int(share * file.stat().st_size)])
    stamps, loss = read(file)
    assert stamps == STAMPS[:len(stamps)]
    # A chunk has five pictures.
    assert share * COUNT - 6 <= len(stamps) <= share * COUNT
    assert loss.startswith(f'{len(stamps)} of {len(stamps)} images on /camera/image_raw could be '
                           'read: Got only')


def test_a_bag_of_ros_1_that_was_never_closed(tmp_path: Path):
    content = bytearray(write_ros1(tmp_path / 'drive.bag', None).read_bytes())
    where = content.index(b'index_pos=') + len(b'index_pos=')
    index = int.from_bytes(content[where:where + 8], 'little')
    content[where:where + 8] = bytes(8)
    file = tmp_path / 'drive.bag.active'
    file.write_bytes(content[:index])
    stamps, loss = read(file)
    assert stamps == STAMPS
    assert loss == (f'{COUNT} of {COUNT} images on /camera/image_raw could be read: Bag is not '
                    'indexed, reindex before reading')


@pytest.mark.parametrize('content', [b'', b'#ROSBAG V2.0\n', b'#ROSBAG V1.2\nsome text'])
def test_a_bag_of_ros_1_without_a_chunk_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / 'drive.bag').write_bytes(content)
    with pytest.raises(InputError, match='rosbag reindex'):
        read(tmp_path / 'drive.bag')


@pytest.mark.parametrize('compression', COMPRESSIONS)
def test_damage_within_a_bag_of_ros_1_without_index_ends_the_reading_there(
        tmp_path: Path, compression: Rosbag1Writer.CompressionFormat | None):
    file = write_ros1(tmp_path / 'drive.bag', compression)
    content = bytearray(file.read_bytes()[:int(0.9 * file.stat().st_size)])
    chunk = content.index(b'compression=', len(content) // 2)
    content[chunk:chunk + 12] = b'compresslon='
    file.write_bytes(content)
    stamps, loss = read(file)
    assert stamps == STAMPS[:len(stamps)]
    assert 15 <= len(stamps) <= 20
    assert "Could not read string field 'compression'" in loss


def test_a_bag_of_ros_1(tmp_path: Path):
    store = get_typestore(Stores.ROS1_NOETIC)
    types = store.types
    with Rosbag1Writer(tmp_path / 'drive.bag') as writer:
        images = writer.add_connection('/camera/image_raw', messages.IMAGE, typestore=store)
        infos = writer.add_connection('/camera/camera_info', messages.CAMERA_INFO,
                                      typestore=store)
        for index in range(5):
            stamp = types['builtin_interfaces/msg/Time'](sec=STAMPS[index] // 10**9,
                                                         nanosec=STAMPS[index] % 10**9)
            header = types['std_msgs/msg/Header'](seq=index, stamp=stamp, frame_id='camera')
            image = picture(index)
            height, width = image.shape[:2]
            writer.write(images, STAMPS[index], store.serialize_ros1(types[messages.IMAGE](
                header=header, height=height, width=width, encoding='rgb8', is_bigendian=0,
                step=3 * width, data=image.reshape(-1)), messages.IMAGE))
            roi = types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
            writer.write(infos, STAMPS[index], store.serialize_ros1(types[messages.CAMERA_INFO](
                header=header, height=INFO.height, width=INFO.width,
                distortion_model='plumb_bob', D=np.array(INFO.d), K=np.array(INFO.k),
                R=np.array(INFO.r), P=np.array(INFO.p), binning_x=0, binning_y=0, roi=roi),
                messages.CAMERA_INFO))
    with BagReader(tmp_path / 'drive.bag') as reader:
        drive = Drive(reader)
        frames = list(drive.frames())
    assert (drive.loss, [frame.stamp_ns for frame in frames]) == (None, STAMPS[:5])
    np.testing.assert_array_equal(messages.decode_rgb(frames[4].image, messages.IMAGE), picture(4))
    assert tuple(messages.decode(frames[0].camera_info, messages.CAMERA_INFO).k) == INFO.k


def test_a_cut_split_file_keeps_the_files_before_it(tmp_path: Path):
    first = write(tmp_path / 'drive', StoragePlugin.MCAP, stamps=STAMPS[:25])
    second = write(tmp_path / 'other', StoragePlugin.MCAP, stamps=STAMPS[25:])
    content = (second / 'other.mcap').read_bytes()
    (first / 'drive_1.mcap').write_bytes(content[:len(content) // 2])
    (first / 'metadata.yaml').unlink()
    shutil.rmtree(second)
    stamps, loss = read(first)
    assert stamps == STAMPS[:len(stamps)]
    assert 25 < len(stamps) < COUNT
    assert loss
