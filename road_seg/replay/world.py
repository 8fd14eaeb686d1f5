"""Scoring masks and grids on the procedural road world, whose truth is exact."""

from collections.abc import Callable
from dataclasses import replace
import math

from road_seg.backends import Backend
from road_seg.camera import CameraModel
from road_seg.camera import Extrinsics
from road_seg.grid import DrivableGrid
from road_seg.grid import GridRules
from road_seg.grid import GridSpec
from road_seg.grid_scores import GridScores
from road_seg.ground import GroundProjector
from road_seg.ground import mask_evidence
from road_seg.labels import ROAD_LABELS
from road_seg.pipeline import Segmenter
from road_seg.replay.scores import grid_summary
from road_seg.replay.scores import MaskScores
from road_seg.world.drive import drive
from road_seg.world.drive import WorldFrame

SPEC = GridSpec(resolution=0.2, x_min=0.0, x_max=50.0, y_min=-20.0, y_max=20.0)

_GridOf = Callable[[WorldFrame, CameraModel, Extrinsics], DrivableGrid]


def score_world(scene: str, frames: int, seed: int, backend: Backend | None, rules: GridRules,
                pitch_error_deg: float = 0.0,
                progress: Callable[[int, int], None] = lambda done, total: None) -> dict:
    """
    Score every frame of a drawn drive with the camera's true pose.

    :param scene: one of road_seg.world.drive.SCENES.
    :param frames: number of frames.
    :param seed: seed of the drive.
    :param backend: an active backend; None puts the true mask in place of a network's.
    :param rules: when a cell is free, blocked or unknown.
    :param pitch_error_deg: added to the pitch that the grid is computed with, degrees.
    :param progress: called after each frame with the numbers of frames done and in all.
    :return: the summary, as `score --json` writes it.
    :raises RoadSegError: there is no such scene, or the model has other classes.
    """
    masks = MaskScores(backend.model.labels if backend else ROAD_LABELS)
    grid_of = _network_grid(backend, rules, masks) if backend else _true_grid(rules)
    grids = GridScores()
    for index, frame in enumerate(drive(scene, frames, seed, SPEC)):
        camera = CameraModel.from_info(frame.camera_info, frame.mask.shape[::-1])
        pose = frame.extrinsics
        pose = replace(pose, pitch=pose.pitch + math.radians(pitch_error_deg))
        grids.update(frame.grid, grid_of(frame, camera, pose))
        progress(index + 1, frames)
    summary = masks.summary() if backend else {'frames': frames}
    return {**summary, 'grid': grid_summary(grids), 'pitch_error_deg': pitch_error_deg,
            'model_sha256': backend.model.sha256 if backend else None,
            'backend': backend.name if backend else None}


def _network_grid(backend: Backend, rules: GridRules, masks: MaskScores) -> _GridOf:
    """Return what segments a frame, scores its mask and returns its grid."""
    segmenter = Segmenter(backend, SPEC, rules)

    def grid_of(frame: WorldFrame, camera: CameraModel, pose: Extrinsics) -> DrivableGrid:
        result = segmenter.process(frame.rgb, frame.stamp_ns, camera, pose, with_confidence=True)
        masks.update(frame.mask, result.mask, result.confidence)
        return result.grid

    return grid_of


def _true_grid(rules: GridRules) -> _GridOf:
    """Return what makes a frame's grid of its true mask."""
    projector = GroundProjector(SPEC, rules)

    def grid_of(frame: WorldFrame, camera: CameraModel, pose: Extrinsics) -> DrivableGrid:
        evidence = mask_evidence(frame.mask, ROAD_LABELS.is_drivable)
        return projector.project(*evidence, camera, pose)

    return grid_of
