"""The ground of the world: a road's course, height, edge and paint as closed formulas."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class Material(IntEnum):
    """What the ground is made of."""

    ASPHALT = 0
    KERB = 1
    KERB_FACE = 2
    PAVING = 3
    GRASS = 4
    GRAVEL = 5


@dataclass(frozen=True)
class Wave:
    """
    One sine term of a course or of a height profile, in world x [m].

    :param amplitude: m.
    :param length: wavelength / 2 pi, m.
    :param phase: rad.
    """

    amplitude: float
    length: float
    phase: float = 0.0


@dataclass(frozen=True)
class Junction:
    """
    A road that meets this one at a right angle.

    :param at: where its centre line crosses, m along the road.
    :param half_width: m.
    :param side: 1 left only, -1 right only, 0 both.
    :param radius: of the corners, m.
    """

    at: float
    half_width: float = 3.0
    side: int = 0
    radius: float = 5.0


@dataclass(frozen=True)
class Road:
    """
    A road in world coordinates (x forward, y left, z up; metres).

    Road coordinates are s, metres along, which is the world's x at the foot on the centre line,
    and d, metres to the left of it; both to first order in the bend.

    :param half_width: from the centre line to the edge.
    :param bends: course of the centre line, y over x.
    :param hills: height, z over x.
    :param crown: cross slope at the edge times a half: the edge lies crown * half_width lower.
    :param junctions: roads that meet it.
    :param pavement: width of the pavement behind the kerb; 0 is a rural road with a verge.
    :param shoulder: width of the gravel beside the edge of a rural road.
    :param kerb: height of the kerb; 0 without a pavement.
    :param wobble: amplitude of an irregular edge.
    :param lane_width: distance between the lines; 0 paints none.
    :param edge_lines: lines along the edges too.
    :param zebras: where zebra crossings start, m along the road; each is 4 m long.
    """

    half_width: float = 3.5
    bends: tuple[Wave, ...] = ()
    hills: tuple[Wave, ...] = ()
    crown: float = 0.0
    junctions: tuple[Junction, ...] = ()
    pavement: float = 2.5
    shoulder: float = 0.0
    kerb: float = 0.12
    wobble: float = 0.0
    lane_width: float = 3.5
    edge_lines: bool = False
    zebras: tuple[float, ...] = ()

    def coordinates(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (s, d) of world points."""
        if not self.bends:
            return x, y
        slope = self.gradient(x)
        shrink = 1.0 / (1.0 + slope * slope)
        offset = y - self.centre(x)
        return x + offset * slope * shrink, offset * np.sqrt(shrink)

    def place(self, s: float, d: float) -> tuple[float, float, float]:
        """Return x, y and the road's heading [rad] at road coordinates."""
        heading = float(np.arctan(self.gradient(s)))
        return (s - d * np.sin(heading), self.centre(s) + d * np.cos(heading), heading)

    def centre(self, x: np.ndarray | float) -> np.ndarray | float:
        """Return y of the centre line."""
        return _sum(self.bends, x)

    def gradient(self, x: np.ndarray | float) -> np.ndarray | float:
        """Return dy/dx of the centre line."""
        return _sum_of_slopes(self.bends, x)

    def profile(self, x: np.ndarray | float) -> np.ndarray | float:
        """Return the height of the centre line."""
        return _sum(self.hills, x)

    def height(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the height of the carriageway's surface, continued beyond its edge."""
        level = self.profile(x) + 0.0 * x
        if self.crown:
            _, d = self.coordinates(x, y)
            level = level - (self.crown * self.half_width) * np.minimum(
                np.square(d / self.half_width), 1.0)
        return level

    def edge(self, s: np.ndarray, d: np.ndarray) -> np.ndarray:
        """Return the distance beyond the road's edge, m; below 0 on the road."""
        beyond = np.abs(d) - self.half_width
        for junction in self.junctions:
            across = np.abs(s - junction.at) - junction.half_width
            if junction.side:
                across = np.maximum(across, -junction.side * d)
            radius = junction.radius
            corner = np.hypot(np.maximum(radius - beyond, 0.0), np.maximum(radius - across, 0.0))
            beyond = np.maximum(np.minimum(beyond, across), radius) - corner
        if self.wobble:
            left = np.where(d > 0.0, s, s + 17.0)
            beyond = beyond + self.wobble * (
                0.5 * np.sin(0.45 * left) + 0.3 * np.sin(1.7 * left + 1.0)
                + 0.2 * np.sin(4.9 * left + 2.0))
        return beyond

    def is_road(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Say which ground points belong to the road."""
        return self.edge(*self.coordinates(x, y)) < 0.0

    def lift(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return how far the ground lies above the carriageway's surface: the kerb, or 0."""
        return np.where(self.is_road(x, y), 0.0, self.kerb)

    def material(self, edge: np.ndarray) -> np.ndarray:
        """Return the Material (uint8) at distances beyond the edge."""
        if self.pavement:
            bounds, kinds = (0.0, 0.15, self.pavement), (
                Material.ASPHALT, Material.KERB, Material.PAVING, Material.GRASS)
        else:
            bounds, kinds = (0.0, self.shoulder), (
                Material.ASPHALT, Material.GRAVEL, Material.GRASS)
        table = np.array(kinds, np.uint8)
        step = np.zeros(edge.shape, np.uint8)
        for bound in bounds:
            step += edge >= bound
        return table.take(step)

    def paint(self, s: np.ndarray, d: np.ndarray, blur: np.ndarray) -> np.ndarray:
        """
        Return how much of each road point is covered with paint, 0..1.

        :param blur: width over which an edge is smoothed, m.
        """
        cover = np.zeros(d.shape, d.dtype)
        if self.lane_width:
            lanes = np.round(d / self.lane_width)
            inner = np.abs(d) < self.half_width - 0.5 * self.lane_width
            line = _stripe(d - lanes * self.lane_width, 0.07, blur) * inner
            dash = _stripe((s % 9.0) - 1.5, 1.5, 4.0 * blur)
            cover = line * dash
        if self.edge_lines:
            cover = np.maximum(cover, _stripe(np.abs(d) - self.half_width + 0.25, 0.06, blur))
        for junction in self.junctions:
            across = np.abs(s - junction.at) - junction.half_width - junction.radius
            cover = cover * (across > 0.0)
            stop = (across > 0.5) & (across < 0.9) & (d * (s - junction.at) > 0.0)
            cover = np.maximum(cover, stop * (np.abs(d) < self.half_width - 0.3))
        for start in self.zebras:
            on = (s > start - 1.0) & (s < start + 5.0)
            bars = _stripe((d % 1.0) - 0.5, 0.25, blur) * (np.abs(d) < self.half_width - 0.2)
            cover = np.where(on, bars * ((s > start) & (s < start + 4.0)), cover)
        return cover


def _sum(waves: tuple[Wave, ...], x: np.ndarray | float) -> np.ndarray | float:
    total = 0.0
    for wave in waves:
        total = total + wave.amplitude * np.sin(x / wave.length + wave.phase)
    return total


def _sum_of_slopes(waves: tuple[Wave, ...], x: np.ndarray | float) -> np.ndarray | float:
    total = 0.0
    for wave in waves:
        total = total + wave.amplitude / wave.length * np.cos(x / wave.length + wave.phase)
    return total


def _stripe(offset: np.ndarray, half_width: float, blur: np.ndarray) -> np.ndarray:
    """Return the coverage 0..1 of a stripe whose edges are smoothed over `blur`."""
    return np.clip((half_width - np.abs(offset)) / np.maximum(blur, 1e-3) + 0.5, 0.0, 1.0)
