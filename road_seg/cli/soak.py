"""`road-seg soak`: run the live node for long and inject faults."""

import argparse
from pathlib import Path

from road_seg.cli.numbers import positive_below
from road_seg.cli.numbers import seed
from road_seg.cli.replay import add_node_options

_SIZE, _HFOV_DEG, _RATE_HZ = (1280, 720), 60.0, 30.0
_FRAMES = 7  # no multiple of it lies between two looks at the images, 3 or 4 frames
_REPORT_NAME = 'soak.html'


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        'soak', help='run the live node for long, inject faults, watch memory and threads',
        description='Send drawn 1280x720 frames at 30 Hz to the node in a process of its own and '
                    'inject one fault after the other, with healthy time between. Exit status 1 '
                    'if a fault is not found in time, does not end, lets an output through that '
                    'must not be there, if something is reported without a fault, or if memory '
                    'or threads are not flat.',
        epilog='example: road-seg soak --minutes 30 --report reports/soak --json soak.json')
    parser.add_argument('--minutes', type=positive_below(100_000.0), required=True, metavar='N',
                        help='how long; a round of all faults takes about a minute and a half')
    parser.add_argument('--seed', type=seed, default=0, metavar='S',
                        help='of the order of the faults (default %(default)s)')
    parser.add_argument('--found-within', type=float, default=2.0, metavar='S',
                        help='longest time until a fault is reported, seconds (default '
                             '%(default)g); a machine busy with other work needs more')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write everything as JSON')
    parser.add_argument('--report', type=Path, metavar='DIR',
                        help=f'folder of the page {_REPORT_NAME}')
    add_node_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run, print the table, say whether all is well."""
    import cv2

    from road_seg.backends import default_model
    from road_seg.calibration import CameraInfo
    from road_seg.cli.output import write_json
    from road_seg.cli.progress import Progress
    from road_seg.cli.replay import node_parameters
    from road_seg.ros.fault_camera import Loop
    from road_seg.ros.soak import run_soak
    from road_seg.soak.faults import FAULTS
    from road_seg.soak.report import write_soak_report
    from road_seg.soak.schedule import schedule
    from road_seg.soak.summary import summary
    from road_seg.soak.table import markdown
    from road_seg.world.drive import drive
    parameters = {'model': str(default_model()), **node_parameters(args)}
    frames = [cv2.resize(frame.rgb, _SIZE) for frame in drive('straight', _FRAMES)]
    loop = Loop(frames, CameraInfo.nominal(*_SIZE, hfov_deg=_HFOV_DEG), _RATE_HZ)
    record, values = run_soak(loop, schedule(FAULTS, args.seed), 60.0 * args.minutes, parameters,
                              Progress('second'))
    result = {'minutes': args.minutes, 'seed': args.seed, 'found_within_s': args.found_within,
              'model_sha256': values['model sha256'], 'backend': values['backend'],
              **summary(record, args.found_within)}
    print(markdown(result))
    write_json(args.json, result)
    if args.report:
        page = args.report / _REPORT_NAME
        write_soak_report(page, result)
        print(f'report: {page.absolute()}')
    return 0 if result['passed'] else 1
