"""`road-seg check`: find what is wrong with a labelled data set."""

import argparse
from contextlib import nullcontext
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        'check', help='find what is wrong with a labelled data set',
        description='Read every image of a split with its mask, list missing masks, ids outside '
                    'the map, sizes that differ and unreadable files, and say how many pixels '
                    'each class has. Exit status 1 if anything is wrong.',
        epilog='example: road-seg check ../shared/data/camvid --adapter camvid --split train '
               '--sheet camvid.png')
    parser.add_argument('folder', type=Path, metavar='DIR', help='folder of the data set')
    parser.add_argument('--adapter', required=True, metavar='NAME',
                        help='data set adapter: a name or a YAML file')
    parser.add_argument('--split', default='train', metavar='NAME',
                        help='split of the data set (default %(default)s)')
    parser.add_argument('--sheet', type=Path, metavar='PNG',
                        help='write a contact sheet of images with their labels')
    parser.add_argument('--shards', type=Path, metavar='DIR',
                        help='write the images that can be used, with their masks, as tar shards '
                             'of a new folder; it can be trained on like the first one')


def run(args: argparse.Namespace) -> int:
    """Check and print the findings."""
    from road_seg.cli.progress import Progress
    from road_seg.data.adapter import DatasetAdapter
    from road_seg.data.check import check_data_set
    from road_seg.data.shards import create_shards
    adapter = DatasetAdapter.load(args.adapter)
    with create_shards(args.shards, args.split) if args.shards else nullcontext() as keep:
        findings = check_data_set(adapter, args.folder, args.split, args.sheet,
                                  Progress('image'), keep)
    for problem in findings.problems:
        print(problem)
    for name, share in findings.shares(adapter).items():
        print(f'{name:<28}{100 * share:>7.2f} % of the pixels')
    print(f'{findings.images} images to use, {len(findings.problems)} with a problem')
    return 1 if findings.problems else 0

