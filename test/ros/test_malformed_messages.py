"""
A hundred thousand messages with wrong fields and damaged files.

`make fuzz N=1000000 SEED=2` runs more of them. Python's own generator makes them: hypothesis takes
longer for an example than the node for a frame, NumPy's generators take longer for one number.
Every message has a generator of its own and every round of messages a node of its own, so that
a round can be run again alone.
"""

from collections import Counter
from collections.abc import Iterator
import os
from pathlib import Path
from random import Random
import re

from malformed import Case
from malformed import NOW_NS
from malformed import Verdict
from malformed_files import files_of
from malformed_files import foreign_files
from malformed_files import malformed_file
from malformed_geometry import judge_camera_info
from malformed_geometry import malformed_camera_info
from malformed_geometry import malformed_pose
from malformed_images import malformed_image
from malformed_images import pixels_of
from message_checks import age_ns
from message_checks import check_answer
from message_checks import check_grid
from message_rig import CAMERA_FRAME
from message_rig import good_camera_info
from message_rig import good_file
from message_rig import good_frame
from message_rig import good_pose
from message_rig import HEIGHT
from message_rig import Rig
from message_rig import ROAD
from message_rig import WIDTH
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image
from tiny_model import expected_classes
from tiny_model import write_tiny_model

from road_seg.backends import Backend
from road_seg.backends import open_backend
from road_seg.backends import read_model
from road_seg.ros import conversions

pytestmark = pytest.mark.ros

COUNT = int(os.environ.get('ROAD_SEG_FUZZ_COUNT', 100_000))
SEED = int(os.environ.get('ROAD_SEG_FUZZ_SEED', 1))
FIRST_ROUND = int(os.environ.get('ROAD_SEG_FUZZ_ROUND', 0))
ROUND = 1000

PICTURE = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
PICTURES = (ROAD, PICTURE, np.kron(PICTURE[::4, ::4], np.ones((4, 4, 1), np.uint8)))
FILES = tuple(file for picture in PICTURES for file in files_of(picture))
FOREIGN = foreign_files(PICTURE)
# What a message may add to the memory of the process while it is at work, kB: one that claims more
# than it holds, and any other, of which the largest frames have a million pixels.
BOMB_KB, MOST_KB = 4 << 10, 64 << 10


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    """Active ONNX Runtime backend with the tiny model at the frames' size."""
    monkeypatch.setattr(conversions, '_cv_bridge', lambda: None)  # would read more encodings
    model = read_model(write_tiny_model(tmp_path / 'tiny.onnx', HEIGHT, WIDTH))
    with open_backend(model, 'onnxruntime', threads=1) as active:
        yield active


