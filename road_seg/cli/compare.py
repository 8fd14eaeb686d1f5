"""`road-seg compare`: decide between two runs, or two models, over the same frames."""

import argparse
from pathlib import Path

from road_seg.cli.replay import add_node_options
from road_seg.cli.replay import IN_PROCESS
from road_seg.cli.replay import replay

_FAILED = 1
_REPORT = Path('reports', 'compare')


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        'compare', help='compare two runs or models over the same frames, and pass or fail a gate',
        description='Compare two files of `road-seg replay --json` or `road-seg score --json`, '
                    'or with --bag two models: what B is better or worse in than A over the same '
                    'frames, with 95 % bootstrap intervals, and the frames that got worst. Exit '
                    'status 1 if a limit of the gate is broken.',
        epilog='example: road-seg compare old.json new.json --gate gate.yaml --report compared')
    parser.add_argument('a', type=Path, metavar='A', help='run or model to compare with')
    parser.add_argument('b', type=Path, metavar='B', help='run or model to judge')
    parser.add_argument('--bag', type=Path, metavar='BAG',
                        help='A and B are models: replay this bag in this process with each; '
                        f'runs and report go to the folder of --report (default {_REPORT})')
    parser.add_argument('--force', action='store_true',
                        help='replace the bags of answers of an earlier comparison')
    parser.add_argument('--gate', type=Path, metavar='YAML',
                        help='list of limits, each {metric: NAME, minimum|maximum|no_regression: '
                        'NUMBER}')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the result as JSON, and '
                        "the gate's as JUnit XML beside it (.xml)")
    parser.add_argument('--report', type=Path, metavar='DIR',
                        help='write a page with the worst regressions first')
    add_node_options(parser, with_model=False)


def _replayed(args: argparse.Namespace, folder: Path) -> tuple[Path, Path]:
    """Replay the bag with both models; return the summaries."""
    summaries = folder / 'a.json', folder / 'b.json'
    for name, model, summary in zip('AB', (args.a, args.b), summaries, strict=True):
        print(f'{name}: {model}')
        run_folder = summary.with_suffix('')
        replay(argparse.Namespace(**{**vars(args), 'model': model}), args.bag, run_folder,
               run_folder / 'outputs', mode=IN_PROCESS, json_path=summary, overwrite=args.force)
    return summaries


def run(args: argparse.Namespace) -> int:
    """Compare, print, write and judge."""
    from dataclasses import asdict

    from road_seg.cli.output import write_json
    from road_seg.replay.compare import differences
    from road_seg.replay.compare import read_gate
    from road_seg.replay.compare import Run
    from road_seg.replay.compare import write_junit
    limits = read_gate(args.gate) if args.gate else []
    report = args.report or (_REPORT if args.bag else None)
    a, b = map(Run.load, _replayed(args, report) if args.bag else (args.a, args.b))
    found = differences(a, b)
    checked = [(limit, limit.failure(a, b)) for limit in limits]
    print(f'{"metric":<16}{"A":>8}{"B":>8}{"B - A":>9}   95 % interval')
    for each in found:
        print(f'{each.metric:<16}{each.a:>8.4f}{each.b:>8.4f}{each.change:>+9.4f}   '
              f'{each.low:+.4f} .. {each.high:+.4f}')
    failures = [failure for _, failure in checked if failure]
    for failure in failures:
        print(f'gate: {failure}')
    if limits:
        print(f'gate: {len(limits) - len(failures)} of {len(limits)} limits kept')
    if report:
        from road_seg.replay.compare_report import write_compare_report
        print(f'report: {write_compare_report(report, a, b, found, checked).absolute()}')
    write_json(args.json, {'a': str(args.a), 'b': str(args.b), 'frames': len(a.frames),
                           'differences': [{**asdict(each), 'change': each.change}
                                           for each in found], 'failures': failures})
    if args.json:
        write_junit(args.json.with_suffix('.xml'), checked)
    return _FAILED if failures else 0
