"""A plan of the ground near the vehicle: shadows, pools of light and marks of use."""

import cv2
import numpy as np

from road_seg.world.scene import Scene
from road_seg.world.solids import Figure
from road_seg.world.solids import Thing
from road_seg.world.surface import BasePose

_RESOLUTION = 0.08  # m
_REAR, _SIDE = 8.0, 28.0  # extent behind and to each side of the vehicle, m
_FAR = 85.0  # what is farther off casts no light or shadow on the plan, m
_SIZE = (960, 700)  # columns forward, rows to the left
_NEUTRAL = 128
_FRACTION_BITS = 4
_COARSE = 10
_CLUMPS = 26  # of leaves, in a tree's shadow


class Plan:
    """
    Brightness of the ground in a plan that moves with the vehicle.

    :param scene: the scene.
    :param things: where they stand now.
    :param base: where the vehicle is.
    """

    def __init__(self, scene: Scene, things: list[Thing], base: BasePose) -> None:
        self._base = base
        self._sunlit = np.full(_SIZE[::-1], 255, np.uint8)
        self._albedo = np.full(_SIZE[::-1], _NEUTRAL, np.uint8)
        self._lamps = np.zeros((_SIZE[1] // _COARSE, _SIZE[0] // _COARSE), np.float32)
        for blemish in scene.blemishes:
            self._add_blemish(scene, blemish)
        for thing in things:
            if np.hypot(thing.x - base.origin[0], thing.y - base.origin[1]) > _FAR:
                continue
            if scene.weather.direct > 0.1:
                self._add_shadow(scene, thing)
            if scene.weather.lit and thing.extent[2] == 7.0:
                self._add_lamp(thing)
        self._sunlit = cv2.GaussianBlur(self._sunlit, (0, 0), 1.0)
        for thing in things:
            self._add_contact(thing)
        lamps = cv2.resize(np.minimum(self._lamps, 255.0), _SIZE).astype(np.uint8)
        self._layers = cv2.merge((self._sunlit, self._albedo, lamps))

    def look_up(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return sunlit share, albedo factor and lamp light, (H, W) float32, at world points."""
        cos, sin = np.array((np.cos(self._base.yaw), np.sin(self._base.yaw)), np.float32)
        x, y = x - np.float32(self._base.origin[0]), y - np.float32(self._base.origin[1])
        columns = (x * cos + y * sin + _REAR) / _RESOLUTION
        rows = (y * cos - x * sin + _SIDE) / _RESOLUTION
        values = cv2.remap(self._layers, np.clip(columns, -9, 9999), np.clip(rows, -9, 9999),
                           cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
                           borderValue=(255, _NEUTRAL, 0)).astype(np.float32)
        return values[..., 0] / 255.0, values[..., 1] / _NEUTRAL, values[..., 2] / 100.0

    def _pixels(self, points: np.ndarray) -> np.ndarray:
        """Return world points (N, 2) in the plan, fixed-point as cv2's drawing takes them."""
        cos, sin = np.cos(self._base.yaw), np.sin(self._base.yaw)
        local = (points - self._base.origin[:2]) @ np.array([(cos, -sin), (sin, cos)])
        pixels = (local + np.array((_REAR, _SIDE))) / _RESOLUTION * (1 << _FRACTION_BITS)
        return np.round(np.clip(pixels, -1e6, 1e6)).astype(np.int32)

    def _fill(self, image: np.ndarray, points: np.ndarray, value: int) -> None:
        cv2.fillConvexPoly(image, cv2.convexHull(self._pixels(points)), value, cv2.LINE_AA,
                           _FRACTION_BITS)

    def _add_blemish(self, scene: Scene, blemish: object) -> None:
        if abs(blemish.s - self._base.origin[0]) > 80.0:
            return
        half_s, half_d = blemish.length / 2.0, blemish.width / 2.0
        angles = np.linspace(0.0, 2 * np.pi, 16, endpoint=False) if blemish.is_round else (
            np.pi / 4 + np.arange(4) * np.pi / 2)
        grow = 1.0 if blemish.is_round else np.sqrt(2.0)
        corners = np.array([scene.road.place(blemish.s + grow * half_s * np.cos(angle),
                                             blemish.d + grow * half_d * np.sin(angle))[:2]
                            for angle in angles])
        self._fill(self._albedo, corners, int(_NEUTRAL * blemish.shade))

    def _add_shadow(self, scene: Scene, thing: Thing) -> None:
        azimuth, elevation = scene.weather.sun
        stretch = -np.array([np.cos(azimuth), np.sin(azimuth)]) / np.tan(max(elevation, 0.1))
        height = thing.extent[2]
        sun = self._base.origin[:2] + 1e4 * np.array([np.cos(azimuth), np.sin(azimuth)])
        foot = thing.footprint(*sun)
        figure = next((part for part in thing.parts if isinstance(part, Figure)), None)
        if figure is None or figure.height < 4.0:
            self._fill(self._sunlit, np.concatenate((foot, foot + stretch * height)), 0)
            return
        middle = np.array([thing.x, thing.y])
        self._fill(self._sunlit, np.concatenate((foot, foot + stretch * height * 0.6)), 0)
        if figure.width > 3.0:
            rng = np.random.default_rng(int(abs(thing.s) * 7))
            angles, shares, heights, radii = rng.random((4, _CLUMPS, 1))
            around = 0.4 * figure.width * np.sqrt(shares) * np.hstack(
                (np.cos(angles * 2 * np.pi), np.sin(angles * 2 * np.pi)))
            centres = self._pixels(middle + stretch * height * (0.5 + 0.45 * heights) + around)
            sizes = (0.3 + 0.5 * radii[:, 0]) / _RESOLUTION * (1 << _FRACTION_BITS)
            for centre, radius in zip(centres.tolist(), sizes.astype(int).tolist(), strict=True):
                cv2.circle(self._sunlit, centre, radius, 20, cv2.FILLED, cv2.LINE_AA,
                           _FRACTION_BITS)

    def _add_contact(self, thing: Thing) -> None:
        """Darken the ground right at the foot, which little light reaches."""
        length, width, height = thing.extent
        if height > 4.0 or max(length, width) > 9.0:
            return
        corners = thing.footprint(*self._base.origin[:2])
        middle = corners.mean(axis=0)
        for grow, value in ((1.22, 112), (1.1, 84)):
            shape = (corners - middle) * grow + middle
            if len(shape) == 2:
                shape = np.concatenate((shape, shape + 0.12, shape - 0.12))
            self._fill(self._albedo, shape, value)

    def _add_lamp(self, thing: Thing) -> None:
        """Add a pool of light; the layer of lamps is coarse, because light is smooth."""
        column, row = self._pixels(np.array([[thing.x, thing.y]]))[0] / (
            (1 << _FRACTION_BITS) * _COARSE)
        height, width = self._lamps.shape
        rows, columns = np.ogrid[:height, :width]
        squared = ((rows - row)**2 + (columns - column)**2) * (_COARSE * _RESOLUTION / 5.0)**2
        self._lamps += (75.0 / (1.0 + squared)**2).astype(np.float32)
