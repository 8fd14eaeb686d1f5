"""Many bags on a real Ray cluster of this machine."""

from collections.abc import Iterator
import json
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import time

from drives import HEIGHT
from drives import WIDTH
from drives import write_drive
import pytest
from tiny_model import write_tiny_model

from road_seg.backends import ModelFile
from road_seg.backends import open_backend
from road_seg.backends import read_model
from road_seg.bags.sample import record
from road_seg.bags.sources import world
from road_seg.bags.stored import stored_bag
from road_seg.bags.stored import StoredBag
from road_seg.cli.main import main
from road_seg.labels import ROAD_LABELS
from road_seg.replay.evaluate import Evaluation
from road_seg.replay.evaluation_file import merged
from road_seg.replay.evaluation_file import to_json
from road_seg.replay.pieces import Piece
from road_seg.replay.pieces import replay_piece
from road_seg.replay.run import labelled
from road_seg.replay.run import measured

pytest.importorskip('ray', reason='needs Ray')
from road_seg.replay import fleet
from road_seg.replay.fleet import cluster
from road_seg.replay.fleet import Outcome
from road_seg.replay.fleet import replay_fleet
from road_seg.replay.fleet import Work
from road_seg.replay.fleet_report import evaluations

FRAMES = 24


@pytest.fixture(scope='module')
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    """Return the tiny model of the small pictures' size."""
    return read_model(write_tiny_model(tmp_path_factory.mktemp('model') / 'model.onnx', HEIGHT,
                                       WIDTH))


