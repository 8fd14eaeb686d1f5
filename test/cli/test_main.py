"""The command line as a user meets it."""

import json
from pathlib import Path
import signal
import subprocess
import sys
import time

import cv2
from drives import HEIGHT
from drives import picture
from drives import truth_of
from drives import WIDTH
from drives import write_drive
from drives import write_video
from html_page import check_structure
import numpy as np
import pytest

from road_seg.bags.drive import Drive
from road_seg.bags.reader import BagReader
from road_seg.cli.main import COMMANDS
from road_seg.cli.main import main


def road_seg(*words: object) -> subprocess.CompletedProcess:
    """Run the command in a process of its own."""
    return subprocess.run([sys.executable, '-m', 'road_seg.cli.main', *map(str, words)],
                          capture_output=True, text=True, timeout=300, check=False)


def refused(*words: object) -> str:
    """Run a command that must end with status 2 and one line; return that line."""
    done = road_seg(*words)
    assert done.returncode == 2, done
    assert done.stderr.startswith('road-seg: error: ')
    assert done.stderr.count('\n') == 1, done.stderr
    return done.stderr


def test_help_imports_nothing_heavy():
    script = ('import sys; from road_seg.cli.main import main\n'
              'try: main(["--help"])\n'
              'except SystemExit: pass\n'
              'print(sorted({name.split(".")[0] for name in sys.modules} & '
              '{"numpy", "cv2", "torch", "rclpy", "rosbags", "onnxruntime", "openvino"}))')
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True,
                          timeout=300, check=True)
    assert done.stdout.splitlines()[-1] == '[]'
    for name in COMMANDS:
        assert f'    {name} ' in done.stdout


@pytest.mark.parametrize('name', COMMANDS)
def test_each_help_has_an_example(name: str, capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as ended:
        main([name, '--help'])
    assert ended.value.code == 0
    assert f'example: road-seg {name}' in ' '.join(capsys.readouterr().out.split())


def test_bad_input_is_one_line_and_debug_shows_where(tmp_path: Path):
    line = refused('sample', '--video', tmp_path / 'no.mp4', '--out', tmp_path / 'bag')
    assert f'{tmp_path}/no.mp4: found no such file; expected a video file' in line
    debug = road_seg('sample', '--video', tmp_path / 'no.mp4', '--out', tmp_path / 'bag',
                     '--debug')
    assert debug.returncode != 0
    assert 'Traceback' in debug.stderr


def test_a_broken_video_adds_no_lines_of_other_libraries(tmp_path: Path):
    (tmp_path / 'text.mp4').write_text('hello' * 100)
    line = refused('sample', '--video', tmp_path / 'text.mp4', '--out', tmp_path / 'bag')
    assert 'no readable video' in line
    assert [entry.name for entry in tmp_path.iterdir()] == ['text.mp4']


@pytest.mark.parametrize(('words', 'finding'), [
    (['--adapter', 'camvid'], '--adapter: found no --images'),
    (['--images', '.', '--split', 'val'], '--split: found no --adapter'),
    (['--rate', '5'], '--rate: found no video or images'),
    (['--seed', '5'], '--seed: found no --world'),
    (['--world', 'moon'], "scene 'moon': found no such scene; expected one of straight, curve"),
    (['--world', 'curve', '--camera-info', 'a.yaml'], '--camera-info: found a --world'),
    (['--world', 'curve', '--rate', '5'], '--rate: found no video or images'),
    (['--images', 'nowhere'], 'nowhere: found no such folder')])
def test_options_of_sample_that_do_not_fit(tmp_path: Path, words: list[str], finding: str,
                                           capsys: pytest.CaptureFixture):
    assert main(['sample', *words, '--out', str(tmp_path / 'bag')]) == 2
    assert finding in capsys.readouterr().err


def test_a_missing_package_is_named_with_its_extra(tmp_path: Path):
    script = ('import sys; sys.modules["rosbags"] = None; from road_seg.cli.main import main\n'
              f'sys.exit(main(["replay", {str(tmp_path)!r}]))')
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True,
                          timeout=300, check=False)
    assert done.returncode == 2
    assert 'pip install road_seg[bags]' in done.stderr
    assert done.stderr.count('\n') == 1


