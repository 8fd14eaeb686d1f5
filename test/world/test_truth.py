"""The truth grid on cases worked out by hand."""

from dataclasses import replace
import math

import cv2
import numpy as np
import pytest
from staged import block
from staged import CAMERA_X
from staged import CAMERA_Z
from staged import FLAT
from staged import HEIGHT
from staged import IDEAL
from staged import LENSES
from staged import MOUNT
from staged import PITCH
from staged import shoot
from staged import SPEC
from staged import stage
from staged import WIDTH

from road_seg.camera import CameraModel
from road_seg.grid import Reason
from road_seg.labels import ROAD_LABELS
from road_seg.world.drive import frame_of
from road_seg.world.figures import person
from road_seg.world.recipes import draw_scene
from road_seg.world.road import Wave
from road_seg.world.solids import Thing

CENTRES = SPEC.cell_centres()
X = CENTRES[:, 0].reshape(SPEC.height, SPEC.width)
Y = CENTRES[:, 1].reshape(SPEC.height, SPEC.width)
RANGE = np.hypot(X - CAMERA_X, Y)
BEARING = np.arctan2(Y, X - CAMERA_X)


def in_ideal_image() -> np.ndarray:
    """Say which cells of flat ground the ideal camera sees, from the pinhole equations."""
    ahead, cos, sin = X - CAMERA_X, math.cos(PITCH), math.sin(PITCH)
    forward = ahead * cos + CAMERA_Z * sin
    with np.errstate(divide='ignore', invalid='ignore'):
        column = IDEAL.k[2] - IDEAL.k[0] * Y / forward
        row = IDEAL.k[5] + IDEAL.k[4] * (CAMERA_Z * cos - ahead * sin) / forward
    return ((forward > 0.0) & (column >= -0.5) & (column < WIDTH - 0.5)
            & (row >= -0.5) & (row < HEIGHT - 0.5))


def expect(blocked_at: np.ndarray) -> np.ndarray:
    """Return the reasons where bearings are blocked at these distances."""
    reasons = np.where(blocked_at > RANGE, Reason.DRIVABLE, np.where(
        blocked_at + 0.6 >= RANGE, Reason.BLOCKED, Reason.OCCLUDED))
    return np.where(in_ideal_image(), reasons, Reason.OUT_OF_VIEW)


def away_from_borders(image: np.ndarray) -> np.ndarray:
    """Say which cells or pixels have the value of all their eight neighbours."""
    window = np.ones((3, 3), np.uint8)
    image = image.astype(np.uint8)
    return cv2.erode(image, window) == cv2.dilate(image, window)


def same_but_for_borders(found: np.ndarray, blocked_at: np.ndarray) -> None:
    """Compare reasons; next to a change, bearings rounded to 0.1 m may be on either side."""
    expected = expect(blocked_at)
    sure = away_from_borders(expected)
    assert sure.mean() > 0.9
    np.testing.assert_array_equal(found[sure], expected[sure])


def edge_at() -> np.ndarray:
    """Return the distance of the edge, 3.5 m aside, on each cell's bearing."""
    with np.errstate(divide='ignore'):
        return 3.5 / np.abs(np.sin(BEARING))


def test_an_empty_road_is_drivable_up_to_its_edges():
    grid = shoot(stage()).grid
    same_but_for_borders(grid.reasons, edge_at())
    assert set(np.unique(grid.values).tolist()) == {-1, 0, 100}
    np.testing.assert_array_equal(grid.values == 0, grid.reasons == Reason.DRIVABLE)
    np.testing.assert_array_equal(grid.values == 100, grid.reasons == Reason.BLOCKED)


