"""Two runs over the same frames: paired differences, their confidence, and a gate."""

from collections.abc import Mapping
from dataclasses import dataclass
import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import yaml

from road_seg.errors import ConfigError
from road_seg.errors import InputError
from road_seg.files import atomic_write
from road_seg.metrics import iou
from road_seg.metrics import mean_of_present

_RESAMPLES = 2000
_CONFIDENCE = 0.95
_RULES = ('minimum', 'maximum', 'no_regression')
_LIMIT_EXAMPLE = '{metric: iou.road, minimum: 0.95} or {metric: miou, no_regression: 0.005}'


@dataclass(frozen=True)
class Run:
    """
    The summary of a replay or a scored data set, with the counts of each frame.

    :param path: the file, as `replay --json` or `score --json` writes it.
    :param summary: its content.
    :param frames: what tells the F labelled frames from each other: stamp [ns] or image file.
    :param counts: (F, C, 3) int64 by frame and class: intersection, pixels of the truth, pixels
        of the mask.
    :param names: of the C classes.
    """

    path: Path
    summary: Mapping[str, object]
    frames: tuple[int | str, ...]
    counts: np.ndarray
    names: tuple[str, ...]

    @classmethod
    def load(cls, path: Path) -> 'Run':
        """
        Read a summary.

        :raises InputError: it is not one, or has no frames with truth.
        """
        try:
            summary = json.loads(path.read_text(encoding='utf-8'))
            labelled = summary['labelled']
            counts = np.array([frame['counts'] for frame in labelled], np.int64)
            frames = tuple(frame['stamp_ns'] if 'stamp_ns' in frame else frame['image']
                           for frame in labelled)
            names = tuple(summary['iou'])
            if counts.shape[1:] != (len(names), 3):
                raise ValueError('no labelled frames')
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise InputError(path, found=f'no scores by frame ({error})',
                             expected='a file of `road-seg replay --json` of a bag with truth, '
                             'or of `road-seg score --json` of a data set',
                             fix='replay or score again') from error
        return cls(path, summary, frames, counts, names)


@dataclass(frozen=True)
class Difference:
    """A metric of two runs over the same frames, and the interval of its difference B - A."""

    metric: str
    a: float
    b: float
    low: float
    high: float

    @property
    def change(self) -> float:
        """B - A."""
        return self.b - self.a


