"""Grids against those before, moved with the vehicle."""

from dataclasses import replace
import json
import math
from pathlib import Path

from drives import write_drive
import numpy as np
import pytest

from road_seg.bags.sample import record
from road_seg.bags.sources import world
from road_seg.bags.track import Track
from road_seg.camera import CameraModel
from road_seg.cli.main import main
from road_seg.grid import DrivableGrid
from road_seg.grid import GridRules
from road_seg.grid import GridSpec
from road_seg.grid import Reason
from road_seg.grid import VALUES
from road_seg.ground import GroundProjector
from road_seg.ground import mask_evidence
from road_seg.labels import ROAD_LABELS
from road_seg.planar import PlanarPose
from road_seg.replay.ego_consistency import compare
from road_seg.replay.ego_consistency import EgoConsistency
from road_seg.replay.ego_consistency import source_cells
from road_seg.world.drive import frame_of
from road_seg.world.recipes import draw_scene

S = 10**9
SPEC = GridSpec(1.0, -4.0, 4.0, -4.0, 4.0)
F, B, U = Reason.DRIVABLE, Reason.BLOCKED, Reason.OUT_OF_VIEW


def grid(reasons: np.ndarray) -> DrivableGrid:
    """Return the grid of some reasons."""
    return DrivableGrid(SPEC, VALUES[reasons], reasons.astype(np.uint8))


def corner() -> np.ndarray:
    """Return free ground with three rows by three columns blocked, from x -2 and y 0 on."""
    reasons = np.full((8, 8), F, np.uint8)
    reasons[4:7, 2:5] = B
    return reasons


def test_cells_after_a_translation_by_whole_cells() -> None:
    cells = source_cells(SPEC, PlanarPose(2.0, -1.0, 0.0))
    assert cells[3, 1].tolist() == [3.0, 2.0]  # column + 2, row - 1
    assert cells[0, 7].tolist() == [9.0, -1.0]  # beyond


def test_a_world_that_stands_still_agrees_after_a_translation() -> None:
    before = corner()
    after = np.full((8, 8), U, np.uint8)
    after[1:, :6] = before[:7, 2:]
    assert compare(grid(before), grid(after), PlanarPose(2.0, -1.0, 0.0)).tolist() == [42, 0, 0]


def test_a_world_that_stands_still_agrees_after_a_quarter_turn() -> None:
    # The vehicle has turned left, so x of the world is now -y of the vehicle.
    before = corner()
    after = np.rot90(before, 1)
    assert compare(grid(before), grid(after), PlanarPose(0.0, 0.0, math.pi / 2)).tolist() == [
        64, 0, 0]
    assert compare(grid(before), grid(before), PlanarPose(0.0, 0.0, math.pi / 2))[0] < 64


def test_what_changed_is_counted_by_kind_and_borders_are_not() -> None:
    before, after = corner(), np.full((8, 8), F, np.uint8)
    after[0, :] = B
    counts = compare(grid(before), grid(after), PlanarPose(0.0, 0.0, 0.0))
    # Of the square only the middle has no free cell beside it; the new row has no blocked one.
    assert counts.tolist() == [64 - 9, 8, 1]
    moved = np.roll(before, 1, axis=1)
    assert compare(grid(before), grid(moved), PlanarPose(0.0, 0.0, 0.0)).tolist() == [64, 0, 0]


def test_unknown_cells_do_not_count() -> None:
    after = corner()
    after[:, 4:] = Reason.LOW_CONFIDENCE
    assert compare(grid(corner()), grid(after), PlanarPose(0.0, 0.0, 0.0)).tolist() == [32, 0, 0]
    assert compare(grid(corner()), grid(corner()), PlanarPose(30.0, 0.0, 0.0)).sum() == 0


def test_pairs_are_half_a_second_apart() -> None:
    track = Track(np.array([0, S]), np.zeros((2, 3)))
    consistency = EgoConsistency(track)
    for tenth in range(8):
        reasons = np.full((8, 8), B if tenth == 2 else F, np.uint8)
        consistency.update(tenth * S // 10, grid(reasons))
    # 5, 6 and 7 are compared with 0, 1 and 2.
    assert consistency.summary() == {'pairs': 3, 'agreement': 2 / 3, 'free_then_blocked': 0.0,
                                     'blocked_then_free': 1 / 3}


def test_nothing_to_compare() -> None:
    consistency = EgoConsistency(Track(np.array([0, S]), np.zeros((2, 3))))
    consistency.update(0, grid(corner()))
    consistency.update(2 * S, grid(corner()))
    assert consistency.summary() == {'pairs': 0, 'agreement': None, 'free_then_blocked': None,
                                     'blocked_then_free': None}


def test_grids_of_true_masks_agree_with_the_true_motion_and_not_with_another() -> None:
    grid_of = GroundProjector(GridSpec(), GridRules()).project
    # Without the vehicle that drives ahead.
    scene = replace(draw_scene('junction', 1, 0, 100.0), things=())
    frames = [frame_of(scene, tenth / 10, GridSpec(), tenth * S // 10) for tenth in range(8)]
    stamps = np.array([frame.stamp_ns for frame in frames])
    poses = np.array([frame.pose for frame in frames])
    turning = poses + np.linspace(0.0, 0.2, 8)[:, np.newaxis] * (0.0, 0.0, 1.0)
    true, wrong = (EgoConsistency(Track(stamps, way)) for way in (poses, turning))
    for frame in frames:
        camera = CameraModel.from_info(frame.camera_info, frame.mask.shape[::-1])
        made = grid_of(*mask_evidence(frame.mask, ROAD_LABELS.is_drivable), camera,
                       frame.extrinsics)
        for consistency in (true, wrong):
            consistency.update(frame.stamp_ns, made)
    assert true.pairs == 3
    assert true.counts.sum() > 5000
    assert true.summary()['agreement'] == 1.0
    assert wrong.summary()['agreement'] < 0.99


def replay(bag: Path, folder: Path) -> dict | None:
    """Replay a bag in this process and return what it says of consistency."""
    assert main(['replay', str(bag), '--in-process', '--backend', 'onnxruntime', '--report',
                 str(folder / 'report'), '--json', str(folder / 'summary.json')]) == 0
    return json.loads((folder / 'summary.json').read_text())['ego_consistency']


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    record(world('straight', 8, 1), tmp_path / 'drive')
    found = replay(tmp_path / 'drive', tmp_path)
    assert found['pairs'] == 3
    assert found['agreement'] > 0.9
    assert sum(found[name] for name in ('agreement', 'free_then_blocked',
                                        'blocked_then_free')) == pytest.approx(1.0)
    assert 'grids half a second apart' in capsys.readouterr().out


def test_without_odometry_there_is_no_figure(tmp_path: Path) -> None:
    assert replay(write_drive(tmp_path / 'drive'), tmp_path) is None