class Round:
    """
    Messages one after the other for one node, good frames between them.

    :param rig: the node.
    :param is_rectified: the images are rectified.
    """

    def __init__(self, rig: Rig, *, is_rectified: bool) -> None:
        self._rig = rig
        self._is_rectified = is_rectified
        self._mend()
        self._good_cells = rig.process(good_frame())['drivable_area'].data[:]
        assert 0 in self._good_cells

    def step(self, rng: Random) -> Case:
        """Give the node a malformed message and check its answer to this or to the next frame."""
        if rng.random() < 0.3:
            self._mend()
        make = rng.choices((self._image, self._file, self._camera_info, self._pose), (9, 9, 5, 1))
        case = make[0](rng)
        if rng.random() < 0.3:
            self._frame(good_frame(), Verdict.GOOD)
        return case

    def _mend(self) -> None:
        """Give the node a good calibration and pose."""
        self._calibrate(good_camera_info())
        self._move(Case('', good_pose(), Verdict.GOOD))

    def _calibrate(self, message: CameraInfo) -> None:
        self._calibration = message
        self._rig.calibrate(message)

    def _move(self, case: Case) -> None:
        self._transform = case
        self._rig.pose = case.message

    def _image(self, rng: Random) -> Case:
        encoding = rng.choice(('rgb8', 'rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8'))
        case = malformed_image(
            good_frame(rng.choice(PICTURES), encoding, rng.choice((0, 0, 5))), rng)
        published = self._frame(case.message, case.verdict)
        if published and (case.message.height, case.message.width) == (HEIGHT, WIDTH):
            mask = np.array(published['road_mask'].data).reshape(HEIGHT, WIDTH)
            assert (mask == expected_classes(pixels_of(case.message))).all()
        return case

    def _file(self, rng: Random) -> Case:
        case = malformed_file(good_file(rng.choice(FILES)), FOREIGN, rng)
        self._frame(case.message, case.verdict)
        return case

    def _camera_info(self, rng: Random) -> Case:
        case = malformed_camera_info(good_camera_info(), (WIDTH, HEIGHT), rng,
                                     is_rectified=self._is_rectified)
        self._calibrate(case.message)
        self._frame(good_frame(), Verdict.GOOD)
        return case

    def _pose(self, rng: Random) -> Case:
        case = malformed_pose(good_pose(), rng)
        self._move(case)
        self._frame(good_frame(), Verdict.GOOD)
        return case

    def _frame(self, message: Image | CompressedImage, verdict: Verdict) -> dict[str, object]:
        """Return what is published about a frame, having checked it."""
        published = self._rig.process(message)
        check_answer(published, message, verdict)
        grid = published.get('drivable_area')
        info, transform, header = self._calibration, self._transform, message.header
        size = published and (published['road_mask'].width, published['road_mask'].height)
        calibration = size and judge_camera_info(info, *size, is_rectified=self._is_rectified)
        knows_pose = header.frame_id == CAMERA_FRAME and age_ns(message) <= NOW_NS
        if grid is not None:
            assert knows_pose
            check_grid(grid, age_ns(message), info, calibration, transform.message,
                       transform.verdict, is_rectified=self._is_rectified)
        # A good frame, calibration and pose give a grid, and the same one again.
        if knows_pose and verdict is calibration is transform.verdict is Verdict.GOOD:
            assert grid is not None
            if message == good_frame() and info == good_camera_info():
                assert grid.data == self._good_cells
        return published


def resident_kb(field: str) -> int:
    """Return this process's VmRSS, memory in use, or VmHWM, its peak, kB."""
    return int(re.search(rf'{field}:\s+(\d+) kB', Path('/proc/self/status').read_text())[1])


def step_within_memory(messages: Round, rng: Random) -> Case:
    """Take a step and refuse one that takes memory as its message claims."""
    Path('/proc/self/clear_refs').write_text('5')  # the peak begins anew, proc(5)
    before = resident_kb('VmRSS')
    case = messages.step(rng)
    growth = resident_kb('VmHWM') - before
    assert growth < (BOMB_KB if case.is_bomb else MOST_KB), f'{case.kind} took {growth} kB'
    return case


def table_of(counts: Counter[tuple[str, Verdict]]) -> str:
    """Return how many messages of each kind there were."""
    lines = [f'{"message":38}' + ''.join(f'{verdict.value:>8}' for verdict in Verdict)]
    lines += [f'{kind:38}' + ''.join(f'{counts[kind, verdict]:8}' for verdict in Verdict)
              for kind in sorted({kind for kind, _ in counts})]
    return '\n'.join((*lines, f'{"all":38}' + ''.join(
        f'{sum(count for (_, of), count in counts.items() if of is verdict):8}'
        for verdict in Verdict)))


@pytest.mark.filterwarnings('ignore::RuntimeWarning')  # NumPy's, of numbers too large
def test_no_message_breaks_the_node_or_gives_an_answer_it_should_not(
        backend: Backend, capfd: pytest.CaptureFixture[str]) -> None:
    counts: Counter[tuple[str, Verdict]] = Counter()
    for number in range(FIRST_ROUND, FIRST_ROUND + -(-COUNT // ROUND)):
        is_rectified = number % 3 == 2
        rig = Rig(backend, is_rectified=is_rectified)
        messages = Round(rig, is_rectified=is_rectified)
        for index in range(min(ROUND, COUNT - counts.total())):
            try:
                case = step_within_memory(messages, Random(f'{SEED} {number} {index}'))
                if index % 20 == 0:
                    rig.check_texts()
            except Exception as error:
                raise AssertionError(
                    f'message {index} of round {number}: {type(error).__name__}: {error}\n'
                    f'again: make fuzz SEED={SEED} ROUND={number} N={index + 1}\n'
                    f'{table_of(counts)}') from error
            counts[case.kind, case.verdict] += 1
        capfd.readouterr()  # what libjpeg says of damaged files
    with capfd.disabled():
        print(f'\n{table_of(counts)}')
