"""Solid things: cars, vans, lorries, houses, walls and hedges, with their paint."""

import numpy as np

from road_seg.labels import ROAD_LABELS
from road_seg.world.solids import box
from road_seg.world.solids import Painter
from road_seg.world.solids import Solid
from road_seg.world.textures import noise
from road_seg.world.textures import pick

BACKGROUND, ROAD, SIDEWALK, VEHICLE, PERSON = (
    ROAD_LABELS.id_of(name) for name in ('background', 'road', 'sidewalk', 'vehicle', 'person'))

_FRONT, _REAR, _TOP = 0, 1, 4  # faces of a box
_BODY_COLOURS = ((205, 205, 208), (235, 235, 235), (40, 42, 46), (95, 98, 104), (150, 28, 30),
                 (30, 58, 120), (52, 84, 66), (176, 160, 130), (20, 22, 26), (200, 120, 40))
_WALL_COLOURS = ((168, 150, 130), (150, 92, 74), (196, 188, 172), (128, 128, 130), (176, 142, 108),
                 (212, 206, 196), (122, 82, 66), (146, 156, 164))
_GLASS, _TYRE, _UNDER = (38, 46, 54), (22, 22, 24), (14, 14, 15)


def vehicle(rng: np.random.Generator, lit: bool) -> tuple[Solid, ...]:
    """Return the parts of a car, a van or a lorry."""
    kind = rng.choice(3, p=(0.76, 0.16, 0.08))
    colour = np.array(_BODY_COLOURS[rng.integers(len(_BODY_COLOURS))], np.float32)
    if kind == 0:
        return _car(rng, colour, lit)
    length, width, height = ((5.2, 1.95, 2.2), (8.0, 2.45, 3.3))[kind - 1]
    return (box(length, width, height, _van_paint(length, width, height, colour, lit),
                slants=(0.35 if kind == 1 else 0.05, 0.05, 0.08)),)


def _car(rng: np.random.Generator, colour: np.ndarray, lit: bool) -> tuple[Solid, ...]:
    length, width = rng.uniform(3.8, 4.8), rng.uniform(1.7, 1.88)
    belt, height = rng.uniform(0.8, 0.95), rng.uniform(1.42, 1.68)
    rear_slant = rng.uniform(0.15, 0.7)
    body = box(length, width, belt, _body_paint(length, width, belt, colour, lit),
               slants=(0.15, 0.08, 0.06))
    cabin = box(length * 0.68, width - 0.14, height - belt,
                _cabin_paint(length * 0.68, belt, height, colour), bottom=belt - 0.01,
                slants=(0.75, rear_slant, 0.16))
    return body, cabin


def _body_paint(length: float, width: float, belt: float, colour: np.ndarray,
                lit: bool) -> Painter:
    glow = 4.0 if lit else 1.0

    def paint(points: np.ndarray, face: np.ndarray) -> np.ndarray:
        x, y, z = points.T
        rgb = colour * (0.86 + 0.16 * z / belt)[:, np.newaxis]
        side = (face == 2) | (face == 3)
        ends = (face == _FRONT) | (face == _REAR)
        rgb[ends & (z < 0.42)] *= 0.55
        rgb[side & (np.abs(z - 0.62) < 0.015)] *= 0.7
        rgb[side & (np.abs(np.abs(x + 0.1) - 0.55) < 0.012)] *= 0.6
        lamp = ends & (np.abs(np.abs(y) - 0.38 * width) < 0.17) & (np.abs(z - 0.68) < 0.09)
        rgb[lamp & (face == _REAR)] = np.array((190, 18, 16)) * (glow * 0.8)
        rgb[lamp & (face == _FRONT)] = np.array((235, 235, 225)) * glow * 1.5
        rgb[ends & (np.abs(y) < 0.26) & (np.abs(z - 0.5) < 0.06)] = (212, 210, 200)
        rgb[(face == _FRONT) & (np.abs(y) < 0.45) & (np.abs(z - 0.64) < 0.08)] *= 0.35
        axle = np.abs(np.abs(x) - 0.31 * length)
        tyre = axle**2 + (z - 0.32)**2
        under = (z < 0.2) & ~(side & (tyre < 0.32**2))
        rgb[under] = _UNDER
        rgb[ends & (z < 0.3) & (np.abs(np.abs(y) - 0.4 * width) < 0.11)] = _TYRE
        rgb[side & (tyre < 0.38**2) & (z > 0.2)] = _UNDER
        rgb[side & (tyre < 0.32**2)] = _TYRE
        rgb[side & (tyre < 0.19**2)] = (120, 120, 124)
        return rgb
    return paint


def _cabin_paint(length: float, belt: float, height: float, colour: np.ndarray) -> Painter:
    def paint(points: np.ndarray, face: np.ndarray) -> np.ndarray:
        x, y, z = points.T
        rgb = np.broadcast_to(colour, points.shape).astype(np.float32)
        share = (z - belt) / (height - belt)
        glass = (face != _TOP) & (share > 0.12) & (share < 0.86)
        side = (face == 2) | (face == 3)
        glass &= ~(side & (np.abs(x) < 0.05)) & ~(~side & (np.abs(y) > 0.62))
        glass &= ~(side & (np.abs(np.abs(x) - length * 0.32) < 0.04))
        sheen = (0.7 + 1.3 * share[glass])[:, np.newaxis]
        rgb[glass] = np.array(_GLASS, np.float32) * sheen
        return rgb
    return paint


