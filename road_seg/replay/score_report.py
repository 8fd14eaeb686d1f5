"""The report of a scored data set."""

import math
from pathlib import Path

from road_seg.backends import Backend
from road_seg.replay.charts import reliability
from road_seg.replay.gallery import Exhibit
from road_seg.replay.page import exhibit_card
from road_seg.replay.page import fact_table
from road_seg.replay.page import legend
from road_seg.replay.page import score_figures
from road_seg.replay.page import score_tables
from road_seg.replay.page import SCROLL
from road_seg.replay.page import write_page
from road_seg.replay.scores import MaskScores
from road_seg.replay.scores import value

# An error beyond this needs attention: the bar of the shipped models.
_MAX_ECE = 0.02


def write_score_report(path: Path, name: str, scores: MaskScores, worst: list[Exhibit],
                       backend: Backend) -> None:
    """
    Write the page.

    :param path: the file.
    :param name: data set and split.
    :param scores: of all images.
    :param worst: the images with most wrong pixels, worst first.
    :param backend: what was scored.
    :raises InputError: the folder cannot be written to.
    """
    calibrated = scores.ece is not None and scores.ece <= _MAX_ECE
    drivable = ', '.join(f'{each} IoU {value(scores.iou[each])}'
                         for each in scores.labels.drivable)
    right, total = scores.confusion.counts.trace(), scores.confusion.counts.sum()
    model = backend.model
    write_page(
        path, title=f'Score of {model.path.stem} on {name}',
        subtitle='Each labelled image through the Segmenter at its own resolution.',
        verdict=[f'{drivable}, mIoU {value(scores.miou)} on {scores.frames} images; '
                 f'{100 * right / max(1, total):.2f} % of the labelled pixels are right.',
                 f'Confidence is off by {value(scores.ece)} on average'
                 + (': it can be taken at its word.' if calibrated else
                    f', more than {_MAX_ECE}: calibrate it with road-seg export --validate.')],
        level='good' if calibrated else 'attention',
        figures=[(str(scores.frames), 'images'), *score_figures(scores),
                 (value(scores.ece), 'calibration error')],
        sections={'Scores': score_tables(scores), 'Confidence': _confidence(scores),
                  'Worst images': legend(scores.labels, with_truth=True)
                  + ''.join(map(exhibit_card, worst)),
                  'What was run': fact_table({
                      'model': f'{model.path}, input {model.height}x{model.width}',
                      'model SHA-256': model.sha256, 'backend': backend.name})})


def _confidence(scores: MaskScores) -> str:
    """Return the reliability plot and the table that helps to choose a threshold."""
    def percent(share: float) -> str:
        return '-' if math.isnan(share) else f'{100 * share:.2f} %'

    rows = ''.join(
        f'<tr><td>{threshold:.2f}</td><td>{percent(caught)}</td><td>{percent(given_up)}</td></tr>'
        for threshold, caught, given_up in scores.thresholds)
    return (
        '<div class="columns"><div class="card"><h3>Reliability</h3>'
        f'{reliability(scores.calibration.reliability())}<p class="quiet">On the dashed line a '
        'confidence of 0.9 is right nine times in ten; the size of a dot is its share of the '
        'pixels.</p></div><div class="card"><h3>Low confidence</h3>'
        f'{SCROLL}<table>'
        '<tr><th>unknown below</th><th>errors caught</th><th>correct given up</th></tr>'
        f'{rows}</table></div><p class="quiet">Shares of all wrong and of all correct pixels '
        'whose confidence is below the threshold.</p></div></div>')
