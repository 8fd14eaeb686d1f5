"""Light and air: sun, cloud, dusk, night, rain and fog."""

from dataclasses import dataclass
import math

import numpy as np

KINDS = ('sun', 'cloud', 'dusk', 'night', 'rain', 'fog')


@dataclass(frozen=True)
class Weather:
    """
    What the light is like; colours are RGB, 0..255.

    :param zenith: the sky overhead.
    :param horizon: the sky near the horizon; also the colour of haze.
    :param clouds: share of the sky's brightness that clouds change, 0..1.
    :param ambient: light in the shade; 1 shows a surface in its own colour.
    :param direct: light that the sun adds.
    :param tint: factors (red, green, blue) of the light.
    :param sun: (azimuth in the world, elevation), rad.
    :param visibility: distance at which haze hides all but 5 %, m.
    :param wet: how wet the road is, 0..1.
    :param raining: streaks and drops.
    :param lit: headlights, street lamps and windows are on.
    :param noise: standard deviation of the camera's noise.
    """

    zenith: tuple[float, float, float]
    horizon: tuple[float, float, float]
    clouds: float
    ambient: float
    direct: float
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    sun: tuple[float, float] = (0.0, 0.8)
    visibility: float = 2500.0
    wet: float = 0.0
    raining: bool = False
    lit: bool = False
    noise: float = 2.5


def draw_weather(kind: str, rng: np.random.Generator) -> Weather:
    """Return a weather of a kind, varied."""
    sun = (rng.uniform(-math.pi, math.pi), math.radians(rng.uniform(18.0, 65.0)))
    shift = rng.uniform(0.85, 1.12)
    if kind == 'sun':
        return Weather((86 * shift, 138 * shift, 212), (196, 214, 232), rng.uniform(0.0, 0.7),
                       rng.uniform(0.42, 0.62), rng.uniform(0.55, 0.8), (1.04, 1.0, 0.94), sun)
    if kind == 'cloud':
        grey = rng.uniform(165, 225)
        return Weather((grey * 0.9, grey * 0.94, grey), (grey * 1.08,) * 3, rng.uniform(0.3, 1.0),
                       rng.uniform(0.8, 1.05), 0.08, (0.98, 1.0, 1.03), sun)
    if kind == 'dusk':
        sun = (sun[0], math.radians(rng.uniform(3.0, 8.0)))
        return Weather((70, 84, 130), (236 * shift, 160, 110), rng.uniform(0.2, 0.8),
                       rng.uniform(0.28, 0.42), 0.16, (1.08, 0.96, 0.92), sun, lit=True,
                       noise=4.0)
    if kind == 'night':
        return Weather((8, 10, 20), (26, 24, 30), 0.3, rng.uniform(0.05, 0.11), 0.0,
                       (1.06, 0.98, 0.86), sun, wet=float(rng.random() < 0.25) * 0.5, lit=True,
                       noise=6.0)
    if kind == 'rain':
        grey = rng.uniform(120, 175)
        return Weather((grey * 0.9, grey * 0.95, grey), (grey, grey, grey * 1.02), 0.6,
                       rng.uniform(0.6, 0.8), 0.0, (0.95, 1.0, 1.04), sun,
                       rng.uniform(150, 500), rng.uniform(0.5, 1.0), raining=True, lit=True,
                       noise=4.0)
    grey = rng.uniform(165, 205)
    return Weather((grey,) * 3, (grey,) * 3, 0.1, rng.uniform(0.8, 0.95), 0.0, (0.99, 1.0, 1.02),
                   sun, rng.uniform(70, 250), 0.2, lit=bool(rng.random() < 0.5), noise=3.0)
