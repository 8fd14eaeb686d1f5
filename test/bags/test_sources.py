"""Videos, image folders and data sets as series of pictures."""

from pathlib import Path

import cv2
from drives import HEIGHT
from drives import picture
from drives import WIDTH
from drives import write_video
import numpy as np
import pytest

from road_seg.bags import sources
from road_seg.errors import ConfigError
from road_seg.errors import InputError


def write_images(folder: Path, names: list[str]) -> Path:
    """Write pictures whose green channel is their number in the list; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        cv2.imwrite(str(folder / name), picture(index)[..., ::-1])
    return folder


def test_a_video_keeps_its_own_times(tmp_path: Path):
    source = sources.video(write_video(tmp_path / 'video.avi', count=5, fps=8.0))
    frames = list(source.frames())
    assert source.count == 5
    assert [frame.time_ns for frame in frames] == [0, 125_000_000, 250_000_000, 375_000_000,
                                                   500_000_000]
    assert [frame.rgb.shape for frame in frames] == [(HEIGHT, WIDTH, 3)] * 5
    assert [int(frame.rgb[0, 0, 0]) for frame in frames] == [0, 20, 40, 60, 80]
    assert frames[0].truth is None


def test_colours_of_a_video_are_rgb(tmp_path: Path):
    video = cv2.VideoWriter(str(tmp_path / 'red.avi'), cv2.VideoWriter_fourcc(*'FFV1'), 10.0,
                            (WIDTH, HEIGHT))
    video.write(np.full((HEIGHT, WIDTH, 3), (0, 0, 250), np.uint8))
    video.release()
    red, green, blue = next(sources.video(tmp_path / 'red.avi').frames()).rgb[5, 5]
    assert red > 240
    assert max(green, blue) < 10


@pytest.mark.parametrize(('rate', 'milliseconds'), [
    (10.0, [0, 100, 200, 300, 400, 500, 600, 700, 800, 900]), (5.0, [0, 200, 400, 600, 800]),
    (2.0, [0, 500]), (4.0, [0, 300, 500, 800]), (0.5, [0])])
def test_a_lower_rate_takes_fewer_frames(tmp_path: Path, rate: float, milliseconds: list[int]):
    source = sources.video(write_video(tmp_path / 'video.avi', count=10, fps=10.0), rate)
    assert [frame.time_ns // 1_000_000 for frame in source.frames()] == milliseconds
    assert source.count == len(milliseconds)


def test_a_video_cannot_be_faster_than_it_is(tmp_path: Path):
    with pytest.raises(InputError, match='--rate: found 30 Hz; expected at most 10 Hz'):
        sources.video(write_video(tmp_path / 'video.avi'), 30.0)


@pytest.mark.parametrize(('content', 'finding'), [
    (None, 'no such file'), (b'', 'no readable video'), (b'hello' * 100, 'no readable video')])
def test_what_is_no_video_is_named(tmp_path: Path, content: bytes | None, finding: str):
    path = tmp_path / 'video.mp4'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=f'video.mp4: found {finding}'):
        sources.video(path)


def test_a_truncated_video_says_how_much_there_is(tmp_path: Path):
    path = tmp_path / 'video.avi'
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10.0, (WIDTH, HEIGHT))
    for noise in np.random.default_rng(0).integers(0, 256, (20, HEIGHT, WIDTH, 3), np.uint8):
        video.write(noise)
    video.release()
    content = path.read_bytes()
    path.write_bytes(content[:len(content) // 2])
    source = sources.video(path)
    with pytest.raises(InputError, match=r'a damaged video: \d+ of 20 frames.*--frames'):
        list(source.frames())


def test_images_come_in_natural_order(tmp_path: Path):
    folder = write_images(tmp_path, ['f1.png', 'f2.PNG', 'f10.png', 'g.jpg'])
    (tmp_path / 'notes.txt').touch()
    source = sources.image_folder(folder, 4.0)
    frames = list(source.frames())
    assert [frame.file.name for frame in frames] == ['f1.png', 'f2.PNG', 'f10.png', 'g.jpg']
    assert [frame.file_format for frame in frames] == ['png', 'png', 'png', 'jpeg']
    assert [frame.time_ns for frame in frames] == [0, 250_000_000, 500_000_000, 750_000_000]
    np.testing.assert_array_equal(frames[2].rgb, picture(2))


@pytest.mark.parametrize(('make', 'finding'), [
    (lambda path: None, 'no such folder'),
    (lambda path: path.mkdir(), 'no JPEG or PNG files')])
def test_a_folder_without_images_is_named(tmp_path: Path, make: object, finding: str):
    make(tmp_path / 'frames')
    with pytest.raises(InputError, match=f'frames: found {finding}'):
        sources.image_folder(tmp_path / 'frames')


def test_a_damaged_image_is_named(tmp_path: Path):
    folder = write_images(tmp_path, ['a.png', 'b.png'])
    (folder / 'b.png').write_bytes((folder / 'b.png').read_bytes()[:100])
    with pytest.raises(InputError, match=r'b\.png: found .*; replace or remove the file'):
        list(sources.image_folder(folder).frames())


@pytest.fixture
def data_set(tmp_path: Path) -> Path:
    """Write two labelled images in the layout of IDD Lite."""
    write_images(tmp_path / 'val' / 'images', ['a.jpg', 'b.jpg'])
    (tmp_path / 'val' / 'masks').mkdir()
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[:10], ids[10:20], ids[20:30] = 1, 3, 255
    for name in ('a', 'b'):
        cv2.imwrite(str(tmp_path / 'val' / 'masks' / f'{name}.png'), ids)
    return tmp_path


def test_a_data_set_has_truth_without_partial_labels(data_set: Path):
    source = sources.data_set(data_set, 'idd_lite', 'val')
    frames = list(source.frames())
    assert [frame.file.name for frame in frames] == ['a.jpg', 'b.jpg']
    truth = frames[0].truth
    # 1 is background or sidewalk: unknown; 3 vehicle; 255 ignored; 0 road.
    assert [int(truth[row, 0]) for row in (0, 10, 20, 30)] == [255, 3, 255, 1]
    assert source.labels.names[3] == 'vehicle'


def test_a_data_set_needs_an_adapter_that_exists(tmp_path: Path):
    with pytest.raises(ConfigError, match='nothing'):
        sources.data_set(tmp_path, 'nothing', 'val')
