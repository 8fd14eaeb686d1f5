"""The mask against closed-form projection, written apart from the renderer."""

from dataclasses import replace

import numpy as np
import pytest
from staged import block
from staged import FLAT
from staged import HEIGHT
from staged import LENSES
from staged import meet_level
from staged import meet_wall
from staged import shoot
from staged import stage
from staged import WIDTH

from road_seg.camera import CameraModel
from road_seg.world.rays import pixel_rays
from road_seg.world.road import Junction
from road_seg.world.road import Road
from road_seg.world.road import Wave


def same_but_for_borders(found: np.ndarray, expected: np.ndarray, border: np.ndarray) -> None:
    """Compare masks where `border`, the distance to the nearest class border, exceeds 1 mm."""
    sure = np.isnan(border) | (np.abs(border) > 1e-3)
    assert sure.mean() > 0.98
    np.testing.assert_array_equal(found[sure], expected[sure])


def test_a_straight_road_has_straight_edges():
    _, y = meet_level(0.0)
    expected = np.where(np.abs(y) < 3.5, 1, 0)
    same_but_for_borders(shoot(stage()).mask, expected, np.abs(y) - 3.5)


def test_a_kerb_stands_up_and_a_pavement_lies_higher():
    road = Road(half_width=3.0, pavement=2.0, kerb=0.15)
    mask = shoot(stage(road)).mask
    _, low = meet_level(0.0)
    _, high = meet_level(0.15)
    on_top = np.abs(high) >= 3.0
    expected = np.where(on_top, np.where(np.abs(high) < 5.0, 2, 0), np.where(
        np.abs(low) < 3.0, 1, 2))
    expected[np.isnan(high)] = 0
    border = np.minimum.reduce([np.abs(np.abs(high) - 3.0), np.abs(np.abs(high) - 5.0),
                                np.abs(np.abs(low) - 3.0)])
    same_but_for_borders(mask, expected, border)
    assert {1, 2, 0} == set(np.unique(mask).tolist())


def test_paint_is_road():
    marked = replace(FLAT, lane_width=3.5, edge_lines=True, zebras=(8.0,))
    np.testing.assert_array_equal(shoot(stage(marked)).mask, shoot(stage()).mask)


def test_a_side_road_is_road_up_to_its_edge():
    road = replace(FLAT, junctions=(Junction(at=12.0, half_width=3.0, side=1, radius=1e-6),))
    x, y = meet_level(0.0)
    side = (np.abs(x - 12.0) < 3.0) & (y > 0.0)
    expected = np.where((np.abs(y) < 3.5) | side, 1, 0)
    border = np.minimum(np.abs(np.abs(y) - 3.5), np.abs(np.abs(x - 12.0) - 3.0))
    same_but_for_borders(shoot(stage(road)).mask, expected, border)


def test_the_far_edge_of_a_block_hides_behind_its_near_face():
    # 2 m wide and taller than the camera: of the block only the face at x = 10 m is seen.
    y, z = meet_wall(10.0)
    face = (np.abs(y) < 1.0) & (z > 0.0) & (z < 1.6)
    _, ground = meet_level(0.0)
    expected = np.where(face, 3, np.where(np.abs(ground) < 3.5, 1, 0))
    border = np.minimum.reduce([np.abs(np.abs(y) - 1.0), np.abs(z), np.abs(z - 1.6)])
    border = np.fmin(border, np.abs(np.abs(ground) - 3.5))
    mask = shoot(stage(FLAT, block(12.0, 0.0, 4.0, 2.0, 1.6))).mask
    same_but_for_borders(mask, expected, border)
    assert (mask == 3).sum() > 100


@pytest.mark.parametrize('first', [0, 1])
def test_the_nearer_of_two_blocks_covers_the_farther(first: int):
    near, far = block(8.0, 0.5, 1.0, 1.0, 1.2), replace(block(14.0, 0.0, 1.0, 3.0, 1.5),
                                                         class_id=4)
    things = (near, far) if first == 0 else (far, near)
    mask = shoot(stage(FLAT, *things)).mask
    y, z = meet_wall(7.5)
    np.testing.assert_array_equal(mask[(np.abs(y - 0.5) < 0.49) & (z > 0.01) & (z < 1.19)], 3)
    assert (mask == 4).sum() > 50


@pytest.mark.parametrize('lens', LENSES)
def test_every_pixel_sees_the_ground_its_lens_projects_there(lens: str):
    scene = stage(info=LENSES[lens])
    mask = shoot(scene).mask
    camera = CameraModel.from_info(scene.camera_info)
    x, y = np.meshgrid(np.arange(3.0, 40.0, 0.1), np.arange(-12.0, 12.0, 0.1))
    points = np.stack((x.ravel(), y.ravel(), np.zeros(x.size)), axis=1)
    pixels, valid = camera.project(scene.mount.to_optical(points))
    # Points at the four sides of a pixel's middle: where all are of one class, so is the pixel.
    nearest = np.floor(pixels[valid] + 0.5).astype(int)
    middle = np.abs(pixels[valid] - nearest).max(axis=1) < 0.02
    clear = np.abs(np.abs(points[valid][:, 1]) - 3.5) > 0.25
    chosen = middle & clear
    assert chosen.sum() > 50
    expected = np.abs(points[valid][chosen][:, 1]) < 3.5
    found = mask[nearest[chosen][:, 1], nearest[chosen][:, 0]] == 1
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize('lens', LENSES)
def test_rays_project_back_to_their_pixels(lens: str):
    camera = CameraModel.from_info(LENSES[lens])
    pixels, valid = camera.project(pixel_rays(camera).reshape(-1, 3))
    columns, rows = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    assert valid.all()
    np.testing.assert_allclose(pixels, np.stack((columns, rows), axis=2).reshape(-1, 2),
                               atol=2e-3)


def test_what_lies_behind_a_crest_is_not_seen():
    # The road rises to 1.5 m at x = 15.7 m and falls to -1.5 m at x = 47 m.
    road = replace(FLAT, hills=(Wave(1.5, 10.0, 0.0),))
    hidden = replace(block(36.0, 0.0, 0.5, 2.0, 0.4), class_id=4)
    ahead = replace(block(12.0, 0.0, 0.5, 2.0, 0.4), class_id=3)
    mask = shoot(stage(road, hidden, ahead)).mask
    assert (mask == 3).any()
    assert not (mask == 4).any()


def test_optical_axes_in_base_link():
    scene = stage()
    right, down, forward = scene.mount.optical_rotation.T
    np.testing.assert_allclose(right, (0.0, -1.0, 0.0), atol=1e-12)
    np.testing.assert_allclose(forward, (0.99756, 0.0, -0.06976), atol=1e-5)
    np.testing.assert_allclose(down, (-0.06976, 0.0, -0.99756), atol=1e-5)
