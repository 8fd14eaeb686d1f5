"""Flat figures: people, cyclists, trees, bushes, lamp posts and signs."""

from functools import cache

import cv2
import numpy as np

from road_seg.world.solids import Figure

_SKIN = ((224, 180, 150), (198, 146, 112), (150, 104, 76), (96, 64, 46))
_SHADES = ((30, 32, 38), (60, 66, 80), (120, 36, 36), (40, 70, 120), (196, 190, 180), (92, 88, 80),
           (70, 96, 70), (160, 130, 60), (220, 220, 222), (90, 60, 100), (230, 120, 30))
_VARIANTS = 24
_TALL = 256  # pixels of a person's height


def person(rng: np.random.Generator) -> Figure:
    """Return a pedestrian."""
    return _person(int(rng.integers(_VARIANTS)))


def cyclist(rng: np.random.Generator, sideways: bool) -> Figure:
    """Return a person on a bicycle, seen from its side or from one end."""
    return _cyclist(int(rng.integers(_VARIANTS)), sideways)


def tree(rng: np.random.Generator) -> Figure:
    """Return a tree whose crown begins above any camera."""
    return _tree(int(rng.integers(8)))


def bush(rng: np.random.Generator) -> Figure:
    """Return a bush."""
    return _bush(int(rng.integers(8)))


def lamp_post() -> Figure:
    """Return a street lamp."""
    return _lamp_post()


def sign(rng: np.random.Generator) -> Figure:
    """Return a traffic sign on its pole."""
    return _sign(int(rng.integers(5)))


def _canvas(width: int, height: int) -> np.ndarray:
    return np.zeros((height, width, 4), np.uint8)


def _colour(rng: np.random.Generator, choices: tuple) -> tuple[int, ...]:
    shade = np.array(choices[rng.integers(len(choices))]) * rng.uniform(0.75, 1.2)
    return (*(int(value) for value in shade.clip(0, 255)), 255)


def _shaded(rgba: np.ndarray, seed: int) -> np.ndarray:
    """Round the figure with light from above left, and add a little texture."""
    height, width = rgba.shape[:2]
    rng = np.random.default_rng(seed)
    side = np.linspace(1.08, 0.84, width)[np.newaxis, :, np.newaxis]
    grain = cv2.GaussianBlur(rng.normal(0.0, 0.35, (height, width)), (0, 0), 2.0)[..., np.newaxis]
    rgba[..., :3] = (rgba[..., :3] * side * (1.0 + grain)).clip(0, 255)
    return rgba


@cache
def _person(variant: int) -> Figure:
    rng = np.random.default_rng((1, variant))
    rgba = _canvas(128, _TALL)
    _draw_person(rgba, rng, 64, _TALL, float(rng.uniform(0.0, 26.0)))
    return Figure(_shaded(rgba, variant), 0.85, 1.7 * float(rng.uniform(0.92, 1.1)), 0.42)


