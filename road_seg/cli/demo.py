"""`road-seg demo`: a drive through the live node and a report, in one command."""

import argparse
from pathlib import Path

from road_seg.cli.replay import add_node_options


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        'demo', help='see the whole system work on a sample drive',
        description='Make a drive from a public sample clip, replay it through the live ROS 2 '
                    'node and write a report. Earlier results in the folder are replaced.',
        epilog='example: road-seg demo --out demo')
    parser.add_argument('--out', type=Path, default=Path('demo'), metavar='DIR',
                        help='folder of the results (default %(default)s)')
    add_node_options(parser)


def run(args: argparse.Namespace) -> int:
    """Sample, replay and say where the report is."""
    from road_seg.bags.clip import sample_clip
    from road_seg.bags.sample import record
    from road_seg.cli.progress import Progress
    from road_seg.cli.replay import replay
    source, notes = sample_clip()
    print('\n'.join(notes))
    bag = args.out / 'drive'
    progress = Progress('recording frame')
    recording = record(source, bag, overwrite=True,
                       progress=lambda done: progress(done, source.count))
    print(f'wrote {bag}: {recording.frames} frames, {recording.labelled} with truth, '
          f'camera {recording.camera}')
    replay(args, bag, args.out / 'report', args.out / 'report' / 'outputs', overwrite=True)
    return 0
