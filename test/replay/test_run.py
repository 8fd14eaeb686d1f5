"""A replay from bag to report, with a stand-in for the node."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
import json
from pathlib import Path
import re

from drives import INFO
from drives import PERIOD_NS
from drives import picture
from drives import START_NS
from drives import truth_of
from drives import write_drive
from fake_node import FakeNode
import numpy as np
import pytest

from road_seg.backends import ModelFile
from road_seg.backends import read_model
from road_seg.bags import messages
from road_seg.bags.drive import Drive
from road_seg.bags.reader import BagReader
from road_seg.bags.sample import record
from road_seg.bags.sources import Source
from road_seg.bags.sources import SourceFrame
from road_seg.bags.writer import create_bag
from road_seg.errors import CalibrationError
from road_seg.errors import InputError
from road_seg.grid import DrivableGrid
from road_seg.grid import GridSpec
from road_seg.grid import Reason
from road_seg.labels import LabelMap
from road_seg.parameters import checked_parameters
from road_seg.replay.lockstep import Lockstep
from road_seg.replay.run import Replay
from road_seg.serialized import Answer
from road_seg.serialized import header_stamp_ns


@pytest.fixture
def model(tiny_model_path: Path) -> ModelFile:
    """Return the tiny model's file."""
    return read_model(tiny_model_path)


def replay(bag: Path, model: ModelFile, node: FakeNode | None = None, **options: object) -> dict:
    """Replay a bag into folders beside it and return the summary."""
    parameters = checked_parameters({})
    work = Replay(bag, model, parameters, bag.parent / 'report',
                  bag.parent / 'report' / 'outputs', 'lockstep', **options)

    @contextmanager
    def open_player(drive: Drive) -> Iterator[Lockstep]:
        with node or FakeNode(drive.image_type) as opened:
            yield Lockstep(opened, parameters)

    return work.run(open_player)


def test_a_perfect_replay(tmp_path: Path, model: ModelFile):
    node = FakeNode()
    summary = replay(write_drive(tmp_path / 'drive', count=5), model, node)
    assert (summary['frames'], summary['dropped'], summary['labelled_frames'],
            summary['grids']) == (5, 0, 5, 5)
    assert summary['miou'] == 1.0
    assert summary['iou'] == dict.fromkeys(
        ('background', 'road', 'sidewalk', 'vehicle', 'person'), 1.0)
    assert summary['latency_ms']['round_trip']['p50'] == 12.0
    assert summary['latency_ms']['network']['p50'] == 7.0
    assert summary['grid']['agreement'] is None  # no truth of grids in the bag
    assert summary['health'] is None  # the stand-in has no diagnostics
    assert summary['grid']['false_free'] == dict.fromkeys(('0-10', '10-20', '20-30', '30-50'))
    assert (summary['backend'], summary['model_sha256']) == ('fake', model.sha256)
    assert summary['versions'].keys() >= {'road_seg', 'python', 'numpy', 'opencv'}
    assert json.loads(json.dumps(summary)) == summary
    assert 0.0 <= summary['flicker'] < 1.0
    assert node.stamps == [START_NS + index * PERIOD_NS for index in range(5)]
    assert len(node.calibrations) == 5
    assert node.closed


def test_grids_are_scored_against_those_of_the_bag(tmp_path: Path, model: ModelFile):
    spec = GridSpec(10.0, 0.0, 40.0, -10.0, 10.0)
    reasons = np.repeat([[Reason.DRIVABLE, Reason.BLOCKED, Reason.OCCLUDED, Reason.OCCLUDED]], 2,
                        axis=0).astype(np.uint8)
    values = np.array([[0, 0, -1, -1], [0, 100, -1, -1]], np.int8)
    truth = DrivableGrid(spec, np.array([[0, 100, -1, -1]] * 2, np.int8), reasons)

    class Node(FakeNode):
        """A node whose grid gives one blocked cell as free."""

        def process(self, image_cdr: bytes, stamp_ns: int, timeout_s: float) -> object:
            """Answer with the grid."""
            answer = super().process(image_cdr, stamp_ns, timeout_s)
            said = np.where(values == 0, Reason.DRIVABLE, reasons).astype(np.uint8)
            grid = DrivableGrid(spec, values, said)
            return replace(answer, grid=messages.encode_grid(grid, stamp_ns, 'base_link'),
                           reasons=messages.encode_image(said, stamp_ns, 'base_link'))

    bag = tmp_path / 'drive'
    with create_bag(bag) as writer:
        for index in range(3):
            stamp = START_NS + index * PERIOD_NS
            for topic, kind, cdr in (
                    ('/camera/image_raw', messages.IMAGE,
                     messages.encode_image(picture(index), stamp, 'camera')),
                    ('/drivable_area/truth', messages.OCCUPANCY_GRID,
                     messages.encode_grid(truth, stamp, 'base_link')),
                    ('/drivable_area/truth/reasons', messages.IMAGE,
                     messages.encode_image(reasons, stamp, 'base_link'))):
                writer.write(topic, kind, stamp, cdr)
    summary = replay(bag, model, Node())
    # Cell centres at 7.1, 15.8, 25.5 and 35.4 m; of six hazards a frame one is given as free.
    assert summary['grid']['false_free'] == {'0-10': None, '10-20': 0.5, '20-30': 0.0,
                                             '30-50': 0.0}
    assert summary['grid']['false_free_within_30'] == 0.25


