"""The Segmenter in this process against the live node, and against itself."""

from collections.abc import Iterator
import json
from pathlib import Path
import tracemalloc

from drives import HEIGHT
from drives import picture
from drives import truth_of
from drives import WIDTH
from drives import write_drive
import numpy as np
import pytest
from tiny_model import write_tiny_model

from road_seg.bags import messages
from road_seg.bags.reader import BagReader
from road_seg.bags.sample import record
from road_seg.bags.sources import world
from road_seg.bags.writer import create_bag
from road_seg.cli.main import main

TOPICS = ('/road_mask', '/road_mask/overlay', '/drivable_area', '/drivable_area/reasons')
OWN = ('outputs', 'latency_ms', 'frames_per_s')


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Write a model whose answer to a test picture is its red channel // 32."""
    return write_tiny_model(tmp_path / 'model.onnx', HEIGHT, WIDTH)


def replay(bag: Path, model: Path, name: str, *words: str) -> dict:
    """Replay a bag with the command into a folder of a name; return the summary."""
    folder = bag.parent / name
    assert main(['replay', str(bag), '--model', str(model), '--backend', 'onnxruntime',
                 '--report', str(folder), '--json', str(folder / 'summary.json'),
                 '--out', str(folder / 'outputs'), *words]) == 0
    return json.loads((folder / 'summary.json').read_text())


def answers(folder: Path) -> Iterator[tuple[str, int, np.ndarray]]:
    """Yield topic, time and values of every answer."""
    with BagReader(folder / 'outputs') as reader:
        assert set(reader.topics) == set(TOPICS)
        for message in reader.messages(TOPICS):
            decoded = messages.decode(message.cdr, message.msgtype)
            yield message.topic, message.log_ns, decoded.data, decoded.header.frame_id


def test_masks_and_grids_are_those_the_truth_expects(tmp_path: Path, model: Path):
    bag = write_drive(tmp_path / 'drive', count=6)
    summary = replay(bag, model, 'once', '--in-process', '--camera-height', '1.2')
    assert (summary['mode'], summary['frames'], summary['dropped'], summary['grids'],
            summary['labelled_frames']) == ('in-process', 6, 0, 6, 6)
    assert summary['miou'] == 1.0
    # The six frames' confidences are 200 to 205 of 255, and every pixel is right.
    assert summary['ece'] == pytest.approx(1.0 - 202.5 / 255.0)
    assert summary['latency_ms'].keys() == {
        'decode', 'preprocess', 'network', 'postprocess', 'grid', 'publish', 'round_trip',
        'scoring'}
    with BagReader(tmp_path / 'once' / 'outputs') as reader:
        masks = [messages.decode_mask(message.cdr) for message in reader.messages(['/road_mask'])]
    np.testing.assert_array_equal(masks, [truth_of(picture(index)) for index in range(6)])


def test_two_runs_give_the_same_but_for_timings(tmp_path: Path, model: Path):
    record(world('mixed', 6), tmp_path / 'drive')
    first, second = (replay(tmp_path / 'drive', model, name, '--in-process')
                     for name in ('first', 'second'))
    for summary in (first, second):
        for name in OWN:
            del summary[name]
    assert json.dumps(first) == json.dumps(second)
    assert first['grid']['coverage'] > 0.0
    assert first['health']['changes'][0] == {'t_s': 0.0, 'level': 'OK', 'reasons': []}


@pytest.mark.ros
@pytest.mark.parametrize(('is_compressed', 'drivable'), [(False, '[]'),
                                                         (True, '[sidewalk, background]')])
def test_the_live_node_gives_the_same_to_the_last_bit(tmp_path: Path, model: Path,
                                                      is_compressed: bool, drivable: str):
    pytest.importorskip('rclpy', reason='needs ROS 2')
    record(world('mixed', 6), tmp_path / 'drive', compressed=is_compressed)
    (tmp_path / 'own.yaml').write_text(
        f'road_seg: {{ros__parameters: {{drivable_classes: {drivable}}}}}')
    words = ('--params-file', str(tmp_path / 'own.yaml'))
    here = replay(tmp_path / 'drive', model, 'here', '--in-process', *words)
    live = replay(tmp_path / 'drive', model, 'live', '--lockstep', *words)
    for one, other in zip(answers(tmp_path / 'here'), answers(tmp_path / 'live'), strict=True):
        assert one[:2] == other[:2]
        np.testing.assert_array_equal(one[2], other[2])
        assert one[3] == other[3]
    # Health depends on the machine where the node is live.
    for name in (*OWN, 'mode', 'health'):
        del here[name], live[name]
    assert here == live
    assert here['ece'] > 0.0


@pytest.mark.ros
def test_at_the_pace_of_the_recording(tmp_path: Path, model: Path):
    pytest.importorskip('rclpy', reason='needs ROS 2')
    bag = write_drive(tmp_path / 'drive', count=12)
    summary = replay(bag, model, 'live', '--realtime')
    assert summary['frames'] + summary['dropped'] == 12
    assert summary['frames'] > 0
    assert summary['miou'] == 1.0
    assert summary['frames_per_s'] < 12 / 1.1  # 11 periods of 0.1 s at least


def test_a_bad_frame_is_named_and_nothing_remains(tmp_path: Path, model: Path,
                                                  capsys: pytest.CaptureFixture):
    with create_bag(tmp_path / 'drive') as writer:
        for index in range(30):
            data = b'no picture' if index == 7 else b''
            cdr = messages.encode_compressed(data, 'jpeg', index, 'camera') if data else (
                messages.encode_compressed(_png(index), 'png', index, 'camera'))
            writer.write('/image/compressed', messages.COMPRESSED_IMAGE, index, cdr)
    assert main(['replay', str(tmp_path / 'drive'), '--in-process', '--model', str(model),
                 '--backend', 'onnxruntime', '--report', str(tmp_path / 'report'),
                 '--out', str(tmp_path / 'outputs')]) == 2
    assert f'{tmp_path}/drive, frame 7: compressed image' in capsys.readouterr().err
    assert not (tmp_path / 'outputs').exists()


def _png(index: int) -> bytes:
    import cv2
    return cv2.imencode('.png', picture(index)[..., ::-1])[1].tobytes()


def test_memory_does_not_grow_with_the_bag(tmp_path: Path, model: Path):
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    with create_bag(tmp_path / 'drive') as writer:
        for index in range(120):
            writer.write('/image', messages.IMAGE, index,
                         messages.encode_image(noise, index, 'camera'))
            writer.write('/road_mask/truth', messages.IMAGE, index, messages.encode_image(
                np.zeros((480, 640), np.uint8), index, 'camera'))
    size = 120 * noise.nbytes
    tracemalloc.start()
    assert main(['replay', str(tmp_path / 'drive'), '--in-process', '--model', str(model),
                 '--backend', 'onnxruntime', '--report', str(tmp_path / 'report')]) == 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < size / 2
