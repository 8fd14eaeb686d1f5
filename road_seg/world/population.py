"""What stands and moves beside and on a road."""

import numpy as np

from road_seg.world import catalogue
from road_seg.world import figures
from road_seg.world.catalogue import BACKGROUND
from road_seg.world.catalogue import PERSON
from road_seg.world.catalogue import VEHICLE
from road_seg.world.scene import Scene
from road_seg.world.solids import Thing

_BEHIND, _AHEAD = -14.0, 110.0  # m around the drive
_LEFT, _RIGHT = 1.0, -1.0


def populate(scene: Scene, kind: str, rng: np.random.Generator,
             length: float) -> tuple[Thing, ...]:
    """
    Return the things of a scene.

    :param scene: with its road and its weather.
    :param kind: of road.
    :param length: how far the vehicle drives, m.
    """
    end = length + _AHEAD
    things: list[Thing] = []
    for side in (_LEFT, _RIGHT):
        if scene.road.pavement:
            things += _street(scene, rng, side, end)
        else:
            things += _countryside(scene, rng, side, end)
    things += _parked(scene, rng, end)
    kept = [thing for thing in things if not _in_a_junction(scene, thing)]
    return (*kept, *_traffic(scene, rng, length), *_people(scene, kind, rng, end))


def _in_a_junction(scene: Scene, thing: Thing) -> bool:
    reach = thing.extent[0] / 2.0 + 1.0
    return any(abs(thing.s - junction.at) < junction.half_width + junction.radius + reach
               for junction in scene.road.junctions)


def _street(scene: Scene, rng: np.random.Generator, side: float, end: float) -> list[Thing]:
    """Return houses or fences behind the pavement, trees, lamps and signs on it."""
    road = scene.road
    kerb, behind = road.half_width, road.half_width + road.pavement
    found = []
    built, setback = rng.random() < 0.75, rng.uniform(0.3, 6.0)
    s = _BEHIND + rng.uniform(-8.0, 0.0)
    while s < end and built:
        long, depth = rng.uniform(8.0, 24.0), rng.uniform(7.0, 12.0)
        found.append(Thing(BACKGROUND, catalogue.house(rng, long, depth, scene.weather.lit),
                           s + long / 2, side * (behind + setback + depth / 2 + (
                               0.06 * long if road.bends else 0.0))))
        s += long + (rng.uniform(2.0, 9.0) if rng.random() < 0.4 else 0.02)
    if setback > 2.0 or not built:
        found += _row(rng, end, rng.uniform(6.0, 14.0), lambda at: Thing(
            BACKGROUND, catalogue.barrier(rng, rng.uniform(4.0, 10.0)), at,
            side * (behind + 0.6)))
    if rng.random() < 0.55:
        found += _row(rng, end, rng.uniform(8.0, 18.0), lambda at: Thing(
            BACKGROUND, (figures.tree(rng),), at, side * (kerb + 0.9)))
    found += _row(rng, end, 27.0, lambda at: Thing(
        BACKGROUND, (figures.lamp_post(),), at, side * (kerb + 0.5)))
    return found + _row(rng, end, 34.0, lambda at: Thing(
        BACKGROUND, (figures.sign(rng),), at, side * (kerb + 0.45)))


def _countryside(scene: Scene, rng: np.random.Generator, side: float, end: float) -> list[Thing]:
    """Return trees, bushes, hedges and now and then a house beside a rural road."""
    edge = scene.road.half_width + scene.road.shoulder
    found = _row(rng, end, rng.uniform(4.0, 20.0), lambda at: Thing(
        BACKGROUND, (figures.tree(rng),), at, side * (edge + rng.uniform(1.5, 14.0))))
    found += _row(rng, end, rng.uniform(3.0, 16.0), lambda at: Thing(
        BACKGROUND, (figures.bush(rng),), at, side * (edge + rng.uniform(1.6, 8.0))))
    found += _row(rng, end, 50.0, lambda at: Thing(
        BACKGROUND, catalogue.house(rng, rng.uniform(8.0, 14.0), 9.0, scene.weather.lit), at,
        side * (edge + rng.uniform(12.0, 26.0)), turn=rng.uniform(-0.4, 0.4)))
    if rng.random() < 0.3:
        found += _row(rng, end, 9.0, lambda at: Thing(
            BACKGROUND, catalogue.barrier(rng, 8.0), at, side * (edge + 2.2)))
    return found + _row(rng, end, 30.0, lambda at: Thing(
        BACKGROUND, (figures.sign(rng),), at, side * (edge + 0.8)))


