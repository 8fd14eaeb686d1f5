"""One image of a scene with its exact class mask, by casting each pixel's ray."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from road_seg.camera import CameraModel
from road_seg.camera import Extrinsics
from road_seg.world.catalogue import BACKGROUND
from road_seg.world.ground import CLASS_OF
from road_seg.world.ground import colour_ground
from road_seg.world.ground import view_ground
from road_seg.world.plan import Plan
from road_seg.world.rays import pixel_rays
from road_seg.world.scene import Scene
from road_seg.world.sensor import expose
from road_seg.world.sensor import hazed
from road_seg.world.solids import Figure
from road_seg.world.solids import meet_solid
from road_seg.world.solids import Solid
from road_seg.world.solids import Thing
from road_seg.world.solids import window
from road_seg.world.surface import BasePose
from road_seg.world.textures import noise
from road_seg.world.textures import sample
from road_seg.world.textures import SIZE

_HEADLIGHT = 1.5  # light right in front of the vehicle


@dataclass(frozen=True)
class Shot:
    """
    A camera at a place of the world.

    :param camera: its model.
    :param extrinsics: its pose in base_link.
    :param base: where base_link is.
    """

    camera: CameraModel
    extrinsics: Extrinsics
    base: BasePose

    @cached_property
    def origin(self) -> np.ndarray:
        """The camera's place (3,) in the world, m."""
        mount = np.array([self.extrinsics.x, self.extrinsics.y, self.extrinsics.z])
        return self.base.origin + self.base.rotation @ mount

    @cached_property
    def rotation(self) -> np.ndarray:
        """Rotation (3, 3) that takes vectors of the optical frame to the world."""
        return self.base.rotation @ self.extrinsics.optical_rotation


class Canvas:
    """
    The picture while it is drawn; arrays (H, W[, 3]).

    :param height: rows.
    :param width: columns.
    """

    def __init__(self, height: int, width: int) -> None:
        self.rgb = np.zeros((height, width, 3), np.float32)
        self.light = np.zeros((height, width), np.float32)
        self.reach = np.full((height, width), np.inf, np.float32)
        self.mask = np.full((height, width), BACKGROUND, np.uint8)