def test_confidence_is_scored_where_the_node_gives_it(tmp_path: Path, model: ModelFile):
    class Node(FakeNode):
        def process(self, image_cdr: bytes, stamp_ns: int, timeout_s: float) -> Answer:
            sure = np.full(picture(0).shape[:2], 204, np.uint8)
            return replace(super().process(image_cdr, stamp_ns, timeout_s),
                           confidence=messages.encode_image(sure, stamp_ns, 'camera'))

    bag = write_drive(tmp_path / 'drive')
    assert replay(bag, model, Node())['ece'] == pytest.approx(0.2)  # all right, sure at 0.8
    with BagReader(tmp_path / 'report' / 'outputs') as reader:
        assert '/road_mask/confidence' not in reader.topics
    assert replay(bag, model, overwrite=True)['ece'] is None


def test_answers_are_kept_as_received(tmp_path: Path, model: ModelFile):
    replay(write_drive(tmp_path / 'drive', count=2), model)
    with BagReader(tmp_path / 'report' / 'outputs') as reader:
        assert {name: topic.count for name, topic in reader.topics.items()} == {
            '/road_mask': 2, '/road_mask/overlay': 2, '/drivable_area': 2}
        masks = [message.cdr for message in reader.messages(['/road_mask'])]
    np.testing.assert_array_equal([messages.decode_mask(cdr) for cdr in masks],
                                  [truth_of(picture(index)) for index in range(2)])
    assert [header_stamp_ns(cdr) for cdr in masks] == [START_NS, START_NS + PERIOD_NS]


def test_a_drive_without_truth_and_calibration(tmp_path: Path, model: ModelFile):
    node = FakeNode()
    bag = write_drive(tmp_path / 'drive', with_truth=False, with_info=False)
    summary = replay(bag, model, node)
    assert (summary['labelled_frames'], summary['grids'], summary['miou']) == (0, 0, None)
    assert set(summary['iou'].values()) == {None}
    assert node.calibrations == []


def write_truth(bag: Path, truth: np.ndarray) -> Path:
    """Write a drive of one frame with a truth of any kind."""
    with create_bag(bag) as writer:
        for topic, image in (('/image', picture(0)), ('/road_mask/truth', truth)):
            writer.write(topic, messages.IMAGE, 1, messages.encode_image(image, 1, 'camera'))
    return bag


def test_half_wrong_masks_are_counted_right(tmp_path: Path, model: ModelFile):
    truth = truth_of(picture(0))
    truth[:, 32:] = 255
    truth[24:] = np.where(truth[24:] == 255, 255, 4)
    summary = replay(write_truth(tmp_path / 'drive', truth), model)
    right = truth_of(picture(0))[:24, :32]
    counts = np.bincount(right.ravel(), minlength=5)
    # The upper half of the labelled pixels is right, the lower half should all be person.
    assert summary['iou']['road'] == counts[1] / (2 * counts[1])
    assert summary['iou']['person'] == 0.0


@pytest.mark.parametrize(('truth', 'finding'), [
    (np.full((48, 64), 9, np.uint8), r'class ids \[9\]'),
    (np.zeros((24, 32), np.uint8), r'\(48, 64\)'),
    (np.zeros((48, 64, 3), np.uint8), "encoding 'rgb8'")])
