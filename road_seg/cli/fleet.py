"""`road-seg replay --fleet`: many bags at once."""

import argparse
from pathlib import Path

from road_seg.cli.numbers import count

_FAILED = 1
_DEFAULT_REPORT = Path('reports') / 'fleet'
# Of `replay`, what makes sense for one bag only.
_OF_ONE_BAG = ('second_model', 'capture', 'max', 'bag', 'mode', 'truth', 'out')


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that replay many bags."""
    parser.add_argument('--fleet', metavar='LIST_OR_GLOB',
                        help='instead of BAG: a text file with a path or URL a line, or a '
                        'pattern such as "drives/*" or "s3://bucket/*.mcap"; in-process, on Ray. '
                        'Given again, it does what is missing. Exit status 1 if bags could not '
                        'be read')
    parser.add_argument('--workers', type=_workers, metavar='N|ray://HOST:PORT',
                        help='with --fleet: worker processes on this machine (default: one a '
                        'core), or a Ray cluster')


def _workers(text: str) -> int | str:
    """Read how many workers, or where a cluster is."""
    return text if text.startswith('ray://') else count(text)


def run(args: argparse.Namespace) -> int:
    """Replay all bags, print, write and say which could not be read."""
    import os

    from road_seg.backends import read_model
    from road_seg.cli.output import write_json
    from road_seg.cli.progress import Progress
    from road_seg.cli.replay import node_parameters
    from road_seg.parameters import checked_parameters
    from road_seg.replay.fleet import cluster
    from road_seg.replay.fleet import replay_fleet
    from road_seg.replay.fleet import Work
    from road_seg.replay.fleet_report import evaluations
    from road_seg.replay.fleet_report import summary_of
    from road_seg.replay.fleet_report import write_fleet_report
    from road_seg.replay.parameters import AS_RECORDED
    from road_seg.replay.report import REPORT_NAME
    _refuse_options_of_one_bag(args)
    report = args.report or _DEFAULT_REPORT
    values = {**AS_RECORDED, **node_parameters(args)}
    model = read_model(checked_parameters(values).model)
    with cluster(args.workers or len(os.sched_getaffinity(0))) as (workers, threads):
        outcome = replay_fleet(
            args.fleet, Work(values, model.sha256, threads, args.image), report / 'pieces',
            workers, progress=Progress('MB'))
    bags = evaluations(outcome, model.labels)
    summary = summary_of(args.fleet, outcome, bags, model, args.image, workers)
    write_fleet_report(report / REPORT_NAME, summary, bags, model)
    write_json(args.json, summary)
    _print(summary)
    print(f'report: {(report / REPORT_NAME).absolute()}')
    return _FAILED if outcome.failed else 0


def _refuse_options_of_one_bag(args: argparse.Namespace) -> None:
    from road_seg.errors import ConfigError
    given = [name for name in _OF_ONE_BAG if getattr(args, name)]
    if given:
        raise ConfigError('--fleet', found=f'also {", ".join(given)}', expected='it alone',
                          fix='leave them out, or replay one bag')


def _print(summary: dict) -> None:
    """Print the scores of all bags together, a line for each bag, and what it cost."""
    from road_seg.cli.output import print_measured
    print(f'{"frames":>8}{"mIoU":>8}{"flicker":>9}  bag')
    for row in summary['bags']:
        numbers = ''.join(f'{"-":>{width}}' if row[name] is None else f'{row[name]:>{width}.4f}'
                          for name, width in (('miou', 8), ('flicker', 9)))
        damage = f' (damaged: {row["loss"]})' if row['loss'] else ''
        print(f'{row["frames"]:>8}{numbers}  {row["bag"]}{damage}')
    print_measured(summary)
    cost = summary['cost']
    frames, bags = _counted(summary['frames'], 'frame'), _counted(len(summary['bags']), 'bag')
    print(f'{frames} of {bags} in {_counted(cost["pieces"], "piece")}, {cost["reused"]} of an '
          f'earlier run, {cost["retried"]} tries repeated, {cost["failed"]} failed')
    print(f'{cost["wall_s"]:.1f} s, {cost["worker_s"]:.1f} s of '
          f'{_counted(cost["workers"], "worker")}, {cost["frames_per_s"]:.1f} frames/s')
    for row in summary['failed']:
        print(f'could not be read: {row["error"]}')


def _counted(count: int, noun: str) -> str:
    return f'{count} {noun}' if count == 1 else f'{count} {noun}s'
