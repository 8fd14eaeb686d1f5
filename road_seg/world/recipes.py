"""Scenes by name, varied by a seed: roads, cameras and palettes."""

from dataclasses import replace
import math

import numpy as np

from road_seg.calibration import CameraInfo
from road_seg.camera import Extrinsics
from road_seg.errors import ConfigError
from road_seg.world.population import populate
from road_seg.world.road import Junction
from road_seg.world.road import Road
from road_seg.world.road import Wave
from road_seg.world.scene import Blemish
from road_seg.world.scene import default_palette
from road_seg.world.scene import Scene
from road_seg.world.weather import draw_weather
from road_seg.world.weather import KINDS as WEATHERS

WIDTH, HEIGHT, HFOV_DEG = 640, 384, 60.0
MIXED = 'mixed'
# Name -> road, weather, distortion model of the camera; '' is the ideal camera, level mounted.
_RECIPES = {
    'straight': ('straight', 'sun', ''),
    'curve': ('curve', 'sun', ''),
    'junction': ('junction', 'cloud', 'plumb_bob'),
    'slope': ('slope', 'sun', 'plumb_bob'),
    'crossing': ('crossing', 'cloud', 'plumb_bob'),
    'rural': ('rural', 'sun', 'plumb_bob'),
    'dusk': ('curve', 'dusk', 'plumb_bob'),
    'night': ('straight', 'night', 'plumb_bob'),
    'rain': ('curve', 'rain', 'plumb_bob'),
    'fog': ('rural', 'fog', 'plumb_bob'),
    'wide': ('junction', 'sun', 'rational_polynomial'),
    'fisheye': ('straight', 'sun', 'equidistant'),
}
SCENES = (*_RECIPES, MIXED)
_ROADS = ('straight', 'curve', 'junction', 'slope', 'crossing', 'rural')
_ROAD_SHARES = (0.2, 0.2, 0.18, 0.12, 0.12, 0.18)
_WEATHER_SHARES = (0.36, 0.26, 0.1, 0.1, 0.11, 0.07)
_LENSES = ('plumb_bob', 'rational_polynomial', 'equidistant')
_LENS_SHARES = (0.6, 0.2, 0.2)


def draw_scene(name: str, seed: int, part: int, length: float) -> Scene:
    """
    Return a scene; the same arguments give the same scene.

    :param name: one of SCENES.
    :param seed: seed of the drive.
    :param part: number of the scene within a mixed drive.
    :param length: how far the vehicle will drive, m.
    :raises ConfigError: no such scene.
    """
    if name not in SCENES:
        raise ConfigError(f'scene {name!r}', found='no such scene',
                          expected=f'one of {", ".join(SCENES)}', fix='correct the name')
    rng = np.random.default_rng((seed, part, 20))
    if name == MIXED:
        road_kind = str(rng.choice(_ROADS, p=_ROAD_SHARES))
        weather_kind = str(rng.choice(WEATHERS, p=_WEATHER_SHARES))
        lens = str(rng.choice(_LENSES, p=_LENS_SHARES))
    else:
        road_kind, weather_kind, lens = _RECIPES[name]
    road = _draw_road(road_kind, rng, length, varied=name == MIXED)
    weather = draw_weather(weather_kind, rng)
    # A generator of its own: the camera does not depend on the length.
    info, mount = _draw_camera(lens, np.random.default_rng((seed, part, 21)))
    scene = Scene(
        road, (), weather, info, mount, palette=_draw_palette(rng),
        paint_colour=tuple(np.array((226.0, 226.0, 220.0) if rng.random() < 0.85 else
                                    (214.0, 176.0, 84.0)) * rng.uniform(0.8, 1.05)),
        blemishes=tuple(_draw_blemishes(rng, road, length)), seed=int(rng.integers(1 << 31)),
        lane=-0.5 * road.lane_width if road.lane_width else -0.45 * road.half_width,
        speed=rng.uniform(6.0, 10.0) if lens else 8.0,
        sway=(math.radians(rng.uniform(0.2, 0.9)), math.radians(rng.uniform(0.2, 0.7))))
    return replace(scene, things=populate(scene, road_kind, rng, length))


def _draw_road(kind: str, rng: np.random.Generator, length: float, *, varied: bool) -> Road:
    crown = float(rng.choice((0.0, 0.015, 0.025)))
    gentle = (Wave(rng.uniform(0.5, 3.0), rng.uniform(60.0, 110.0), rng.uniform(0, 6.0)),)
    sharp = (Wave(rng.uniform(4.0, 11.0), rng.uniform(28.0, 48.0), rng.uniform(0, 6.0)),
             Wave(rng.uniform(0.0, 4.0), rng.uniform(60.0, 90.0), rng.uniform(0, 6.0)))
    half_width = rng.uniform(3.0, 4.2) if rng.random() < 0.5 else rng.uniform(5.2, 7.2)
    lane_width = 3.5 if half_width >= 6.8 else min(3.5, half_width)
    hills = (Wave(rng.uniform(0.6, 2.2), rng.uniform(18.0, 34.0), rng.uniform(0, 6.0)),)
    road = Road(half_width, crown=crown, pavement=rng.uniform(1.5, 4.0),
                kerb=rng.uniform(0.08, 0.16), edge_lines=rng.random() < 0.2,
                lane_width=lane_width if rng.random() < 0.85 else 0.0)
    if kind == 'curve':
        road = replace(road, bends=sharp)
    elif kind == 'junction':
        at = np.arange(rng.uniform(16.0, 30.0), length + 90.0, rng.uniform(55.0, 80.0))
        road = replace(road, junctions=tuple(
            Junction(float(s), rng.uniform(2.8, 5.0), int(rng.integers(-1, 2)),
                     rng.uniform(3.0, 7.0)) for s in at))
    elif kind == 'crossing':
        at = np.arange(rng.uniform(11.0, 24.0), length + 60.0, rng.uniform(30.0, 50.0))
        road = replace(road, zebras=tuple(map(float, at)))
    elif kind in ('rural', 'slope'):
        rural = rng.random() < 0.8 or kind == 'rural'
        if rural:
            unmade = kind == 'rural' and rng.random() < 0.35
            width = rng.uniform(2.6, 4.0)
            road = replace(road, half_width=width, pavement=0.0, kerb=0.0,
                           shoulder=rng.uniform(0.0, 1.2),
                           wobble=rng.uniform(0.12, 0.3) if unmade else rng.uniform(0.0, 0.05),
                           lane_width=0.0 if unmade else min(3.5, width),
                           edge_lines=not unmade and rng.random() < 0.6)
        road = replace(road, bends=sharp if rng.random() < 0.5 else gentle)
    if kind == 'slope':
        road = replace(road, hills=hills)
    elif varied and rng.random() < 0.25:
        road = replace(road, hills=(replace(hills[0], amplitude=hills[0].amplitude * 0.5),))
    if varied and kind == 'straight' and rng.random() < 0.5:
        road = replace(road, bends=gentle)
    return road