def test_truth_that_does_not_fit_names_bag_and_frame(tmp_path: Path, model: ModelFile,
                                                     truth: np.ndarray, finding: str):
    bag = write_truth(tmp_path / 'drive', truth)
    with pytest.raises(InputError, match=rf'drive, frame 0: .*{finding}'):
        replay(bag, model)
    assert not (tmp_path / 'report').exists() or not list((tmp_path / 'report').iterdir())


def test_a_calibration_that_cannot_give_grids_is_named(tmp_path: Path, model: ModelFile):
    class Gridless(FakeNode):
        def process(self, image_cdr: bytes, stamp_ns: int, timeout_s: float) -> Answer:
            return replace(super().process(image_cdr, stamp_ns, timeout_s), grid=None)

    with create_bag(tmp_path / 'drive') as writer:
        for topic, kind, cdr in (
                ('/camera_info', messages.CAMERA_INFO, messages.encode_camera_info(
                    replace(INFO, k=(0.0,) * 9), 1, 'camera')),
                ('/image', messages.IMAGE, messages.encode_image(picture(0), 1, 'camera'))):
            writer.write(topic, kind, 1, cdr)
    with pytest.raises(CalibrationError, match=r'drive, frame 0: camera_info K\[0\]'):
        replay(tmp_path / 'drive', model, Gridless())
    # A calibration that is fine does not explain anything: no grid was wanted.
    assert replay(write_drive(tmp_path / 'fine'), model, Gridless())['grids'] == 0


def test_truth_of_other_classes_is_refused(tmp_path: Path, model: ModelFile):
    labels = LabelMap(('water', 'road'), ((0, 0, 9), (9, 9, 9)), ('road',))
    source = Source('test', 1, lambda: iter([SourceFrame(0, picture(0), truth_of(picture(0)))]),
                    labels=labels)
    record(source, tmp_path / 'drive')
    with pytest.raises(InputError, match='truth of the classes water, road'):
        replay(tmp_path / 'drive', model)


def test_a_silent_node_leaves_nothing(tmp_path: Path, model: ModelFile):
    node = FakeNode(silent_at=2)
    with pytest.raises(InputError, match='drive, frame 2: the node: found no answer'):
        replay(write_drive(tmp_path / 'drive'), model, node)
    assert list((tmp_path / 'report').iterdir()) == []
    assert node.closed


def test_answers_are_not_replaced_unasked_and_before_any_work(tmp_path: Path, model: ModelFile):
    bag = write_drive(tmp_path / 'drive')
    replay(bag, model)
    node = FakeNode()
    with pytest.raises(InputError, match='--force'):
        replay(bag, model, node)
    assert node.stamps == []
    assert replay(bag, model, overwrite=True)['frames'] == 3


def test_the_report_shows_the_worst_frames_first(tmp_path: Path, model: ModelFile):
    with create_bag(tmp_path / 'drive') as writer:
        for index in range(30):
            truth = truth_of(picture(index))
            truth[:index % 7] = 4 - truth[:index % 7]
            for topic, image in (('/image', picture(index)), ('/road_mask/truth', truth)):
                writer.write(topic, messages.IMAGE, index,
                             messages.encode_image(image, index, 'camera'))
    replay(tmp_path / 'drive', model)
    page = (tmp_path / 'report' / 'report.html').read_text()
    assert '<h2 id="worst-frames">Worst frames</h2>' in page
    worst = re.findall(r'<h3>Frame (\d+)', page)
    assert {int(number) % 7 for number in worst} == {6}
    assert len(worst) == 4
    assert 'No grid was published' in page


def test_truth_without_an_image_is_reported(tmp_path: Path, model: ModelFile):
    with create_bag(tmp_path / 'drive') as writer:
        for topic, image, stamp in (('/image', picture(0), 1), ('/image', picture(1), 5),
                                    ('/road_mask/truth', truth_of(picture(0)), 1),
                                    ('/road_mask/truth', truth_of(picture(0)), 3)):
            writer.write(topic, messages.IMAGE, stamp,
                         messages.encode_image(image, stamp, 'camera'))
    assert replay(tmp_path / 'drive', model)['labelled_frames'] == 1
    assert '1 of 2 truth masks have no image of their stamp' in (
        tmp_path / 'report' / 'report.html').read_text()


def test_names_from_outside_cannot_break_the_page(tmp_path: Path, model: ModelFile):
    replay(write_drive(tmp_path / '<b>$x & "y"'), model)
    page = (tmp_path / 'report' / 'report.html').read_text()
    assert '<b>$x' not in page
    assert 'Replay of &lt;b&gt;$x &amp; &quot;y&quot;' in page