def _draw_person(rgba: np.ndarray, rng: np.random.Generator, middle: int, foot: int,
                 stride: float) -> None:
    top, legs = _colour(rng, _SHADES), _colour(rng, _SHADES)
    skin, hair, shoe = _colour(rng, _SKIN), _colour(rng, _SHADES[:2]), (28, 26, 26, 255)
    hip, shoulder = foot - 122, foot - 212
    half = int(rng.integers(22, 29))
    arm = int(rng.integers(-14, 15))
    for sign_ in (-1, 1):
        ankle = (int(middle + sign_ * (9 + stride * 0.6)), foot - 7)
        knee = (int(middle + sign_ * (10 + stride * 0.35)), foot - 62)
        cv2.line(rgba, (middle + sign_ * 10, hip), knee, legs, 21)
        cv2.line(rgba, knee, ankle, legs, 16)
        cv2.ellipse(rgba, (ankle[0] + 3, foot - 6), (11, 6), 0, 0, 360, shoe, cv2.FILLED)
    for sign_ in (-1, 1):
        hand = (middle + sign_ * (half + 6) + sign_ * arm // 2, hip - 2)
        elbow = (middle + sign_ * (half + 5), hip - 44)
        cv2.line(rgba, (middle + sign_ * (half - 4), shoulder + 12), elbow, top, 14)
        cv2.line(rgba, elbow, hand, top, 12)
        cv2.circle(rgba, hand, 6, skin, cv2.FILLED)
    torso = np.array([(middle - half, shoulder + 8), (middle - half + 8, shoulder),
                      (middle + half - 8, shoulder), (middle + half, shoulder + 8),
                      (middle + half - 3, hip + 8), (middle - half + 3, hip + 8)])
    cv2.fillPoly(rgba, [torso], top)
    cv2.line(rgba, (middle, shoulder), (middle, shoulder - 10), skin, 12)
    cv2.ellipse(rgba, (middle, shoulder - 24), (13, 17), 0, 0, 360, skin, cv2.FILLED)
    cv2.ellipse(rgba, (middle, shoulder - 29), (14, 14), 0, 180, 360, hair, cv2.FILLED)


@cache
def _cyclist(variant: int, sideways: bool) -> Figure:
    rng = np.random.default_rng((2, variant))
    frame = _colour(rng, _SHADES)
    if not sideways:
        rgba = _canvas(128, _TALL + 20)
        _draw_person(rgba, rng, 64, _TALL - 15, 4.0)
        cv2.line(rgba, (64, _TALL - 70), (64, _TALL + 18), (20, 20, 20, 255), 9)
        cv2.line(rgba, (34, 128), (94, 128), (25, 25, 25, 255), 5)
        return Figure(_shaded(rgba, variant), 0.85, 1.8, 0.4)
    rgba = _canvas(256, 256)
    tyre = (20, 20, 22, 255)
    for x in (52, 204):
        cv2.circle(rgba, (x, 206), 47, tyre, 5)
        cv2.circle(rgba, (x, 206), 44, (120, 120, 122, 140), cv2.FILLED)
    rear, pedals, saddle, bars = (52, 206), (110, 206), (96, 140), (180, 142)
    for start, end in ((rear, pedals), (rear, saddle), (pedals, saddle), (pedals, bars),
                       (saddle, bars), ((180, 124), (204, 206))):
        cv2.line(rgba, start, end, frame, 7)
    top, legs, skin = _colour(rng, _SHADES), _colour(rng, _SHADES), _colour(rng, _SKIN)
    cv2.line(rgba, (98, 130), (140, 168), legs, 24)
    cv2.line(rgba, (140, 168), (118, 222), legs, 17)
    cv2.line(rgba, (98, 128), (138, 58), top, 34)
    cv2.line(rgba, (138, 64), (178, 122), top, 13)
    cv2.circle(rgba, (152, 26), 17, skin, cv2.FILLED)
    cv2.ellipse(rgba, (152, 21), (18, 15), 0, 180, 360, frame, cv2.FILLED)
    if variant % 2:
        rgba = np.ascontiguousarray(rgba[:, ::-1])
    return Figure(_shaded(rgba, variant), 1.75, 1.75, 1.6)


def _leaves(rgba: np.ndarray, rng: np.random.Generator, centre: tuple[float, float],
            radii: tuple[float, float], count: int, colour: np.ndarray) -> None:
    """Fill an ellipse with clumps of leaves, the lower and the inner ones darker."""
    for index in range(count):
        angle, share = rng.uniform(0.0, 2 * np.pi), np.sqrt(rng.random())
        x, y = centre[0] + radii[0] * share * np.cos(angle), (
            centre[1] + radii[1] * share * np.sin(angle))
        light = (0.5 + 0.5 * index / count) * (1.05 - 0.35 * np.sin(angle) * share)
        light *= rng.uniform(0.75, 1.2)
        shade = (*(int(value) for value in (colour * light).clip(0, 255)), 255)
        cv2.circle(rgba, (int(x), int(y)), int(rng.uniform(4, 13)), shade, cv2.FILLED)


@cache
def _tree(variant: int) -> Figure:
    rng = np.random.default_rng((3, variant))
    rgba = _canvas(256, 384)
    bark = _colour(rng, ((82, 66, 52), (96, 88, 80)))
    cv2.line(rgba, (128, 383), (128, 120), bark, 15)
    for _ in range(5):
        cv2.line(rgba, (128, int(rng.integers(190, 250))),
                 (int(rng.integers(50, 206)), int(rng.integers(60, 180))), bark, 6)
    colour = np.array((86, 112, 52)) * rng.uniform(0.7, 1.15) + rng.uniform(-10, 14, 3)
    for _ in range(7):
        centre = rng.uniform((70, 66), (186, 150))
        _leaves(rgba, rng, tuple(centre), (62, 54), 130, colour * rng.uniform(0.85, 1.1))
    # The crown's lowest leaf is at row 222 of 384: at 2.9 m of 7 m.
    rgba[222:, :118] = rgba[222:, 138:] = 0
    height = float(rng.uniform(6.5, 9.0))
    return Figure(rgba, height * 0.7, height, 0.35)


@cache
def _bush(variant: int) -> Figure:
    rng = np.random.default_rng((4, variant))
    rgba = _canvas(192, 128)
    colour = np.array((72, 96, 46)) * rng.uniform(0.7, 1.2) + rng.uniform(-8, 10, 3)
    for x in (50, 96, 142):
        _leaves(rgba, rng, (x, 82), (42, 50), 160, colour)
    return Figure(rgba, 2.2, 1.3, 1.9)


@cache
def _lamp_post() -> Figure:
    rgba = _canvas(128, 512)
    cv2.line(rgba, (64, 511), (64, 12), (92, 96, 98, 255), 9)
    cv2.line(rgba, (24, 14), (104, 14), (92, 96, 98, 255), 9)
    cv2.line(rgba, (14, 20), (44, 20), (255, 236, 190, 255), 11)
    cv2.line(rgba, (84, 20), (114, 20), (255, 236, 190, 255), 11)
    return Figure(rgba, 2.0, 7.0, 0.16)


@cache
def _sign(variant: int) -> Figure:
    rgba = _canvas(96, 320)
    cv2.line(rgba, (48, 319), (48, 40), (130, 132, 134, 255), 7)
    colour = ((196, 30, 36, 255), (30, 80, 170, 255), (236, 200, 30, 255), (196, 30, 36, 255),
              (240, 240, 240, 255))[variant]
    if variant == 3:
        cv2.fillPoly(rgba, [np.array([(48, 6), (92, 82), (4, 82)])], colour)
        cv2.fillPoly(rgba, [np.array([(48, 26), (76, 74), (20, 74)])], (240, 240, 240, 255))
    else:
        cv2.circle(rgba, (48, 46), 42, colour, cv2.FILLED)
        cv2.circle(rgba, (48, 46), 28, (240, 240, 240, 255) if variant == 0 else colour,
                   cv2.FILLED)
    return Figure(rgba, 0.72, 2.6, 0.1)