def _draw_camera(model: str, rng: np.random.Generator) -> tuple[CameraInfo, Extrinsics]:
    """Return calibration and mount; without a model those of an ideal camera."""
    if not model:
        return (CameraInfo.nominal(WIDTH, HEIGHT, HFOV_DEG),
                Extrinsics(x=1.5, y=0.0, z=1.4, pitch=math.radians(2.0)))
    info = CameraInfo.nominal(WIDTH, HEIGHT, rng.uniform(45.0, 85.0))
    if model == 'equidistant':
        focal = rng.uniform(265.0, 340.0)
        d = (rng.uniform(-0.02, 0.02), rng.uniform(-0.005, 0.005), 0.0, 0.0)
    elif model == 'rational_polynomial':
        focal = rng.uniform(300.0, 420.0)
        scale = rng.uniform(0.9, 1.1)
        d = (0.4 * scale, 0.05, rng.uniform(-5e-4, 5e-4), rng.uniform(-5e-4, 5e-4), 0.001,
             0.75 * scale, 0.12, 0.01)
    else:
        focal = info.k[0]
        # Less distortion for a wider view keeps the corners inside the lens's field.
        k1 = rng.uniform(-0.35, 0.05) * min(1.0, (focal / 500.0)**2)
        d = (k1, 0.25 * k1**2, rng.uniform(-5e-4, 5e-4), rng.uniform(-5e-4, 5e-4), 0.0)
    cx, cy = info.k[2] + rng.uniform(-14.0, 14.0), info.k[5] + rng.uniform(-14.0, 14.0)
    k = (focal, 0.0, cx, 0.0, focal * rng.uniform(0.995, 1.005), cy, 0.0, 0.0, 1.0)
    p = (*k[:3], 0.0, *k[3:6], 0.0, *k[6:], 0.0)
    info = replace(info, distortion_model=model, d=tuple(map(float, d)),
                   k=tuple(map(float, k)), p=tuple(map(float, p)))
    steep = 16.0 if model == 'equidistant' else 7.0
    mount = Extrinsics(x=rng.uniform(0.5, 2.2), y=rng.uniform(-0.4, 0.4),
                       z=rng.uniform(1.15, 2.0), roll=math.radians(rng.normal(0.0, 0.6)),
                       pitch=math.radians(rng.uniform(-1.0, steep)),
                       yaw=math.radians(rng.normal(0.0, 1.5)))
    return info, mount


def _draw_palette(rng: np.random.Generator) -> np.ndarray:
    palette = default_palette()
    warm = rng.normal(0.0, 0.035)
    palette[0] *= rng.uniform(0.62, 1.4) * np.array((1.0 + warm, 1.0, 1.0 - warm))
    palette[1:4] *= rng.uniform(0.8, 1.2) * (1.0 + rng.normal(0.0, 0.03, (3, 3)))
    if rng.random() < 0.25:  # red or yellow slabs
        palette[3] *= (1.12, 0.88, 0.76)
    palette[4] *= rng.uniform(0.7, 1.2) * (1.0 + rng.normal(0.0, 0.08, 3))
    palette[5] *= rng.uniform(0.75, 1.15)
    return palette.astype(np.float32)


def _draw_blemishes(rng: np.random.Generator, road: Road, length: float) -> list[Blemish]:
    found = []
    for _ in range(int(rng.uniform(0.02, 0.3) * (length + 60.0))):
        s, d = rng.uniform(-10.0, length + 60.0), rng.uniform(-0.9, 0.9) * road.half_width
        kind = rng.random()
        if kind < 0.35:
            found.append(Blemish(s, d, rng.uniform(1.0, 7.0), rng.uniform(0.6, 2.4),
                                 rng.uniform(0.72, 1.16)))
        elif kind < 0.55:
            found.append(Blemish(s, d, 0.66, 0.66, rng.uniform(0.5, 0.75), is_round=True))
        elif kind < 0.85:
            found.append(Blemish(s, d, rng.uniform(0.4, 2.0), rng.uniform(0.3, 1.2),
                                 rng.uniform(0.75, 0.92), is_round=True))
        else:
            found.append(Blemish(s, d, rng.uniform(6.0, 20.0), 0.08, rng.uniform(0.5, 0.7)))
    return found
