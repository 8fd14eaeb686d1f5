"""`road-seg compare`: decide between two runs over the same bag."""

import argparse
from pathlib import Path

_FAILED = 1


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        'compare', help='compare two replays of the same bag, and pass or fail a gate',
        description='Compare two files of `road-seg replay --json`: what B is better or worse '
                    'in than A over the same frames, with 95 % bootstrap intervals, and the '
                    'frames that got worst. Exit status 1 if a limit of the gate is broken.',
        epilog='example: road-seg compare old.json new.json --gate gate.yaml --report compared')
    parser.add_argument('a', type=Path, metavar='A', help='summary of the run to compare with')
    parser.add_argument('b', type=Path, metavar='B', help='summary of the run to judge')
    parser.add_argument('--gate', type=Path, metavar='YAML',
                        help='list of limits, each {metric: NAME, minimum|maximum|no_regression: '
                        'NUMBER}')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the result as JSON, and '
                        "the gate's as JUnit XML beside it (.xml)")
    parser.add_argument('--report', type=Path, metavar='DIR',
                        help='write a page with the worst regressions first')


def run(args: argparse.Namespace) -> int:
    """Compare, print, write and judge."""
    from dataclasses import asdict

    from road_seg.cli.output import write_json
    from road_seg.replay.compare import differences
    from road_seg.replay.compare import read_gate
    from road_seg.replay.compare import Run
    from road_seg.replay.compare import write_junit
    a, b = Run.load(args.a), Run.load(args.b)
    limits = read_gate(args.gate) if args.gate else []
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
    if args.report:
        from road_seg.replay.compare_report import write_compare_report
        print(f'report: {write_compare_report(args.report, a, b, found, checked).absolute()}')
    write_json(args.json, {'a': str(args.a), 'b': str(args.b), 'frames': len(a.stamps),
                           'differences': [{**asdict(each), 'change': each.change}
                                           for each in found], 'failures': failures})
    if args.json:
        write_junit(args.json.with_suffix('.xml'), checked)
    return _FAILED if failures else 0