@pytest.fixture(scope='module')
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a drive of large pictures with masks, grids and a moving mount."""
    path = tmp_path_factory.mktemp('drive') / 'drive'
    record(world('mixed', FRAMES), path, compressed=True)
    return path


@pytest.fixture(scope='module')
def work(model: ModelFile) -> Work:
    """Return what is done with the pieces."""
    return Work({'grid.max_age_s': 0.0, 'model': str(model.path), 'backend': 'onnxruntime'},
                model.sha256, threads=1)


@pytest.fixture(scope='module')
def workers() -> Iterator[int]:
    """Yield the number of workers of a running cluster."""
    with cluster(2) as (count, _):
        yield count


def single(model: ModelFile, work: Work, *bags: Path) -> Evaluation:
    """Return the evaluation of whole bags in this process."""
    with open_backend(model, 'onnxruntime', 1) as backend:
        return merged([replay_piece(Piece(stored_bag(str(bag)), 0, None, 1), backend, work.values,
                                    None) for bag in bags], ROAD_LABELS)


def counted(evaluation: Evaluation) -> dict:
    """Return all that does not depend on the machine."""
    data = to_json(evaluation)
    del data['latency_ms'], data['duration_s']
    return data


def total(outcome: Outcome) -> Evaluation:
    """Return the evaluation of all bags together."""
    return merged(evaluations(outcome, ROAD_LABELS).values(), ROAD_LABELS)


def test_pieces_of_many_bags_are_the_bags(tmp_path: Path, drive: Path, model: ModelFile,
                                          work: Work, workers: int):
    small = write_drive(tmp_path / 'small', count=10)
    (tmp_path / 'broken.mcap').write_bytes(b'no bag')
    (tmp_path / 'list.txt').write_text(
        f'{drive}\n{tmp_path}/none\nfile://{small}\n{tmp_path}/broken.mcap\n{small}\n')
    shown = []

    def replay() -> Outcome:
        return replay_fleet(str(tmp_path / 'list.txt'), work, tmp_path / 'pieces', workers,
                            frames=5, progress=lambda done, total: shown.append((done, total)))

    outcome = replay()
    assert counted(total(outcome)) == counted(single(model, work, drive, small, small))
    assert {name: len(pieces) for name, pieces in outcome.bags.items()} == {
        str(drive): 5, f'file://{small}': 1, str(small): 2}
    assert list(outcome.failed) == [f'{tmp_path}/none', f'{tmp_path}/broken.mcap']
    assert 'found no such file' in outcome.failed[f'{tmp_path}/none']
    assert (outcome.frames, outcome.reused, outcome.retried) == (FRAMES + 20, 0, 0)
    assert shown[-1][0] == shown[-1][1]
    again = replay()
    assert (again.frames, again.reused) == (0, 8)
    assert counted(total(again)) == counted(total(outcome))


def test_a_bag_that_fails_in_a_worker_is_listed(tmp_path: Path, drive: Path, work: Work,
                                                workers: int):
    shutil.copytree(drive, tmp_path / 'drive')
    (tmp_path / 'list.txt').write_text(f'{drive}\nfile://{tmp_path}/none.mcap\n'
                                       f'file://{tmp_path}/text.mcap\n')
    (tmp_path / 'text.mcap').write_text('no bag')
    outcome = replay_fleet(str(tmp_path / 'list.txt'), work, tmp_path / 'pieces', workers)
    assert list(outcome.bags) == [str(drive)]
    assert 'no such file' in outcome.failed[f'file://{tmp_path}/none.mcap'].lower()
    error = outcome.failed[f'file://{tmp_path}/text.mcap']
    assert error.startswith(f'file://{tmp_path}/text.mcap: ')
    assert outcome.failed_pieces == 1
    assert len(list((tmp_path / 'pieces').iterdir())) == 1


def test_what_cannot_be_fetched_is_tried_again(tmp_path: Path, work: Work, workers: int,
                                               monkeypatch: pytest.MonkeyPatch):
    url = f'file://{tmp_path}/gone.mcap'
    monkeypatch.setattr(fleet, 'stored_bag', lambda name: StoredBag(name, (('.', 3, '1'),)))
    (tmp_path / 'list.txt').write_text(url)
    outcome = replay_fleet(str(tmp_path / 'list.txt'), work, tmp_path / 'pieces', workers)
    assert (outcome.bags, outcome.retried, outcome.failed_pieces) == ({}, 3, 1)
    assert outcome.failed[url].startswith(f'{url}: could not be fetched: ')


def finished(store: Path) -> dict[Path, int]:
    """Return when each result was written, ns; those that are being written have a dot before."""
    return {path: path.stat().st_mtime_ns for path in store.glob('[0-9a-f]*.json')}


def busy_workers() -> list[int]:
    """Return the processes that are replaying a piece now."""
    found = []
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            title = (folder / 'cmdline').read_bytes()
        except OSError:
            continue
        if title.startswith(b'ray::_run'):
            found.append(int(folder.name))
    return found


def test_a_killed_worker_costs_no_frame(tmp_path: Path, drive: Path, model: ModelFile,
                                        work: Work, workers: int):
    killed = []

    def kill_one(done: int, total: int) -> None:
        while not killed and finished(tmp_path / 'pieces'):
            time.sleep(0.2)  # amid a piece
            for pid in busy_workers()[:1]:
                os.kill(pid, signal.SIGSTOP)  # its piece cannot end between look and kill
                if pid in busy_workers():
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
                else:
                    os.kill(pid, signal.SIGCONT)

    (tmp_path / 'list.txt').write_text(str(drive))
    outcome = replay_fleet(str(tmp_path / 'list.txt'), work, tmp_path / 'pieces', workers,
                           frames=4, progress=kill_one)
    assert len(killed) == 1
    assert outcome.retried == 1
    assert (outcome.frames, outcome.failed, outcome.failed_pieces) == (FRAMES, {}, 0)
    assert counted(total(outcome)) == counted(single(model, work, drive))


def fleet_command(folder: Path, model: ModelFile) -> list[str]:
    """Return the command that replays the drives of a folder."""
    return [sys.executable, '-m', 'road_seg.cli.main', 'replay', '--fleet',
            f'{folder}/drive*', '--workers', '2', '--model', str(model.path), '--backend',
            'onnxruntime', '--report', str(folder / 'report'), '--json',
            str(folder / 'fleet.json')]


def test_a_killed_driver_goes_on_where_it_was(tmp_path: Path, drive: Path, model: ModelFile,
                                              work: Work):
    bags = [tmp_path / f'drive{index}' for index in range(6)]
    for bag in bags:
        shutil.copytree(drive, bag)
    store = tmp_path / 'report' / 'pieces'
    first = subprocess.Popen(fleet_command(tmp_path, model), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120.0
    while not finished(store) and time.monotonic() < deadline:
        time.sleep(0.02)
    first.kill()
    assert first.wait() == -signal.SIGKILL
    before = finished(store)
    assert 0 < len(before) < 6
    assert not (tmp_path / 'fleet.json').exists()
    done = subprocess.run(fleet_command(tmp_path, model), capture_output=True, text=True,
                          check=True)
    assert before.items() <= finished(store).items()
    assert len(finished(store)) == 6
    summary = json.loads((tmp_path / 'fleet.json').read_text())
    assert (summary['cost']['pieces'], summary['cost']['reused'], summary['cost']['frames']) == (
        6, len(before), FRAMES * (6 - len(before)))
    expected = single(model, work, *bags)
    found = {name: summary[name] for name in (*measured(expected), 'labelled')}
    assert found.pop('latency_ms').keys() == measured(expected).pop('latency_ms').keys()
    wanted = json.loads(json.dumps({**measured(expected), 'labelled': labelled(expected)}))
    del wanted['latency_ms']
    assert found == wanted
    assert [row['bag'] for row in summary['bags']] == list(map(str, bags))
    assert f'{FRAMES * 6} frames of 6 bags in 6 pieces, {len(before)} of an' in (
        done.stdout)
    page = (tmp_path / 'report' / 'report.html').read_text()
    assert all(str(bag) in page for bag in bags)


@pytest.mark.parametrize(('words', 'found'), [
    ([], 'found no bag'), (['bag', '--workers', '2'], 'found --workers without --fleet'),
    (['bag', '--max', '3'], '--max: found no --capture'),
    (['bag', '--fleet', 'list.txt', '--realtime'], 'found also bag, mode'),
    (['--fleet', 'list.txt', '--max', '3'], 'found also max'),
    (['--fleet', 'none/*.mcap', '--out', 'bag'], 'found also out')])
def test_options_that_do_not_go_together(words: list[str], found: str,
                                         capsys: pytest.CaptureFixture):
    assert main(['replay', *words]) == 2
    assert found in capsys.readouterr().err