def test_a_block_shades_what_is_behind_it():
    # Its near face is at x = 12 m, 2 m wide: hit where the bearing meets it within 1 m.
    grid = shoot(stage(FLAT, block(14.0, 0.0, 4.0, 2.0, 1.5))).grid
    face = 12.0 - CAMERA_X
    hit = np.abs(np.tan(BEARING)) * face < 1.0
    same_but_for_borders(grid.reasons, np.where(hit, face / np.cos(BEARING), edge_at()))
    row = grid.reasons[SPEC.height // 2]  # 0.1 m left of the axis
    assert row[X[0] < 12.0][-1] == Reason.DRIVABLE
    assert row[(X[0] > 12.0) & (X[0] < 12.6)].tolist() == [Reason.BLOCKED] * 3
    assert set(row[X[0] > 12.7].tolist()) == {Reason.OCCLUDED}


def test_a_person_shades_a_narrow_strip():
    figure = person(np.random.default_rng(0))
    thing = Thing(ROAD_LABELS.id_of('person'), (figure,), 10.0, 0.0)
    grid = shoot(stage(FLAT, thing)).grid
    column = grid.reasons[:, round(20.1 / 0.2)]
    shaded = column == Reason.OCCLUDED
    road = np.abs(Y[:, 0]) < 3.4
    assert shaded[road].sum() * 0.2 == pytest.approx(
        figure.foot * (20.0 - CAMERA_X) / (10.0 - CAMERA_X), abs=0.25)
    assert column[road][~shaded[road]].tolist() == [Reason.DRIVABLE] * (~shaded[road]).sum()


def test_a_bearing_that_begins_beside_the_road_is_blocked_at_once():
    # Turned 60 degrees to the left, the camera sees no road on its leftmost bearings.
    mount = replace(MOUNT, yaw=math.radians(60.0))
    grid = shoot(stage(FLAT, mount=mount)).grid
    bearings = (math.radians(80.0) < BEARING) & (grid.reasons != Reason.OUT_OF_VIEW)
    first = RANGE[bearings].min()
    assert first > 3.5
    assert set(grid.reasons[bearings & (first + 1.0 < RANGE)].tolist()) == {Reason.OCCLUDED}
    assert (grid.reasons[bearings] == Reason.BLOCKED).any()
    assert not (grid.reasons[bearings] == Reason.DRIVABLE).any()


def test_a_body_below_the_image_hides_the_ground_it_is_seen_over():
    # The block's foot is 2 m ahead of the camera, nearer than the nearest ground in the image.
    thing = block(CAMERA_X + 2.25, 0.0, 0.5, 1.0, 3.0)
    grid = shoot(stage(FLAT, thing)).grid
    behind = (np.abs(np.tan(BEARING)) < 0.2) & (np.abs(Y) < 3.0) & (
        grid.reasons != Reason.OUT_OF_VIEW)
    assert not (grid.reasons[behind] == Reason.DRIVABLE).any()
    low = shoot(stage(FLAT, block(CAMERA_X + 2.25, 0.0, 0.5, 1.0, 0.2))).grid
    assert (low.reasons[behind] == Reason.DRIVABLE).all()


def test_ground_behind_a_crest_is_occluded():
    # z = 1.5 sin(x / 10): crest at 15.7 m, trough at 47 m.
    grid = shoot(stage(replace(FLAT, hills=(Wave(1.5, 10.0, 0.0),)))).grid
    # base_link's plane rises with the road by 15 % here.
    row = grid.reasons[SPEC.height // 2]
    assert set(row[(X[0] > 6.0) & (X[0] < 10.0)].tolist()) == {Reason.DRIVABLE}
    assert set(row[(X[0] > 22.0) & (X[0] < 38.0)].tolist()) == {Reason.OCCLUDED}


def test_a_visible_crest_agrees_with_sight_lines():
    road = replace(FLAT, hills=(Wave(0.6, 7.0, 2.0),), half_width=30.0)
    scene = stage(road)
    grid = shoot(scene).grid
    row, y = grid.reasons[SPEC.height // 2], 0.1
    slope = 0.6 / 7.0 * math.cos(2.0)
    start = np.array([0.0, 0.6 * math.sin(2.0)])
    along, up = np.array([(1.0, slope), (-slope, 1.0)]) / math.hypot(1.0, slope)
    eye = start + CAMERA_X * along + CAMERA_Z * up
    for x, reason in zip(X[0], row, strict=True):
        if reason == Reason.OUT_OF_VIEW:
            continue
        # The point of the profile above or below the cell, then the sight line to it.
        foot = start + x * along
        rise = np.linspace(-4.0, 4.0, 8001)[:, np.newaxis] * up + foot
        point = rise[np.abs(rise[:, 1] - 0.6 * np.sin(rise[:, 0] / 7.0 + 2.0)).argmin()]
        share = np.linspace(0.0, 0.97, 500)[:, np.newaxis]
        line = eye + share * (point - eye)
        clear = (line[:, 1] - 0.6 * np.sin(line[:, 0] / 7.0 + 2.0)).min()
        if abs(clear) > 0.02:
            assert (reason == Reason.DRIVABLE) == (clear > 0.0), (x, y, clear)


@pytest.mark.parametrize('lens', LENSES)
def test_out_of_view_is_what_does_not_project_into_the_image(lens: str):
    scene = stage(info=LENSES[lens])
    _, valid = CameraModel.from_info(scene.camera_info).project(MOUNT.to_optical(CENTRES))
    reasons = shoot(scene).grid.reasons
    np.testing.assert_array_equal(reasons == Reason.OUT_OF_VIEW, ~valid.reshape(X.shape))
    assert {0, 1, 2, 3} == set(np.unique(reasons).tolist())


@pytest.mark.parametrize('seed', range(3))
def test_drivable_cells_are_road_in_the_mask(seed: int):
    scene = draw_scene('mixed', seed, 0, 100.0)
    scene = replace(scene, road=replace(scene.road, hills=(), crown=0.0))
    frame = frame_of(scene, 1.0, SPEC)
    pixels, valid = CameraModel.from_info(frame.camera_info).project(
        frame.extrinsics.to_optical(CENTRES))
    drivable = valid & (frame.grid.reasons.ravel() == Reason.DRIVABLE)
    columns, rows = np.floor(pixels[drivable] + 0.5).astype(int).T
    assert drivable.sum() > 300
    # At a border a cell's middle and its pixel's middle may lie on different sides.
    sure = away_from_borders(frame.mask)[rows, columns] & (
        away_from_borders(frame.grid.reasons).ravel()[drivable])
    assert sure.mean() > 0.5
    assert (frame.mask[rows, columns] == 1)[sure].all()
