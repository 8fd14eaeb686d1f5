"""Pieces of a drive, put together, against the drive as a whole."""

from collections.abc import Iterator
import json
from pathlib import Path

from drives import HEIGHT
from drives import INFO
from drives import PERIOD_NS
from drives import picture
from drives import START_NS
from drives import truth_of
from drives import WIDTH
from drives import write_drive
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np
import pytest
from tiny_model import write_tiny_model

from road_seg.backends import Backend
from road_seg.backends import open_backend
from road_seg.backends import read_model
from road_seg.bags import messages
from road_seg.bags.reader import BagReader
from road_seg.bags.sample import record
from road_seg.bags.sources import world
from road_seg.bags.stored import stored_bag
from road_seg.bags.stored import StoredBag
from road_seg.bags.writer import create_bag
from road_seg.camera import Extrinsics
from road_seg.errors import InputError
from road_seg.labels import ROAD_LABELS
from road_seg.parameters import checked_parameters
from road_seg.replay.evaluate import Evaluation
from road_seg.replay.evaluation_file import from_json
from road_seg.replay.evaluation_file import merged
from road_seg.replay.evaluation_file import to_json
from road_seg.replay.in_process import InProcess
from road_seg.replay.pieces import PartOfDrive
from road_seg.replay.pieces import Piece
from road_seg.replay.pieces import pieces_of
from road_seg.replay.pieces import replay_piece
from road_seg.replay.pieces import settings_of
from road_seg.replay.scores import MaskScores

VALUES = {'grid.max_age_s': 0.0, 'grid.encoding': 'probability'}
# They tell how long things took.
TIMES = ('latency_ms', 'duration_s')


@pytest.fixture(scope='module')
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """Yield the tiny model of the pictures' size, active."""
    path = write_tiny_model(tmp_path_factory.mktemp('model') / 'model.onnx', HEIGHT, WIDTH)
    with open_backend(read_model(path), 'onnxruntime', 1) as opened:
        yield opened


def whole(path: Path) -> Piece:
    """Return all of a bag as one piece, which is how `replay --in-process` reads it."""
    return Piece(stored_bag(str(path)), 0, None, 1)


def counted(evaluation: Evaluation) -> dict:
    """Return all that does not depend on the machine."""
    data = to_json(evaluation)
    for name in TIMES:
        del data[name]
    return data


def in_pieces(path: Path, backend: Backend, frames: int) -> Evaluation:
    """Replay a bag in pieces of at most so many frames, the last one first."""
    pieces = pieces_of(stored_bag(str(path)), None, frames)
    results = [replay_piece(piece, backend, VALUES, None) for piece in reversed(pieces)]
    return merged(reversed(results), backend.model.labels)


@pytest.mark.parametrize('is_compressed', [False, True])
def test_counts_are_exactly_those_of_the_whole(tmp_path: Path, backend: Backend,
                                               is_compressed: bool):
    record(world('mixed', 14), tmp_path / 'drive', compressed=is_compressed)
    expected = counted(replay_piece(whole(tmp_path / 'drive'), backend, VALUES, None))
    assert expected['frames'] == expected['scored'] == expected['truth_count'] == 14
    assert expected['flicker'][1] > 0
    assert np.sum(expected['grid_scores']) > 0
    for frames in (1, 3, 5):
        found = in_pieces(tmp_path / 'drive', backend, frames)
        assert counted(found) == expected
        assert {len(values) for values in found.latency_ms.values()} == {14}


def drifting_drive(path: Path, count: int) -> Path:
    """Write a drive of noise whose mount turns by half a table's tolerance a frame."""
    noise = np.random.default_rng(0).integers(0, 256, (count, HEIGHT, WIDTH, 3), np.uint8)
    with create_bag(path) as writer:
        for index in range(count):
            # A gap before frame 8 ends the flicker's sequence.
            stamp = START_NS + index * PERIOD_NS + (index >= 8) * 10**9
            writer.write('/camera/camera_info', messages.CAMERA_INFO, stamp,
                         messages.encode_camera_info(INFO, stamp, 'camera'))
            writer.write('/camera/image_raw', messages.IMAGE, stamp,
                         messages.encode_image(noise[index], stamp, 'camera'))
            pose = Extrinsics(1.5, 0.0, 1.4, roll=-np.pi / 2, yaw=0.00017 * index - np.pi / 2)
            writer.write('/tf', messages.TF, stamp,
                         messages.encode_transforms([('base_link', 'camera', pose)], stamp))
            writer.write('/road_mask/truth', messages.IMAGE, stamp, messages.encode_image(
                truth_of(noise[index]), stamp, 'camera'))
    return path


def answers(path: Path, backend: Backend, piece: Piece) -> dict[int, tuple]:
    """Return mask, grid and reasons of each frame of a piece, and of the one before it."""
    player = InProcess(backend, checked_parameters(VALUES))
    with BagReader(path) as reader:
        drive = PartOfDrive(reader, piece, player.let_pass, None, 'base_link')
        return {frame.index: (answer.mask, answer.grid, answer.reasons)
                for frame, answer in player.play(drive)}


