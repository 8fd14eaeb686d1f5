"""Upright things of the world: convex solids and flat figures that face the camera."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace
from functools import cached_property

import cv2
import numpy as np

from road_seg.camera import CameraModel

_EDGE_SAMPLES = 9
_MARGIN = 3  # pixels around the projected outline
_NEAREST = 0.3  # m

# (N, 3) points in the solid's frame and (N,) faces -> RGB (N, 3) float32, 0..255, at full light.
Painter = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Solid:
    """
    A convex body: the points p with planes[:, :3] @ p <= planes[:, 3], in the thing's frame.

    :param planes: (K, 4) float64, outward unit normals and offsets, m.
    :param size: (3,) extent along x, y, z, m; the body stands on z = bottom.
    :param bottom: m.
    :param paint: its colours.
    """

    planes: np.ndarray
    size: tuple[float, float, float]
    bottom: float
    paint: Painter


@dataclass(frozen=True)
class Figure:
    """
    A flat picture that turns to the camera.

    :param rgba: (h, w, 4) uint8; where alpha is at least 128 there is something.
    :param width: m.
    :param height: m.
    :param foot: width of what touches the ground, m.
    """

    rgba: np.ndarray
    width: float
    height: float
    foot: float

    @cached_property
    def levels(self) -> list[np.ndarray]:
        """The picture, and each time half of it."""
        levels = [self.rgba]
        while min(levels[-1].shape[:2]) > 3:
            height, width = levels[-1].shape[:2]
            levels.append(cv2.resize(levels[-1], (width // 2, height // 2),
                                     interpolation=cv2.INTER_AREA))
        return levels


@dataclass(frozen=True)
class Thing:
    """
    Something that stands on the ground.

    :param class_id: its id in road_seg.labels.ROAD_LABELS.
    :param parts: what it is made of.
    :param s: along the road at time 0, m.
    :param d: left of the centre line, m.
    :param turn: heading relative to the road's, rad.
    :param speed: along the road, m/s.
    :param sideways: speed to the left, m/s.
    :param x: world, m; set by `at`.
    :param y: world, m; set by `at`.
    :param z: world, m; set by `at`.
    :param yaw: world, rad; set by `at`.
    """

    class_id: int
    parts: tuple[Solid | Figure, ...]
    s: float
    d: float
    turn: float = 0.0
    speed: float = 0.0
    sideways: float = 0.0
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    yaw: float = 0.0

    def at(self, road: object, time_s: float) -> 'Thing':
        """Return it where it stands at a time."""
        x, y, heading = road.place(self.s + self.speed * time_s,
                                   self.d + self.sideways * time_s)
        x_array, y_array = np.array([x]), np.array([y])
        z = road.height(x_array, y_array)[0] + road.lift(x_array, y_array)[0]
        return replace(self, x=float(x), y=float(y), z=float(z), yaw=heading + self.turn)

    @cached_property
    def extent(self) -> tuple[float, float, float]:
        """Return length, width and height of the whole, m."""
        sizes = [(part.width, part.width, part.height) if isinstance(part, Figure) else
                 (*part.size[:2], part.bottom + part.size[2]) for part in self.parts]
        return tuple(np.max(sizes, axis=0).tolist())

    def footprint(self, camera_x: float, camera_y: float) -> np.ndarray:
        """Return the corners (K, 2) of the ground it covers, world; 2 corners are a line."""
        figures = [part for part in self.parts if isinstance(part, Figure)]
        if figures:
            half = figures[0].foot / 2.0
            away = np.arctan2(self.y - camera_y, self.x - camera_x)
            corners, turn = np.array([(0.0, half), (0.0, -half)]), away
        else:
            length, width, _ = (value / 2.0 for value in self.extent)
            corners = np.array([(length, width), (-length, width), (-length, -width),
                                (length, -width)])
            turn = self.yaw
        cos, sin = np.cos(turn), np.sin(turn)
        return corners @ np.array([(cos, sin), (-sin, cos)]) + (self.x, self.y)


def box(length: float, width: float, height: float, paint: Painter, *, bottom: float = 0.0,
        slants: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Solid:
    """
    Make a box that may narrow towards its top.

    :param bottom: height of its underside, m.
    :param slants: how far the front, the rear and the sides lean inwards over the height, m.
    """
    front, rear, sides = slants
    planes = np.array([(height, 0.0, front, 0.0), (-height, 0.0, rear, 0.0),
                       (0.0, height, sides, 0.0), (0.0, -height, sides, 0.0),
                       (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, -1.0, 0.0)])
    planes /= np.linalg.norm(planes[:, :3], axis=1, keepdims=True)
    on = np.array([(length / 2, 0, bottom), (-length / 2, 0, bottom), (0, width / 2, bottom),
                   (0, -width / 2, bottom), (0, 0, bottom + height), (0, 0, bottom)])
    planes[:, 3] = (planes[:, :3] * on).sum(axis=1)
    return Solid(planes, (length, width, height), bottom, paint)


def meet_solid(solid: Solid, origin: np.ndarray,
               rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Return where rays enter a solid: distance (N,), inf for a miss, and face (N,) uint8.

    :param origin: (3,) in the solid's frame.
    :param rays: (N, 3) float32 in the solid's frame.
    """
    enter = np.full(len(rays), -np.inf, np.float32)
    leave = np.full(len(rays), np.inf, np.float32)
    face = np.zeros(len(rays), np.uint8)
    with np.errstate(divide='ignore', invalid='ignore'):
        for index, plane in enumerate(solid.planes):
            outwards = rays @ plane[:3].astype(np.float32)
            distance = np.float32(plane[3] - plane[:3] @ origin) / outwards
            entering = outwards < 0.0
            later = entering & (distance > enter)
            enter[later] = distance[later]
            face[later] = index
            np.minimum(leave, np.where(entering, np.inf, distance), out=leave)
    enter[~((enter < leave) & (enter > _NEAREST))] = np.inf
    return enter, face


def window(corners: np.ndarray, camera: CameraModel) -> tuple[slice, slice] | None:
    """
    Return the rows and columns of the image in which a thing may be seen, None for nowhere.

    :param corners: (8, 3) of its bounding box, m, optical frame; corner i and i ^ 1, i ^ 2,
        i ^ 4 share an edge.
    """
    share = np.linspace(0.0, 1.0, _EDGE_SAMPLES)[:, np.newaxis]
    edges = [corners[i] + share * (corners[i ^ bit] - corners[i])
             for bit in (1, 2, 4) for i in range(8) if not i & bit]
    pixels, _ = camera.project(np.concatenate(edges))
    pixels = pixels[np.isfinite(pixels[:, 0])]
    if not len(pixels):
        return None
    low = np.floor(pixels.min(axis=0)).clip(-9999, 9999).astype(int) - _MARGIN
    high = np.ceil(pixels.max(axis=0)).clip(-9999, 9999).astype(int) + _MARGIN
    first_column, first_row = np.maximum(low, 0)
    last_column, last_row = np.minimum(high + 1, (camera.width, camera.height))
    if first_column >= last_column or first_row >= last_row:
        return None
    return slice(first_row, last_row), slice(first_column, last_column)