def _van_paint(length: float, width: float, height: float, colour: np.ndarray,
               lit: bool) -> Painter:
    glow = 4.0 if lit else 1.0

    def paint(points: np.ndarray, face: np.ndarray) -> np.ndarray:
        x, y, z = points.T
        rgb = colour * (0.88 + 0.12 * z / height)[:, np.newaxis]
        side, ends = (face == 2) | (face == 3), (face == _FRONT) | (face == _REAR)
        high = (z > 0.52 * height) & (z < 0.86 * height)
        glass = high & (np.abs(y) < 0.42 * width) & (
            (face == _FRONT) | ((face == _REAR) & (height < 3.0) & (np.abs(y) > 0.04)))
        glass |= side & high & (x > 0.27 * length) & (x < 0.45 * length)
        rgb[glass] = _GLASS
        rgb[ends & (np.abs(y) < 0.015)] *= 0.6
        rgb[ends & (z < 0.5)] = (45, 45, 48)
        lamp = ends & (np.abs(y) > 0.38 * width) & (z > 0.55) & (z < 0.95)
        rgb[lamp & (face == _REAR)] = np.array((190, 18, 16)) * (glow * 0.8)
        rgb[lamp & (face == _FRONT)] = np.array((235, 235, 225)) * glow * 1.5
        tyre = (np.abs(np.abs(x) - 0.33 * length))**2 + (z - 0.4)**2
        rgb[z < 0.25] = _UNDER
        rgb[side & (tyre < 0.4**2)] = _TYRE
        rgb[side & (tyre < 0.2**2)] = (120, 120, 124)
        return rgb
    return paint


def house(rng: np.random.Generator, length: float, depth: float, lit: bool) -> tuple[Solid, ...]:
    """Return a building with rows of windows; some are lit."""
    height = rng.uniform(5.0, 16.0)
    return (box(length, depth, height, _house_paint(rng, height, lit), bottom=-1.0),)


def _house_paint(rng: np.random.Generator, height: float, lit: bool) -> Painter:
    wall = np.array(_WALL_COLOURS[rng.integers(len(_WALL_COLOURS))]) * rng.uniform(0.8, 1.1)
    pane = np.array(_GLASS) * rng.uniform(0.8, 1.6)
    frame = wall * rng.uniform(0.6, 1.3)
    pitch, storey, wide = rng.uniform(1.8, 3.2), rng.uniform(2.8, 3.4), rng.uniform(0.35, 0.62)
    shop, seed = rng.random() < 0.35, int(rng.integers(1 << 16))
    light = np.array((255, 205, 130)) * 3.0

    def paint(points: np.ndarray, face: np.ndarray) -> np.ndarray:
        across = np.where(face < 2, points[:, 1], points[:, 0]) + 100.0
        z = points[:, 2]
        texture = 0.07 * pick(noise(2, 1.2), across / 6.0, z / 6.0) + (
            0.05 * pick(noise(1, 0.4), across / 3.0, z / 3.0))
        rgb = (wall * (1.0 + texture)[:, np.newaxis]).astype(np.float32)
        column, row = across / pitch, z / storey
        u, v = column % 1.0 - 0.5, row % 1.0 - 0.52
        inside = (np.abs(u) < wide / 2) & (np.abs(v) < 0.25)
        outline = (np.abs(u) < wide / 2 + 0.05) & (np.abs(v) < 0.29)
        if shop:
            ground = z < storey
            inside = np.where(ground, (np.abs(u) < 0.44) & (np.abs(v) < 0.36), inside)
            outline = np.where(ground, np.abs(v) < 0.42, outline)
        high = z < height - 1.4
        rgb[outline & high] = frame
        code = (np.floor(column).astype(np.int32) * 73 + np.floor(row).astype(np.int32) * 179
                + seed) % 101
        glass = inside & high
        rgb[glass] = (pane * (0.8 + 0.5 * code / 101.0)[:, np.newaxis])[glass]
        if lit:
            rgb[glass & (code < 22)] = light
        rgb[(z < 0.5)] *= 0.8
        rgb[face == _TOP] = (90, 86, 84)
        return rgb
    return paint


def barrier(rng: np.random.Generator, length: float) -> tuple[Solid, ...]:
    """Return a wall or a hedge along the road."""
    hedge = rng.random() < 0.6
    height = rng.uniform(0.9, 2.2)
    if hedge:
        colour = np.array((58, 84, 40)) * rng.uniform(0.7, 1.2)
    else:
        colour = np.array(_WALL_COLOURS[rng.integers(len(_WALL_COLOURS))]) * rng.uniform(0.7, 1.0)
    strength = 0.3 if hedge else 0.1

    def paint(points: np.ndarray, face: np.ndarray) -> np.ndarray:
        across = points[:, 0] + points[:, 1] + 50.0
        texture = pick(noise(1, 0.4), across / 3.0, points[:, 2] / 3.0) + (
            0.8 * pick(noise(2, 1.2), across / 4.0, points[:, 2] / 4.0))
        rgb = colour * np.maximum(0.25, 1.0 + strength * texture)[:, np.newaxis]
        if not hedge:
            rgb[(points[:, 2] % 0.3) < 0.03] *= 0.8
        return rgb.astype(np.float32)

    return (box(length, 0.5, height, paint, bottom=-0.5 if not hedge else -0.3,
                slants=(0.0, 0.0, 0.1 if hedge else 0.0)),)
