"""A replay through the real node in a real ROS graph."""

import json
import os
from pathlib import Path
import signal
import subprocess
import sys

import cv2
from drives import HEIGHT
from drives import PERIOD_NS
from drives import picture
from drives import START_NS
from drives import truth_of
from drives import WIDTH
from drives import write_drive
import numpy as np
import pytest
from tiny_model import write_tiny_model

from road_seg.bags import messages
from road_seg.bags.reader import BagReader
from road_seg.bags.sample import record
from road_seg.bags.sources import image_folder
from road_seg.bags.writer import create_bag
from road_seg.cli.main import main
from road_seg.serialized import header_stamp_ns

pytest.importorskip('rclpy', reason='needs ROS 2')
pytestmark = pytest.mark.ros


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Write a model whose answer to a test picture is its red channel // 32."""
    return write_tiny_model(tmp_path / 'model.onnx', HEIGHT, WIDTH)


def replay(bag: Path, model: Path, *words: str) -> tuple[int, Path]:
    """Replay a bag with the command; return its status and the folder of the report."""
    report = bag.parent / 'report'
    status = main(['replay', str(bag), '--model', str(model), '--backend', 'onnxruntime',
                   '--report', str(report), '--json', str(bag.parent / 'summary.json'), *words])
    return status, report


def test_from_bag_to_report(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture):
    bag = write_drive(tmp_path / 'drive', count=6)
    status, report = replay(bag, model, '--camera-height', '1.2', '--camera-pitch', '5')
    assert status == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == f'report: {report}/report.html'
    summary = json.loads((tmp_path / 'summary.json').read_text())
    assert (summary['frames'], summary['dropped'], summary['grids'],
            summary['labelled_frames']) == (6, 0, 6, 6)
    assert summary['miou'] == 1.0
    assert summary['backend'] == 'onnxruntime'
    assert summary['latency_ms'].keys() >= {'preprocess', 'network', 'postprocess', 'grid',
                                            'round_trip'}
    # A slow machine may find its network slow, or the drive over before the next report.
    assert set((summary['health'] or {'share': {}})['share']) <= {'OK', 'WARN'}
    with BagReader(report / 'outputs') as reader:
        answers = [message.cdr for message in reader.messages(['/road_mask'])]
        grids = [messages.decode(message.cdr, messages.OCCUPANCY_GRID)
                 for message in reader.messages(['/drivable_area'])]
    np.testing.assert_array_equal([messages.decode_mask(cdr) for cdr in answers],
                                  [truth_of(picture(index)) for index in range(6)])
    assert [header_stamp_ns(cdr) for cdr in answers] == [
        START_NS + index * PERIOD_NS for index in range(6)]
    assert [(grid.info.width, grid.info.height, grid.header.frame_id) for grid in grids] == [
        (200, 200, 'base_link')] * 6
    assert {int(value) for value in np.unique(grids[0].data)} == {-1, 0, 100}


def test_compressed_images_without_calibration(tmp_path: Path, model: Path):
    (tmp_path / 'frames').mkdir()
    for index in range(3):
        cv2.imwrite(str(tmp_path / 'frames' / f'{index}.png'), picture(index)[..., ::-1])
    record(image_folder(tmp_path / 'frames'), tmp_path / 'drive', compressed=True)
    status, report = replay(tmp_path / 'drive', model)
    assert status == 0
    with BagReader(report / 'outputs') as reader:
        masks = [messages.decode_mask(message.cdr)
                 for message in reader.messages(['/road_mask'])]
    np.testing.assert_array_equal(masks, [truth_of(picture(index)) for index in range(3)])


def test_an_image_the_node_refuses_is_one_line(tmp_path: Path, model: Path,
                                               capsys: pytest.CaptureFixture):
    cdr = bytearray(messages.encode_image(picture(0), START_NS, 'camera'))
    with create_bag(tmp_path / 'drive') as writer:
        message = messages.decode(bytes(cdr), messages.IMAGE)
        message.data = message.data[:100]
        short = bytes(messages.typestore().serialize_cdr(message, messages.IMAGE))
        writer.write('/image', messages.IMAGE, START_NS, short)
    status, report = replay(tmp_path / 'drive', model)
    assert status == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f'road-seg: error: {tmp_path}/drive, frame 0: ')
    assert '100 bytes' in line
    assert not (report / 'outputs').exists()
    assert not (report / 'report.html').exists()


@pytest.mark.parametrize(('number', 'status'), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_replay_leaves_nothing(tmp_path: Path, model: Path, number: int,
                                              status: int):
    bag = write_drive(tmp_path / 'drive', count=3000)
    process = subprocess.Popen(
        [sys.executable, '-m', 'road_seg.cli.main', 'replay', str(bag), '--model', str(model),
         '--report', str(tmp_path / 'report')],
        stderr=subprocess.PIPE, text=True, env={**os.environ, 'TMPDIR': str(tmp_path)},
        # A shell starts background jobs, and so tests in one, with SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    assert process.stderr.readline().startswith('frame ')
    children = Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split()
    assert children
    process.send_signal(number)
    assert process.wait(60) == status, process.stderr.read()
    assert list((tmp_path / 'report').iterdir()) == []
    assert not [child for child in children if Path(f'/proc/{child}').exists()]
    process.stderr.close()
