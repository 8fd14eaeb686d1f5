"""Drawing the ground: which point each pixel sees, its class, its colour."""

from dataclasses import dataclass

import numpy as np

from road_seg.world.catalogue import BACKGROUND
from road_seg.world.catalogue import ROAD
from road_seg.world.catalogue import SIDEWALK
from road_seg.world.road import Material
from road_seg.world.road import Road
from road_seg.world.scene import Scene
from road_seg.world.surface import cast
from road_seg.world.textures import cracks
from road_seg.world.textures import noise
from road_seg.world.textures import sample
from road_seg.world.textures import tiles

CLASS_OF = np.zeros(len(Material), np.uint8)
CLASS_OF[[Material.ASPHALT]] = ROAD
CLASS_OF[[Material.KERB, Material.KERB_FACE, Material.PAVING]] = SIDEWALK
CLASS_OF[[Material.GRASS, Material.GRAVEL]] = BACKGROUND

_FARTHEST = 4000.0  # m; stands for infinity where a colour is looked up
# Strength of grain (some cm) and of blotches (some m) by Material.
_GRAIN = np.array([0.075, 0.06, 0.05, 0.05, 0.24, 0.20], np.float32)
_BLOTCH = np.array([0.055, 0.05, 0.03, 0.05, 0.16, 0.10], np.float32)


@dataclass(frozen=True)
class GroundView:
    """
    What pixels see of the ground, arrays (H, W).

    :param reach: distance along the pixel's unit ray, m; inf for none.
    :param s: along the road, m.
    :param d: left of the centre line, m.
    :param x: world, m.
    :param y: world, m.
    :param material: Material, uint8.
    """

    reach: np.ndarray
    s: np.ndarray
    d: np.ndarray
    x: np.ndarray
    y: np.ndarray
    material: np.ndarray


def view_ground(road: Road, origin: np.ndarray, rays: np.ndarray) -> GroundView:
    """
    Meet the ground: the raised surface beside the road, the kerb's face, or the road.

    :param origin: (3,) the camera, world.
    :param rays: (H, W, 3) float32 unit vectors, world.
    """
    reach = cast(road, origin, rays, road.kerb)
    x, y, s, d, edge = _locate(road, origin, rays, reach)
    material = road.material(edge)
    if road.kerb:
        lower = (edge < 0.0) & np.isfinite(reach)
        raised, inside = reach[lower], edge[lower]
        low_rays = rays[lower]
        low_reach = cast(road, origin, low_rays)
        low_x, low_y, low_s, low_d, outside = _locate(road, origin, low_rays, low_reach)
        face = outside >= 0.0
        share = inside / np.minimum(inside - outside, -1e-6)
        low_reach[face] = (raised + (low_reach - raised) * share)[face]
        reach[lower] = low_reach
        x[lower], y[lower], s[lower], d[lower] = low_x, low_y, low_s, low_d
        material[lower] = np.where(face, Material.KERB_FACE, Material.ASPHALT)
    return GroundView(reach, s, d, x, y, material)


def _locate(road: Road, origin: np.ndarray, rays: np.ndarray,
            reach: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return x, y, s, d and the distance beyond the edge of the points met."""
    capped = np.minimum(reach, _FARTHEST)
    x = (capped * rays[..., 0] + origin[0]).astype(np.float32)
    y = (capped * rays[..., 1] + origin[1]).astype(np.float32)
    s, d = road.coordinates(x, y)
    return x, y, s, d, road.edge(s, d)


def colour_ground(scene: Scene, view: GroundView, focal: float) -> np.ndarray:
    """
    Return the ground's colours (H, W, 3) float32, 0..255, in full light.

    :param focal: pixels a radian; details finer than a pixel are left out.
    """
    distance = np.minimum(view.reach, _FARTHEST)
    near = np.minimum(1.0, 9.0 / np.maximum(distance, 1.0))
    shift = scene.seed % 97 / 97.0
    grain = sample(noise(1, 0.4), view.x / 2.3 + shift, view.y / 2.3)
    fine = sample(noise(3, 0.7), view.x / 0.7, view.y / 0.7 + shift)
    blotch = sample(noise(2, 1.2), view.x / 23.0, view.y / 23.0 + shift)
    far = np.minimum(1.0, 60.0 / np.maximum(distance, 1.0))
    tone = 1.0 + _GRAIN.take(view.material) * near * (grain + 0.8 * near * fine)
    tone += _BLOTCH.take(view.material) * far * blotch
    asphalt = view.material == Material.ASPHALT
    tone -= asphalt * (0.4 * np.sqrt(near)) * sample(cracks(), view.s / 9.0 + shift, view.d / 9.0)
    tone -= asphalt * 0.04 * np.cos(view.d * (4.0 * np.pi / 3.5))
    paving = view.material == Material.PAVING
    tone += paving * np.sqrt(near) * sample(tiles(), view.s / 4.0, view.d / 4.0)
    kerb = view.material == Material.KERB
    tone -= kerb * near * 0.3 * (view.s % 1.0 < 0.025)
    rgb = scene.palette.take(view.material, axis=0)
    grass = view.material == Material.GRASS
    rgb[..., 0] += grass * (14.0 * far) * blotch
    rgb *= np.maximum(tone, 0.2)[..., np.newaxis]
    blur = distance / focal
    worn = 0.86 - 0.10 * grain * near - 0.12 * np.maximum(blotch, 0.0)
    cover = (scene.road.paint(view.s, view.d, blur) * asphalt * worn)[..., np.newaxis]
    return (rgb + cover * (np.array(scene.paint_colour, np.float32) - rgb)).astype(np.float32)
