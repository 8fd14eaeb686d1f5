"""The page that compares two replays: the worst regressions first."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

import numpy as np

from road_seg.bags.drive import Drive
from road_seg.bags.drive import Frame
from road_seg.bags.messages import decode_mask
from road_seg.bags.reader import BagReader
from road_seg.bags.truth import BagTruth
from road_seg.labels import LabelMap
from road_seg.replay import pictures
from road_seg.replay.compare import Difference
from road_seg.replay.compare import Limit
from road_seg.replay.compare import Run
from road_seg.replay.compare import worst_regressions
from road_seg.replay.gallery import Exhibit
from road_seg.replay.page import exhibit_card
from road_seg.replay.page import fact_table
from road_seg.replay.page import legend
from road_seg.replay.page import SCROLL
from road_seg.replay.page import write_page

REPORT_NAME = 'compare.html'
_WORST_COUNT = 12
_MASK_TOPIC = '/road_mask'


def write_compare_report(folder: Path, a: Run, b: Run, found: list[Difference],
                         checked: list[tuple[Limit, str | None]]) -> Path:
    """
    Write the page and return its path.

    Pictures need the answers of both runs (`replay --out`) and the bag where they were.

    :param found: the differences.
    :param checked: the gate's limits, each with its failure or None.
    :raises RoadSegError: a bag is unusable, or the folder cannot be written to.
    """
    failures = [failure for _, failure in checked if failure]
    surely = [each for each in found if each.low > 0.0 or each.high < 0.0]
    verdict = [f'{each.metric} {"rises" if each.change > 0.0 else "falls"} by '
               f'{abs(each.change):.4f} ({each.low:+.4f} to {each.high:+.4f}).' for each in surely]
    verdict = [f'{len(failures)} of {len(checked)} limits of the gate are broken.' if failures
               else 'The gate is passed.' if checked else 'There was no gate.',
               *failures, *(verdict or ['No metric differs for certain.'])]
    worst = worst_regressions(a, b, _WORST_COUNT)
    write_page(
        folder / REPORT_NAME, title='Comparison of two runs',
        subtitle=f'{len(a.frames)} frames with truth of {_source(a)}.',
        verdict=verdict, level='attention' if failures else 'good',
        figures=[(f'{each.change:+.4f}', each.metric) for each in found],
        sections={'Worst regressions': _worst(a, b, worst), 'Differences': _table(found),
                  'What was compared': fact_table({
                      'A': f'{a.path}, model {a.summary.get("model_sha256")}',
                      'B': f'{b.path}, model {b.summary.get("model_sha256")}'})})
    return folder / REPORT_NAME


def _table(found: list[Difference]) -> str:
    rows = ''.join(
        f'<tr><td>{escape(each.metric)}</td><td>{each.a:.4f}</td><td>{each.b:.4f}</td>'
        f'<td>{each.change:+.4f}</td><td>{each.low:+.4f} .. {each.high:+.4f}</td></tr>'
        for each in found)
    return (f'<div class="card">{SCROLL}<table><tr><th>metric</th><th>A</th><th>B</th>'
            f'<th>B - A</th><th>95 % interval</th></tr>{rows}</table></div><p class="quiet">Block '
            'bootstrap over the frames, the same draws for both runs; each draw is scored in one '
            'confusion matrix.</p></div>')


def _source(run: Run) -> str:
    """Return what a run is of."""
    return str(run.summary.get('bag') or run.summary.get('data_set'))


def _worst(a: Run, b: Run, worst: list[tuple[int | str, float]]) -> str:
    """Return the frames that lost most: pictures where both runs kept their answers."""
    if not worst:
        return '<p class="quiet">No frame has a lower mean IoU in B.</p>'
    outputs = [run.summary.get('outputs') for run in (a, b)]
    if not all(path and Path(path).exists() for path in (a.summary.get('bag'), *outputs)):
        rows = ''.join(f'<tr><td>{escape(str(frame))}</td><td>{loss:.4f}</td></tr>'
                       for frame, loss in worst)
        return (f'<div class="card">{SCROLL}<table><tr><th>image, or stamp in ns</th>'
                f'<th>loss of mean IoU</th></tr>{rows}</table></div><p class="quiet">Pictures '
                'need a bag and the answers of both runs: replay with --out.</p></div>')
    losses = dict(worst)
    labels = LabelMap.from_json(a.summary['labels'])
    with (BagReader(a.summary['bag']) as reader, BagReader(outputs[0]) as before,
          BagReader(outputs[1]) as after):
        drive = Drive(reader, a.summary.get('image_topic'), base_frame=None)
        masks = [BagTruth(bag, _MASK_TOPIC) for bag in (before, after)]
        shown = {frame.stamp_ns: _exhibit(frame, drive, masks, losses[frame.stamp_ns], labels)
                 for frame in drive.frames() if frame.stamp_ns in losses}
    cards = (exhibit_card(shown[stamp_ns]) for stamp_ns, _ in worst if stamp_ns in shown)
    return legend(labels, with_truth=True) + ''.join(cards)


def _exhibit(frame: Frame, drive: Drive, masks: Iterable[BagTruth], loss: float,
             labels: LabelMap) -> Exhibit:
    """Return a frame with both masks, and the errors where the truth is in the bag."""
    rgb = frame.rgb(drive.image_type)
    shown = {'image': pictures.photo(rgb)}
    truth: np.ndarray | None = None
    if frame.truth is not None:
        truth = decode_mask(frame.truth)
        shown['truth'] = pictures.class_map(truth, labels)
    for name, source in zip('AB', masks, strict=True):
        mask = decode_mask(source.at(frame.stamp_ns))
        shown[f'mask {name}'] = pictures.class_map(mask, labels)
        if truth is not None:
            shown[f'errors {name}'] = pictures.errors(rgb, truth, mask)
    return Exhibit(f'Frame {frame.index}: mean IoU {loss:.3f} lower', None, shown)