def _row(rng: np.random.Generator, end: float, spacing: float, make: object) -> list[Thing]:
    """Return things made at irregular distances along the road."""
    places = np.arange(_BEHIND, end, spacing)
    places = places + rng.uniform(-0.3, 0.3, len(places)) * spacing
    return [make(float(at)) for at in places]


def _parked(scene: Scene, rng: np.random.Generator, end: float) -> list[Thing]:
    """Return parked vehicles where the road is wide enough to pass them."""
    road, found = scene.road, []
    for side in (_LEFT, _RIGHT):
        room = road.half_width - (3.2 if side == _RIGHT else 2.6)
        on_pavement = road.pavement > 3.0 and rng.random() < 0.15
        if (room < 2.0 and not on_pavement) or rng.random() < 0.25:
            continue
        density = rng.uniform(0.2, 0.95)
        d = side * (road.half_width - 1.15 + (1.6 if on_pavement else 0.0))
        for s in np.arange(_BEHIND, end, 5.9):
            if rng.random() < density and not any(
                    abs(s - start - 2.0) < 8.0 for start in road.zebras):
                turn = (np.pi if side == _LEFT else 0.0) + rng.normal(0.0, 0.03)
                found.append(Thing(VEHICLE, catalogue.vehicle(rng, lit=False), s, d, turn))
    return found


def _traffic(scene: Scene, rng: np.random.Generator, length: float) -> list[Thing]:
    """Return moving vehicles: ahead in the vehicle's lane, and oncoming ones."""
    road, lit, found = scene.road, scene.weather.lit, []
    if rng.random() < 0.65:
        gap = rng.uniform(9.0, 34.0)
        found.append(Thing(VEHICLE, catalogue.vehicle(rng, lit), gap, scene.lane, 0.0,
                           scene.speed * rng.uniform(0.98, 1.1)))
    if rng.random() < 0.2 and not road.zebras:
        gap = rng.uniform(45.0, 70.0)
        found.append(Thing(VEHICLE, catalogue.vehicle(rng, lit), gap, scene.lane, 0.0,
                           scene.speed * 1.05))
    s = rng.uniform(8.0, 40.0)
    while s < 2.2 * length + _AHEAD and rng.random() < 0.8:
        found.append(Thing(VEHICLE, catalogue.vehicle(rng, lit), s, -scene.lane, np.pi, -8.0))
        s += rng.uniform(14.0, 50.0)
    if rng.random() < 0.25:
        found.append(Thing(PERSON, (figures.cyclist(rng, sideways=False),),
                           rng.uniform(10.0, 30.0), -road.half_width + 0.7, 0.0,
                           0.6 * scene.speed))
    return found


def _people(scene: Scene, kind: str, rng: np.random.Generator, end: float) -> list[Thing]:
    """Return pedestrians on the pavement, and people who cross."""
    road, found = scene.road, []
    if road.pavement:
        for _ in range(rng.poisson(rng.uniform(0.02, 0.14) * end)):
            side = rng.choice((_LEFT, _RIGHT))
            found.append(Thing(PERSON, (figures.person(rng),), rng.uniform(_BEHIND, end),
                               side * (road.half_width + rng.uniform(0.7, road.pavement - 0.2)),
                               0.0, rng.uniform(-1.4, 1.4)))
    places = [start + rng.uniform(0.5, 3.5) for start in road.zebras for _ in range(3)]
    if rng.random() < 0.3:
        places.append(rng.uniform(9.0, 40.0))
    for s in places:
        side = rng.choice((_LEFT, _RIGHT))
        if rng.random() < 0.2:
            found.append(Thing(PERSON, (figures.cyclist(rng, sideways=True),), s,
                               side * rng.uniform(0.5, road.half_width), 0.0, 0.0, -side * 2.0))
        else:
            found.append(Thing(PERSON, (figures.person(rng),), s,
                               side * rng.uniform(0.3, road.half_width + 1.0), 0.0, 0.0,
                               -side * rng.uniform(0.4, 1.3)))
    return found