def test_sample_of_a_video(tmp_path: Path, capsys: pytest.CaptureFixture):
    video = write_video(tmp_path / 'video.avi', count=10)
    words = ['sample', '--video', str(video), '--rate', '5', '--frames', '3', '--compressed',
             '--out', str(tmp_path / 'bag')]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert 'camera: nominal: no calibration given' in out
    assert f'wrote {tmp_path}/bag: 3 frames, 0 with truth' in out
    with BagReader(tmp_path / 'bag') as reader:
        assert Drive(reader).image_topic == '/camera/image_raw/compressed'
    assert main(words) == 2
    assert '--force' in capsys.readouterr().err
    assert main([*words, '--force']) == 0


def test_sample_of_a_world(tmp_path: Path, capsys: pytest.CaptureFixture):
    words = ['sample', '--world', 'junction', '--frames', '2', '--seed', '3', '--out']
    assert main([*words, str(tmp_path / 'bag')]) == 0
    out = capsys.readouterr().out
    assert 'source: a drawn road, not a real one (scene junction, seed 3)' in out
    assert f'wrote {tmp_path}/bag: 2 frames, 2 with truth' in out
    with BagReader(tmp_path / 'bag') as reader:
        assert {name: topic.count for name, topic in reader.topics.items()} == dict.fromkeys(
            ('/camera/image_raw', '/camera/camera_info', '/road_mask/truth',
             '/drivable_area/truth', '/drivable_area/truth/reasons', '/tf'), 2)


def test_a_world_as_a_data_set(tmp_path: Path, capsys: pytest.CaptureFixture):
    words = ['sample', '--world', 'mixed', '--frames', '2', '--dataset-out',
             str(tmp_path / 'world')]
    assert main(words) == 0
    assert '2 labelled images for --adapter world' in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / 'world').rglob('*.*g')) == [
        '000000.jpg', '000000.png', '000001.jpg', '000001.png']
    assert main(words) == 2
    assert main(['sample', '--dataset-out', str(tmp_path / 'other')]) == 2
    assert '--dataset-out: found no --world' in capsys.readouterr().err


@pytest.fixture
def data_set(tmp_path: Path) -> Path:
    """Write a labelled data set of three pictures with an adapter beside it."""
    folder = tmp_path / 'data'
    for name in ('images', 'masks'):
        (folder / 'val' / name).mkdir(parents=True)
    for index in range(3):
        cv2.imwrite(str(folder / 'val' / 'images' / f'{index}.png'), picture(index)[..., ::-1])
        cv2.imwrite(str(folder / 'val' / 'masks' / f'{index}.png'), truth_of(picture(index)))
    (folder / 'tiny.yaml').write_text(
        "images: '{split}/images/*.png'\nmasks: '{split}/masks/{stem}.png'\n"
        'ids: {0: background, 1: road, 2: [sidewalk, vehicle], 3: [background, person], '
        '4: ignore}\n')
    return folder


