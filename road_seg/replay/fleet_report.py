"""What a fleet replay found: the summary, and a page of it."""

from html import escape
from pathlib import Path

from road_seg.backends import ModelFile
from road_seg.labels import LabelMap
from road_seg.replay.evaluate import Evaluation
from road_seg.replay.evaluation_file import from_json
from road_seg.replay.evaluation_file import merged
from road_seg.replay.fleet import Outcome
from road_seg.replay.modes import IN_PROCESS
from road_seg.replay.page import fact_table
from road_seg.replay.page import grid_table
from road_seg.replay.page import score_figures
from road_seg.replay.page import score_tables
from road_seg.replay.page import SCROLL
from road_seg.replay.page import value
from road_seg.replay.page import write_page
from road_seg.replay.run import labelled
from road_seg.replay.run import measured
from road_seg.replay.run import versions

_BAG_SCORES = ('frames', 'labelled_frames', 'grids', 'miou', 'iou', 'flicker')


def evaluations(outcome: Outcome, labels: LabelMap) -> dict[str, Evaluation]:
    """Return the evaluation of each bag that was read whole, by name."""
    return {name: merged((from_json(piece, labels) for piece in pieces), labels)
            for name, pieces in outcome.bags.items()}


def summary_of(source: str, outcome: Outcome, bags: dict[str, Evaluation], model: ModelFile,
               image_topic: str | None, workers: int) -> dict:
    """
    Return the summary, laid out as that of one bag with a row for each bag beside it.

    :param source: the list or pattern of the bags.
    :param bags: as evaluations gives them.
    """
    whole = merged(bags.values(), model.labels)
    backends = {piece['backend'] for pieces in outcome.bags.values() for piece in pieces}
    rate = outcome.frames / outcome.wall_s
    return {
        'bag': source, 'mode': IN_PROCESS, 'loss': whole.loss, **measured(whole),
        'frames_per_s': rate, 'model_sha256': model.sha256,
        'backend': ', '.join(sorted(backends)) or None, 'versions': versions(), 'outputs': None,
        'image_topic': image_topic, 'labels': model.labels.to_json(),
        'bags': [_row(name, evaluation) for name, evaluation in bags.items()],
        'failed': [{'bag': name, 'error': error} for name, error in outcome.failed.items()],
        'cost': {'workers': workers, 'wall_s': outcome.wall_s, 'worker_s': outcome.worker_s,
                 'frames': outcome.frames, 'frames_per_s': rate,
                 'pieces': sum(map(len, outcome.bags.values())), 'reused': outcome.reused,
                 'retried': outcome.retried, 'failed': outcome.failed_pieces},
        'labelled': labelled(whole)}


def _row(name: str, evaluation: Evaluation) -> dict:
    """Return what the table says of a bag."""
    scores = measured(evaluation)
    return {'bag': name, 'loss': evaluation.loss,
            **{key: scores[key] for key in _BAG_SCORES},
            'grid': {key: scores['grid'][key] for key in ('agreement', 'false_free_within_20')}}


def write_fleet_report(path: Path, summary: dict, bags: dict[str, Evaluation],
                       model: ModelFile) -> None:
    """
    Write the page.

    :param path: the file.
    :param summary: as summary_of gives it.
    :param bags: as evaluations gives them.
    :raises InputError: the folder cannot be written to.
    """
    whole, cost, failed = merged(bags.values(), model.labels), summary['cost'], summary['failed']
    damaged = sum(row['loss'] is not None for row in summary['bags'])
    write_page(
        path, title=f'Fleet replay of {summary["bag"]}',
        subtitle='Each bag through the Segmenter and the parameters of the node, in pieces; the '
                 'counts of all of them together.',
        verdict=[f'{len(bags)} bags with {whole.frames} frames were replayed.',
                 f'{len(failed)} bags could not be read, {damaged} are damaged.'],
        level='attention' if failed or damaged else 'good',
        figures=[(str(len(bags)), 'bags'), (str(whole.frames), 'frames'),
                 *(score_figures(whole.scores) if whole.scores.frames else ())],
        sections={
            **({'Bags that could not be read': fact_table(
                {row['bag']: row['error'] for row in failed})} if failed else {}),
            **({'Scores': score_tables(whole.scores)} if whole.scores.frames else {}),
            **({'Grids': grid_table(whole.grid_scores)} if whole.grid_scores.counts.any()
               else {}),
            'Bags': _table(summary['bags'], model.labels),
            'Cost': fact_table({name.replace('_', ' '): f'{number:.6g}'
                                for name, number in cost.items()}),
            'What was run': fact_table({
                'model': str(model.path), 'model SHA-256': model.sha256,
                'backend': str(summary['backend']),
                'versions': ', '.join(f'{name} {number}'
                                      for name, number in summary['versions'].items())})})


def _table(rows: list[dict], labels: LabelMap) -> str:
    """Return the bags with their scores, worst mean IoU first, those without truth last."""
    def cells(row: dict) -> str:
        numbers = (*(row['iou'][name] for name in labels.drivable), row['miou'], row['flicker'],
                   row['grid']['agreement'], row['grid']['false_free_within_20'])
        return (f'<td>{escape(row["bag"])}</td><td>{row["frames"]}</td>'
                f'<td>{row["labelled_frames"]}</td>'
                + ''.join(f'<td>{value(number, 4)}</td>' for number in numbers)
                + f'<td>{escape(row["loss"] or "")}</td>')

    heads = ('bag', 'frames', 'with truth', *(f'{name} IoU' for name in labels.drivable),
             'mean IoU', 'flicker', 'grid agreement', 'false free to 20 m', 'damage')
    ordered = sorted(rows, key=lambda row: 2.0 if row['miou'] is None else row['miou'])
    body = ''.join(f'<tr>{cells(row)}</tr>' for row in ordered)
    return (f'<div class="card">{SCROLL}<table><tr>'
            f'{"".join(f"<th>{head}</th>" for head in heads)}</tr>{body}</table></div></div>')