def render(scene: Scene, shot: Shot, things: list[Thing],
           frame_noise: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """
    Return the image (H, W, 3) uint8 RGB and the mask (H, W) uint8.

    :param things: where they stand now.
    :param frame_noise: draws what differs from frame to frame.
    """
    canvas = Canvas(shot.camera.height, shot.camera.width)
    rays = pixel_rays(shot.camera) @ shot.rotation.T.astype(np.float32)
    plan = Plan(scene, things, shot.base)
    _draw_ground(canvas, scene, shot, rays, plan)
    # The nearest first: of what they hide, little is painted.
    for thing in sorted(things, key=lambda thing: np.hypot(thing.x - shot.origin[0],
                                                           thing.y - shot.origin[1])):
        _draw_thing(canvas, scene, shot, rays, thing)
    sky = np.isinf(canvas.reach)
    _light_up(canvas, scene, shot, rays)
    _draw_sky(canvas, scene, rays, sky)
    rgb = hazed(canvas.rgb, canvas.reach, scene.weather)
    image = expose(rgb, scene.weather, np.random.default_rng((scene.seed, 1)), frame_noise)
    return image, canvas.mask


def _draw_ground(canvas: Canvas, scene: Scene, shot: Shot, rays: np.ndarray, plan: Plan) -> None:
    limit = 0.25 if scene.road.hills else 0.0
    rows = np.flatnonzero((rays[..., 2] < limit).any(axis=1))
    if not len(rows):
        return
    below = slice(int(rows[0]), int(rows[-1]) + 1)
    view = view_ground(scene.road, shot.origin, rays[below])
    met = np.isfinite(view.reach)
    sunlit, albedo, lamps = plan.look_up(view.x, view.y)
    rgb = colour_ground(scene, view, shot.camera.fx) * albedo[..., np.newaxis]
    weather = scene.weather
    if weather.wet:
        rgb = _wet(rgb, scene, view.x, view.y, rays[below][..., 2])
    canvas.rgb[below] = rgb
    canvas.light[below] = weather.ambient + weather.direct * sunlit + lamps * weather.lit
    canvas.reach[below] = view.reach
    canvas.mask[below] = np.where(met, CLASS_OF.take(view.material), BACKGROUND)


def _wet(rgb: np.ndarray, scene: Scene, x: np.ndarray, y: np.ndarray,
         down: np.ndarray) -> np.ndarray:
    """Darken a wet ground and let it mirror the sky, the more the flatter it is looked at."""
    puddles = np.clip(0.5 + 0.8 * sample(noise(4, 1.5), x / 31.0, y / 31.0), 0.0, 1.0)
    wet = scene.weather.wet * (0.4 + 0.6 * puddles)
    mirror = (wet * (0.06 + 0.75 * np.power(1.0 - np.clip(-down, 0.0, 1.0), 7)))[..., np.newaxis]
    sky = np.array(scene.weather.horizon, np.float32) / max(scene.weather.ambient, 0.3)
    dark = rgb * (1.0 - 0.42 * wet)[..., np.newaxis]
    return dark + (np.minimum(sky, 255.0) - dark) * mirror


def _draw_thing(canvas: Canvas, scene: Scene, shot: Shot, rays: np.ndarray,
                thing: Thing) -> None:
    cos, sin = np.cos(thing.yaw), np.sin(thing.yaw)
    turn = np.array([(cos, -sin, 0.0), (sin, cos, 0.0), (0.0, 0.0, 1.0)])
    length, width, height = thing.extent
    away = np.array([thing.x, thing.y, thing.z]) - shot.origin
    if any(isinstance(part, Figure) for part in thing.parts):
        length = width = np.hypot(length, width)
    bottom = min(getattr(part, 'bottom', 0.0) for part in thing.parts)
    corners = np.array([(length / 2 * (1 if i & 1 else -1), width / 2 * (1 if i & 2 else -1),
                         height if i & 4 else bottom) for i in range(8)])
    where = window((corners @ turn.T + away) @ shot.rotation, shot.camera)
    near = np.hypot(away[0], away[1]) - np.hypot(length, width) / 2.0
    if where is None or canvas.reach[where].max() < near:
        return
    solids = [part for part in thing.parts if isinstance(part, Solid)]
    if solids:
        rows, columns = np.nonzero(canvas.reach[where] > near)
        pixels = (rows + where[0].start) * shot.camera.width + columns + where[1].start
        local = rays.reshape(-1, 3)[pixels] @ turn.astype(np.float32)
        for solid in solids:
            _draw_solid(canvas, scene, pixels, local, -away @ turn, turn, solid, thing.class_id)
    for part in thing.parts:
        if isinstance(part, Figure):
            _draw_figure(canvas, scene, where, rays[where], away, part, thing)


def _draw_solid(canvas: Canvas, scene: Scene, pixels: np.ndarray, rays: np.ndarray,
                origin: np.ndarray, turn: np.ndarray, solid: Solid, class_id: int) -> None:
    """
    Draw what a solid shows of itself.

    :param pixels: (N,) flat indices of the pixels that may see it.
    :param rays: (N, 3) their rays in the thing's frame.
    :param origin: (3,) the camera in the thing's frame, m.
    :param turn: (3, 3), takes vectors of the thing's frame to the world.
    """
    distance, face = meet_solid(solid, origin, rays)
    reach = canvas.reach.reshape(-1)
    chosen = np.flatnonzero(distance < reach[pixels])
    if not len(chosen):
        return
    seen = pixels[chosen]
    points = rays[chosen] * distance[chosen, np.newaxis] + origin.astype(np.float32)
    reach[seen] = distance[chosen]
    canvas.mask.reshape(-1)[seen] = class_id
    canvas.rgb.reshape(-1, 3)[seen] = solid.paint(points, face[chosen])
    azimuth, elevation = scene.weather.sun
    sun = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation),
                    np.sin(elevation)])
    normals = solid.planes[:, :3] @ turn.T
    shade = scene.weather.ambient * (0.78 + 0.24 * normals[:, 2]) + (
        1.1 * scene.weather.direct * np.maximum(normals @ sun, 0.0))
    canvas.light.reshape(-1)[seen] = shade.astype(np.float32).take(face[chosen])


