"""`road-seg doctor`: say what works on this machine."""

import argparse
from dataclasses import asdict
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        'doctor', help='say what works on this machine and how to fix what does not',
        description='Try everything the package can use. The exit status is 0 if the main job '
                    'works: camera images in, mask and grid out over ROS 2.',
        epilog='example: road-seg doctor --json doctor.json')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the findings as JSON')


def run(args: argparse.Namespace) -> int:
    """Examine the machine and print a table."""
    from road_seg import __version__
    from road_seg.cli.output import write_json
    from road_seg.doctor import examine
    from road_seg.doctor import main_job_works
    checks = examine()
    works = main_job_works(checks)
    for is_needed, title in ((True, 'Needed for the main job'), (False, 'Optional')):
        print(title)
        for check in checks:
            if check.is_needed == is_needed:
                mark = 'ok' if check.works else 'FAIL' if is_needed else '-'
                print(f'  {mark:<5}{check.name:<12}{check.found}')
                if check.fix:
                    print(f'{"":<19}-> {check.fix}')
    print(f'The main job {"works" if works else "does NOT work"} here (road_seg {__version__}).')
    write_json(args.json, {'version': __version__, 'main_job_works': works,
                           'checks': [asdict(check) for check in checks]})
    return 0 if works else 1