def differences(a: Run, b: Run, seed: int = 0) -> list[Difference]:
    """
    Return mean IoU and the IoU of each class, with 95 % bootstrap intervals of the difference.

    Frames are drawn with replacement, the same ones for both runs, and each draw is scored in one
    confusion matrix: the percentile bootstrap of Efron and Tibshirani, 1993, chapter 13. Frames of
    a drive resemble their neighbours, so blocks of neighbours of about the square root of their
    number are drawn (Kuensch, 1989).

    :raises InputError: the runs are not of the same frames and classes.
    """
    if a.names != b.names or a.frames != b.frames:
        raise InputError(b.path, found=f'{len(b.frames)} labelled frames of the classes '
                         f'{", ".join(b.names)}', expected=f'the frames and classes of {a.path}, '
                         f'{len(a.frames)} of {", ".join(a.names)}',
                         fix='replay or score the same with both models')
    frames = len(a.frames)
    length = max(1, round(frames**0.5))
    generator = np.random.default_rng(seed)
    starts = generator.integers(0, frames - length + 1, (_RESAMPLES, -(-frames // length)))
    changes = np.array([
        _scores(b.counts[chosen].sum(axis=0)) - _scores(a.counts[chosen].sum(axis=0))
        for chosen in ((row[:, np.newaxis] + np.arange(length)).reshape(-1)[:frames]
                       for row in starts)])
    tail = 50.0 * (1.0 - _CONFIDENCE)
    rows = zip(('miou', *(f'iou.{name}' for name in a.names)), _scores(a.counts.sum(axis=0)),
               _scores(b.counts.sum(axis=0)), changes.T, strict=True)
    return [Difference(metric, float(before), float(after),
                       *np.percentile(sampled[~np.isnan(sampled)], (tail, 100.0 - tail)).tolist())
            for metric, before, after, sampled in rows if not np.isnan(before + after)]


def worst_regressions(a: Run, b: Run, count: int) -> list[tuple[int | str, float]]:
    """Return name and loss of mean IoU of the frames that lost most, worst first."""
    losses = np.array([_scores(before)[0] - _scores(after)[0]
                       for before, after in zip(a.counts, b.counts, strict=True)])
    order = np.argsort(-losses, kind='stable')[:count]
    return [(a.frames[index], float(losses[index])) for index in order if losses[index] > 0.0]


@dataclass(frozen=True)
class Limit:
    """
    One line of a gate file.

    :param metric: dotted path of a number in the summary, such as iou.road.
    :param rule: minimum or maximum of B's value, or no_regression: how much less than A's it
        may be.
    :param value: that number.
    """

    metric: str
    rule: str
    value: float

    def failure(self, a: Run, b: Run) -> str | None:
        """Return what is wrong, None if the limit is kept."""
        after = _number(b, self.metric)
        if self.rule == 'no_regression':
            before = _number(a, self.metric)
            kept = after >= before - self.value
            return None if kept else (f'{self.metric} fell from {before:.4f} to {after:.4f}, by '
                                      f'more than {self.value:g}')
        kept = after >= self.value if self.rule == 'minimum' else after <= self.value
        return None if kept else f'{self.metric} is {after:.4f}, {self.rule} {self.value:g}'


def read_gate(path: Path) -> list[Limit]:
    """
    Read a gate file: a YAML list of limits, each a metric and one rule.

    :raises ConfigError: it is not one.
    """
    try:
        entries = yaml.safe_load(path.read_text(encoding='utf-8'))
        limits = []
        for entry in entries:
            (rule, value), = ((key, entry[key]) for key in entry if key != 'metric')
            if rule not in _RULES:
                raise ValueError(f'the rule {rule!r}')
            limits.append(Limit(str(entry['metric']), rule, float(value)))
        if not limits:
            raise ValueError('no limits')
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(path, found=' '.join(str(error).split()),
                          expected=f'a list of limits such as {_LIMIT_EXAMPLE}',
                          fix=f'use the rules {", ".join(_RULES)}') from error
    return limits


def write_junit(path: Path, checked: list[tuple[Limit, str | None]]) -> None:
    """Write limits and their failures as JUnit XML, which CI systems show."""
    failures = sum(failure is not None for _, failure in checked)
    suite = ElementTree.Element('testsuite', name='road-seg compare', tests=str(len(checked)),
                                failures=str(failures), errors='0', skipped='0')
    for limit, failure in checked:
        case = ElementTree.SubElement(suite, 'testcase', classname='road_seg.gate',
                                      name=f'{limit.metric} {limit.rule} {limit.value:g}')
        if failure:
            ElementTree.SubElement(case, 'failure', message=failure)
    with atomic_write(path) as temporary:
        ElementTree.ElementTree(suite).write(temporary, encoding='utf-8', xml_declaration=True)


def _scores(counts: np.ndarray) -> np.ndarray:
    """Return mean IoU and the IoU of each class; counts (C, 3), result (C + 1,) float64."""
    by_class = iou(*counts.T)
    return np.concatenate(([mean_of_present(by_class)], by_class))


def _number(run: Run, metric: str) -> float:
    """Return a number of a summary by its dotted path."""
    value: object = run.summary
    for key in metric.split('.'):
        value = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(value, int | float):
        raise ConfigError('gate', found=f'the metric {metric}, which {run.path} does not have',
                          expected='a number of the summary, such as miou or iou.road',
                          fix='correct the gate file')
    return float(value)