def _draw_figure(canvas: Canvas, scene: Scene, where: tuple[slice, slice], rays: np.ndarray,
                 away: np.ndarray, figure: Figure, thing: Thing) -> None:
    """Meet the upright plane through the figure's middle that faces the camera."""
    flat = float(np.hypot(away[0], away[1]))
    if flat < 0.5:
        return
    toward = away[:2] / flat
    cos, sin = toward.astype(np.float32)
    ahead = rays[..., 0] * cos + rays[..., 1] * sin
    distance = np.where(ahead > 1e-3, np.float32(flat) / np.maximum(ahead, 1e-3), np.inf)
    right = distance * (rays[..., 0] * sin - rays[..., 1] * cos)
    high = distance * rays[..., 2] - np.float32(away[2])
    inside = (np.abs(right) < figure.width / 2) & (high > -0.05) & (high < figure.height)
    rows = int(inside.any(axis=1).sum())
    if not rows:
        return
    level = int(np.log2(max(1.0, figure.rgba.shape[0] / (1.4 * rows))))
    picture = figure.levels[min(level, len(figure.levels) - 1)]
    tall, wide = picture.shape[:2]
    u = (right / figure.width + 0.5) * wide - 0.5
    v = np.minimum((1.0 - high / figure.height) * tall - 0.5, tall - 1.0)
    rgba = cv2.remap(picture, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR,
                     borderMode=cv2.BORDER_CONSTANT)
    seen = inside & (rgba[..., 3] >= 128) & (distance < canvas.reach[where])
    canvas.reach[where][seen] = distance[seen]
    canvas.mask[where][seen] = thing.class_id
    share = 255.0 / rgba[..., 3:][seen].astype(np.float32)
    canvas.rgb[where][seen] = np.minimum(rgba[..., :3][seen] * share, 255.0)
    canvas.light[where][seen] = scene.weather.ambient + 0.75 * scene.weather.direct


def _light_up(canvas: Canvas, scene: Scene, shot: Shot, rays: np.ndarray) -> None:
    """Multiply colours with light; after dark the vehicle's headlights add theirs."""
    weather = scene.weather
    light = canvas.light
    if weather.lit and weather.ambient < 0.5:
        local = rays @ shot.base.rotation.astype(np.float32)
        reach = np.minimum(canvas.reach, 500.0)
        ahead = np.maximum(reach * local[..., 0] + shot.extrinsics.x, 0.1)
        aside = reach * local[..., 1]
        high = reach * local[..., 2] + shot.extrinsics.z
        spread = 1.2 + 0.42 * ahead
        beam = np.exp(-np.square(aside / spread)) / (1.0 + np.square(ahead / 14.0))
        beam *= np.minimum(1.0, ahead / 5.0) * np.exp(-np.maximum(high - 0.6, 0.0) * 1.1)
        light = light + _HEADLIGHT * (1.0 - weather.ambient) * beam
    canvas.rgb *= (light[..., np.newaxis] * np.array(weather.tint, np.float32))


def _draw_sky(canvas: Canvas, scene: Scene, rays: np.ndarray, sky: np.ndarray) -> None:
    """Draw sky, clouds and the far tree line where nothing was met."""
    rows = np.flatnonzero(sky.any(axis=1))
    if not len(rows):
        return
    part = slice(int(rows[0]), int(rows[-1]) + 1)
    where = sky[part]
    x, y, up = (rays[part][..., i] for i in range(3))
    weather = scene.weather
    rise = np.clip(up, 0.0, 1.0)
    share = np.sqrt(rise)[..., np.newaxis]
    horizon = np.array(weather.horizon, np.float32)
    rgb = horizon + (np.array(weather.zenith, np.float32) - horizon) * share
    if weather.clouds:
        flat = np.float32(1.0) / (rise + 0.12)
        shift = scene.seed % 89 / 89.0
        cloud = sample(noise(6, 1.7), x * flat / 7.0 + shift, y * flat / 7.0)
        bright = np.float32(weather.clouds * min(1.0, weather.ambient)) * 44.0
        rgb += (np.maximum(cloud + 0.2, -0.6) * bright * np.minimum(1.0, rise * 9.0))[
            ..., np.newaxis]
    bearing = np.arctan2(y, x) * np.float32(1.4 / np.pi)
    row = (scene.seed % SIZE) / SIZE
    line = 0.018 + 0.011 * sample(noise(7, 1.0), bearing, np.full_like(bearing, row))
    trees = (up < line)[..., np.newaxis]
    green = np.array((62, 76, 58), np.float32) * weather.ambient
    hazy = min(0.85, 600.0 / weather.visibility)
    rgb = np.where(trees, green + (horizon - green) * np.float32(hazy), rgb)
    canvas.rgb[part][where] = rgb[where]