def test_a_mount_that_drifts_has_the_same_grids(tmp_path: Path, backend: Backend):
    path = drifting_drive(tmp_path / 'drive', 20)
    expected = answers(path, backend, whole(path))
    assert len(expected) == 20
    assert all(grid for _, grid, _ in expected.values())
    for first in (2, 5, 9, 18):
        found = answers(path, backend, Piece(stored_bag(str(path)), first, first + 2, 1))
        assert found == {index: expected[index] for index in range(first - 1, first + 2)}
    assert counted(in_pieces(path, backend, 4)) == counted(
        replay_piece(whole(path), backend, VALUES, None))


def test_the_grids_depend_on_the_frames_before(tmp_path: Path, backend: Backend):
    # Otherwise the test above would show nothing: letting no frame pass gives other grids.
    path = drifting_drive(tmp_path / 'drive', 20)
    expected = answers(path, backend, whole(path))
    player = InProcess(backend, checked_parameters(VALUES))
    with BagReader(path) as reader:
        drive = PartOfDrive(reader, Piece(stored_bag(str(path)), 18, None, 1),
                            lambda drive, frame: None, None, 'base_link')
        found = {frame.index: answer.grid for frame, answer in player.play(drive)}
    assert any(found[index] != expected[index][1] for index in found)


def test_of_a_damaged_bag_what_could_be_read(tmp_path: Path, backend: Backend):
    record(world('mixed', 12), tmp_path / 'drive')
    file, = (tmp_path / 'drive').glob('*.mcap')
    with file.open('r+b') as opened:
        opened.truncate(file.stat().st_size * 2 // 3)
    expected = counted(replay_piece(whole(tmp_path / 'drive'), backend, VALUES, None))
    assert 0 < expected['frames'] < 12
    assert expected['loss']
    assert counted(in_pieces(tmp_path / 'drive', backend, 2)) == expected


def test_a_bad_frame_is_named(tmp_path: Path, backend: Backend):
    with create_bag(tmp_path / 'drive') as writer:
        for index in range(6):
            image = messages.encode_image(picture(index), index, 'camera')
            writer.write('/image', messages.IMAGE, index, image[:-9] if index == 3 else image)
    bag = stored_bag(str(tmp_path / 'drive'))
    assert replay_piece(Piece(bag, 0, 3, 1), backend, VALUES, None).frames == 3
    for first in (3, 4):
        with pytest.raises(InputError, match='drive, frame 3: '):
            replay_piece(Piece(bag, first, first + 1, 1), backend, VALUES, None)


def test_how_bags_are_split(tmp_path: Path):
    bag = stored_bag(str(write_drive(tmp_path / 'drive', count=10)))
    bounds = [(piece.first, piece.stop) for piece in pieces_of(bag, None, 4)]
    assert bounds == [(0, 3), (3, 7), (7, None)]
    assert sum(piece.size for piece in pieces_of(bag, None, 4)) == bag.size
    assert len(pieces_of(bag, None)) == 1
    remote = StoredBag(f'file://{bag.name}', bag.files)
    assert pieces_of(remote, None, 4) == [Piece(remote, 0, None, bag.size)]
    many = stored_bag(str(write_drive(tmp_path / 'many', count=40)))
    assert len(pieces_of(many, None, 1)) == 16


def test_a_digest_names_all_that_a_result_depends_on():
    def digest(name: str = '/a', state: str = '1', stop: int = 5, sha: str = 'x',
               topic: str = '/i', **values: object) -> str:
        piece = Piece(StoredBag(name, (('.', 3, state),)), 0, stop, 3)
        return piece.digest(**settings_of({'grid.x_max': 40.0, **values}, sha, topic,
                                          {'road_seg': '0.1.0'}))

    same = digest()
    assert len(same) == 64
    assert digest(model='/elsewhere/model.onnx', threads=2) == same
    others = [digest(name='/b'), digest(state='2'), digest(stop=6), digest(sha='y'),
              digest(topic='/j'), digest(**{'grid.x_max': 30.0})]
    assert len({same, *others}) == 7


COUNTS = st.integers(0, 2**62)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(COUNTS, COUNTS, st.floats(0.0, 1e6)), min_size=1, max_size=4))
def test_an_evaluation_is_the_same_after_json(values: list[tuple[int, int, float]]):
    evaluation = Evaluation(MaskScores(ROAD_LABELS))
    for count, other, duration in values:
        evaluation.labelled.append((count, np.full((5, 3), other)))
        evaluation.latency_ms.setdefault('network', []).append(duration)
        evaluation.frames, evaluation.span_ns = count, other
        evaluation.scores.confusion.counts[1, 2] = count
        evaluation.scores.calibration.counts[7, 1] = other
        evaluation.grid_scores.counts[0, 0] = count
        evaluation.scores.flicker.changed = other
    text = json.dumps(to_json(evaluation))
    assert json.dumps(to_json(from_json(json.loads(text), ROAD_LABELS))) == text
