"""`road-seg label`: pseudo-labels for unlabelled pictures."""

import argparse
from contextlib import nullcontext
from pathlib import Path

from road_seg.cli.numbers import count


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        'label', help='let networks label pictures for training',
        description="Write pictures with what networks are sure of, the rest ignored, as a data "
                    'set for the adapter pseudo_road. With --model alone: its classes. With '
                    "--teacher, Open Model Zoo's road-segmentation-adas-0001: road, kerb and "
                    'anything else, which --model tells apart if it is given too.',
        epilog='example: road-seg label drive.mp4 stills/ --teacher '
               'road-segmentation-adas-0001.xml --every 3 --out generated/pseudo_road')
    parser.add_argument('sources', type=Path, nargs='+', metavar='PATH',
                        help='videos and folders of images')
    parser.add_argument('--teacher', type=Path, metavar='XML',
                        help='OpenVINO IR file of the teacher')
    parser.add_argument('--model', metavar='MODEL', help='model file or name')
    parser.add_argument('--every', type=count, default=1, metavar='N',
                        help='take each Nth picture (default %(default)s)')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder to make')


def run(args: argparse.Namespace) -> int:
    """Label and say how many."""
    from road_seg.backends import open_backend
    from road_seg.backends import read_model
    from road_seg.bags import sources
    from road_seg.cli.progress import Progress
    from road_seg.errors import InputError
    from road_seg.pipeline import Segmenter
    from road_seg.training.pseudo_labels import Teacher
    from road_seg.training.pseudo_labels import write_pseudo_labels
    if not (args.teacher or args.model):
        raise InputError('label', found='neither --teacher nor --model',
                         expected='at least one of them', fix='name a network that labels')
    named = [(f'{number:02d}_{path.stem}',
              sources.image_folder(path) if path.is_dir() else sources.video(path))
             for number, path in enumerate(args.sources)]
    teacher = Teacher(args.teacher) if args.teacher else None
    with open_backend(read_model(args.model)) if args.model else nullcontext() as backend:
        model = Segmenter(backend, grid_spec=None) if backend else None
        written = write_pseudo_labels(named, args.every, args.out, teacher=teacher, model=model,
                                      progress=Progress('picture'))
    print(f'wrote {args.out}: {written} pictures with pseudo-labels')
    return 0