def test_sample_of_a_data_set(data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    assert main(['sample', '--images', str(data_set), '--adapter', str(data_set / 'tiny.yaml'),
                 '--out', str(tmp_path / 'bag')]) == 0
    assert '3 frames, 3 with truth' in capsys.readouterr().out


def test_score_counts_partial_labels_as_its_help_says(data_set: Path, tmp_path: Path,
                                                      capsys: pytest.CaptureFixture):
    # A model of the pictures' own size, so that its answer is the picture's red // 32.
    from tiny_model import write_tiny_model
    model = write_tiny_model(tmp_path / 'model.onnx', HEIGHT, WIDTH)
    assert main(['score', str(data_set), '--adapter', str(data_set / 'tiny.yaml'),
                 '--model', str(model), '--backend', 'onnxruntime',
                 '--json', str(tmp_path / 'score.json'), '--report', str(tmp_path / 'page')]) == 0
    page = (tmp_path / 'page' / 'report.html').read_text()
    check_structure(page)
    assert page.count('<figcaption>errors') == 3
    assert '<svg class="reliability"' in page
    assert 'it can be taken at its word' in page
    summary = json.loads((tmp_path / 'score.json').read_text())
    counts = np.bincount(truth_of(picture(0)).ravel(), minlength=5)
    assert summary['frames'] == 3
    # Predicted 2 where sidewalk or vehicle is true: right. Predicted 3 where background or
    # person is true: wrong, counts as background. 4 is ignored. Sidewalk and vehicle, which no
    # id stands for alone, have no score.
    assert summary['iou'] == {
        'background': pytest.approx(counts[0] / (counts[0] + counts[3])), 'road': 1.0,
        'sidewalk': None, 'vehicle': None, 'person': None}
    assert summary.keys() == {'frames', 'miou', 'iou', 'boundary_f1', 'ece', 'flicker',
                              'thresholds', 'model_sha256', 'backend', 'data_set', 'labelled'}
    # Right, of the truth, of the mask: the first image's road.
    assert summary['labelled'][0] == {'image': 'val/images/0.png', 'counts': [
        [counts[0], counts[0] + counts[3], counts[0]], [counts[1]] * 3, [0, 0, 0],
        [0, 0, 0], [0, 0, 0]]}
    assert main(['compare', str(tmp_path / 'score.json'), str(tmp_path / 'score.json'),
                 '--report', str(tmp_path / 'compared')]) == 0
    assert str(data_set) in (tmp_path / 'compared' / 'compare.html').read_text()
    # All confidences are about 0.79: unknown below 0.7 is nothing, below 0.8 everything.
    caught = {row['confidence']: row['errors_caught'] for row in summary['thresholds']}
    assert (caught[0.7], caught[0.8]) == (0.0, 1.0)
    assert summary['backend'] == 'onnxruntime'
    # Confidence is the green channel, 200 to 202 of 255.
    right = 1.0 - counts[3] / counts[:4].sum()
    assert summary['ece'] == pytest.approx(abs(right - 201 / 255), abs=0.003)
    assert 'road          1.0000' in capsys.readouterr().out


def test_replay_of_what_is_no_bag_or_no_model(tmp_path: Path, tiny_model_path: Path,
                                              capsys: pytest.CaptureFixture):
    assert main(['replay', str(tmp_path / 'no'), '--model', str(tiny_model_path)]) == 2
    assert 'no: found no such file; expected a rosbag2 folder' in capsys.readouterr().err
    bag = write_drive(tmp_path / 'drive')
    assert main(['replay', str(bag), '--model', str(tmp_path / 'no.onnx'),
                 '--report', str(tmp_path / 'report')]) == 2
    assert 'no.onnx: found no such file' in capsys.readouterr().err
    assert not (tmp_path / 'report').exists()


@pytest.mark.parametrize(('number', 'status'), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_that_c_code_covered_is_still_one(
        number: int, status: int, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture):
    # Tests that run as a background job have inherited that SIGINT is ignored.
    before = signal.signal(number, signal.default_int_handler)

    def run(args: object) -> int:
        try:
            signal.raise_signal(number)
        except BaseException as interrupt:
            raise TypeError('a callback failed') from interrupt

    monkeypatch.setattr('road_seg.cli.doctor.run', run)
    assert main(['doctor']) == status
    assert capsys.readouterr().err == 'road-seg: interrupted\n'
    assert signal.signal(number, before) is signal.default_int_handler


def test_an_interrupt_that_a_finalizer_swallows_comes_again(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    class Interrupted:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    def run(args: object) -> int:
        Interrupted()
        time.sleep(60.0)
        return 0

    monkeypatch.setattr('road_seg.cli.doctor.run', run)
    started = time.monotonic()
    assert main(['doctor']) == 143
    assert time.monotonic() - started < 30.0
    assert capsys.readouterr().err == 'road-seg: interrupted\n'


@pytest.mark.parametrize(('pause', 'status'), [('Event().wait()', -signal.SIGALRM),
                                               ('None', 128 + signal.SIGTERM)])
def test_an_end_that_hangs_is_cut_short(pause: str, status: int) -> None:
    """A wait that no signal breaks off, as in a library; without it nothing is cut short."""
    program = f"""
import signal, sys, time
from threading import Event
from road_seg.cli import doctor, main
main._GRACE_S = 1
def run(args):
    try:
        signal.raise_signal(signal.SIGTERM)
    finally:
        {pause}
doctor.run = run
status = main.main(['doctor'])
time.sleep(1.5)
sys.exit(status)
"""
    run = subprocess.run([sys.executable, '-c', program], timeout=60, check=False,
                         stderr=subprocess.PIPE, text=True)
    assert run.returncode == status
    # Where it hung is told.
    assert ('line 10 in run' in run.stderr) == (status < 0)
