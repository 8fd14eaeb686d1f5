"""Whether images are fit for use: cheap measures of the network's image and their limits."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from road_seg.histogram import histogram
from road_seg.verdict import Finding
from road_seg.verdict import Lasting
from road_seg.verdict import Level

# A look costs a fraction of a millisecond; faults need not be found faster than in seconds.
_LOOK_NS = 100_000_000
_AFTER_NS, _FROZEN_NS, _VALID_NS = 500_000_000, 1_000_000_000, 2_000_000_000
_LOOKS = 4
# The limits; docs/design.md has what the measures are on good and on faulty images.
_MIN_LIT, _MAX_CLIPPED, _MAX_GRAIN, _MIN_EDGE, _MAX_EMPTY = 0.02, 0.4, 0.1, 0.14, 0.69
_MIN_CONFIDENCE = 0.84
# The drivable share of the image is compared with its mean over about ten seconds.
_USUAL_OF_LOOKS = 100
_MIN_USUAL, _COLLAPSE = 0.05, 0.2

# Rows are skipped, columns are not: edges need neighbours.
_ROW_STEP = 4
_LIT_LEVEL, _CLIPPED_LEVEL = 48, 250
_REGIONS = (10, 16)
_STRUCTURE = 16


@dataclass(frozen=True)
class ImageMeasures:
    """
    What one image looks like, whatever it shows.

    :param lit: share of the pixels that are not nearly black.
    :param clipped: share of the pixels at the upper end of the range.
    :param grain: the median of the differences of neighbours over the range of grey values
        between the 5th and the 95th percentile.
    :param edge: the 99.5th percentile of these differences over that range.
    :param empty: share of the image's regions without any structure.
    """

    lit: float
    clipped: float
    grain: float
    edge: float
    empty: float


def measure_image(image: np.ndarray) -> ImageMeasures:
    """
    Return the measures of an image.

    :param image: (H, W, 3) uint8 RGB at the network's size.
    """
    grey = np.ascontiguousarray(image[::_ROW_STEP, :, 1])
    shares = np.cumsum(histogram(grey)) / grey.size
    low, high = np.searchsorted(shares, (0.05, 0.95))
    differences = cv2.absdiff(grey[:, 1:], grey[:, :-1])
    steps = np.cumsum(histogram(differences)) / differences.size
    grain, edge = np.searchsorted(steps, (0.5, 0.995)) / max(1, high - low)
    return ImageMeasures(
        lit=float(1.0 - shares[_LIT_LEVEL - 1]), clipped=float(1.0 - shares[_CLIPPED_LEVEL - 1]),
        grain=float(grain), edge=float(edge),
        empty=_empty_share(cv2.absdiff(grey[:, 4:], grey[:, :-4])))


def image_findings(measures: ImageMeasures) -> Iterator[Finding]:
    """Yield what is wrong with an image; dark, burnt out or noise, it is not judged further."""
    if measures.lit < _MIN_LIT:
        yield _warning('image_dark', 'dark image: only '
                       f'{measures.lit:.1%} of it is lit; is the lens covered?')
        return
    if measures.clipped > _MAX_CLIPPED:
        yield _warning('image_overexposed',
                       f'overexposed image: {measures.clipped:.0%} of it is white')
        return
    if measures.grain > _MAX_GRAIN:
        yield _warning('image_noisy', 'noise: half of all neighbouring pixels differ by '
                       f'{measures.grain:.0%} of the contrast or more; check the camera, its '
                       'cable and the encoding')
        return
    if measures.empty > _MAX_EMPTY:
        yield _warning('lens_blocked', f'no structure in {measures.empty:.0%} of the image: '
                       'is the lens blocked or fogged?')
    if measures.edge < _MIN_EDGE:  # also beside a blocked lens: defocus can look like either
        yield _warning('image_blurred', 'blurred image: its sharpest edges are '
                       f'{measures.edge:.0%} of its contrast per pixel; clean or focus the lens')


class ImageHealth:
    """Look at the images a few times a second and say what has been wrong with them lately."""

    def __init__(self) -> None:
        self._lasting = Lasting(_AFTER_NS, _LOOKS, _VALID_NS)
        self._frozen = Lasting(_FROZEN_NS, _LOOKS, _VALID_NS)
        self._looked_ns: int | None = None
        self._previous: np.ndarray | None = None
        self._usual_share = 0.0
        self._shares = 0

    def look(self, now_ns: int, image: np.ndarray, confidence: np.ndarray,
             drivable: np.ndarray) -> None:
        """
        Judge an image, unless the last one was judged a moment ago.

        :param now_ns: time of a steady clock, ns.
        :param image: (h, w, 3) uint8 RGB, the network's input.
        :param confidence: (h, w) uint8 probability of the predicted class, 0..255.
        :param drivable: (h, w) uint8 drivable probability, 0..255.
        """
        if self._looked_ns is not None and now_ns - self._looked_ns < _LOOK_NS:
            return
        self._looked_ns = now_ns
        self._frozen.update(now_ns, self._frozen_findings(image))
        found = list(image_findings(measure_image(image)))
        self._lasting.update(now_ns, found or [
            *self._confidence_findings(confidence), *self._share_findings(drivable)])

    def findings(self, now_ns: int) -> list[Finding]:
        """Return what has lasted until now."""
        return [*self._frozen.current(now_ns), *self._lasting.current(now_ns)]

    def _frozen_findings(self, image: np.ndarray) -> Iterator[Finding]:
        """Yield a finding if the image equals the one before; sensor noise never repeats."""
        sample = image[::_ROW_STEP].copy()
        if self._previous is not None and np.array_equal(sample, self._previous):
            yield Finding('image_frozen', Level.ERROR, 'frozen image: the camera sends the same '
                          'picture again and again')
        self._previous = sample

    def _confidence_findings(self, confidence: np.ndarray) -> Iterator[Finding]:
        """Yield a finding if the network is unsure of the whole image."""
        mean = cv2.mean(confidence)[0] / 255
        if mean < _MIN_CONFIDENCE:
            yield _warning('low_confidence', 'unfamiliar scene: mean confidence '
                           f'{mean:.2f}, less than {_MIN_CONFIDENCE}')

    def _share_findings(self, drivable: np.ndarray) -> Iterator[Finding]:
        """Yield a finding if much less of the image is drivable than shortly before."""
        share = cv2.mean(drivable)[0] / 255
        usual = self._usual_share
        if usual > _MIN_USUAL and share < _COLLAPSE * usual:
            yield _warning('drivable_collapsed', f'drivable share of the image fell from '
                           f'{usual:.0%} to {share:.0%}')
        self._shares = min(self._shares + 1, _USUAL_OF_LOOKS)
        self._usual_share += (share - usual) / self._shares


def _warning(code: str, message: str) -> Finding:
    """Return a finding of level WARN."""
    return Finding(code, Level.WARN, message)


def _empty_share(steps: np.ndarray) -> float:
    """Return the share of the regions in which no step is large."""
    found = (steps >= _STRUCTURE).astype(np.uint8)
    regions = cv2.resize(255 * found, _REGIONS[::-1], interpolation=cv2.INTER_AREA)
    return float(np.mean(regions == 0))
