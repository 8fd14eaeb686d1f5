"""`road-seg label`: pseudo-labels for unlabelled pictures."""

import argparse
from contextlib import nullcontext
from pathlib import Path

from road_seg.cli.numbers import count


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        'label', help='let a road network label pictures for training',
        description="Write pictures with what Open Model Zoo's road-segmentation-adas-0001 is "
                    'sure of (road, kerb, anything else; the rest is ignored) as a data set for '
                    'the adapter pseudo_road. A second model may tell apart what is not road.',
        epilog='example: road-seg label drive.mp4 stills/ --teacher '
               'road-segmentation-adas-0001.xml --every 3 --out generated/pseudo_road')
    parser.add_argument('sources', type=Path, nargs='+', metavar='PATH',
                        help='videos and folders of images')
    parser.add_argument('--teacher', type=Path, required=True, metavar='XML',
                        help='OpenVINO IR file of the teacher')
    parser.add_argument('--second-model', metavar='MODEL',
                        help='model file or name whose class, where it is sure of it, says what '
                             'is not road (default: nothing does)')
    parser.add_argument('--every', type=count, default=1, metavar='N',
                        help='take each Nth picture (default %(default)s)')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder to make')


def run(args: argparse.Namespace) -> int:
    """Label and say how many."""
    from road_seg.backends import open_backend
    from road_seg.backends import read_model
    from road_seg.bags import sources
    from road_seg.cli.progress import Progress
    from road_seg.pipeline import Segmenter
    from road_seg.training.pseudo_labels import Teacher
    from road_seg.training.pseudo_labels import write_pseudo_labels
    named = [(f'{number:02d}_{path.stem}',
              sources.image_folder(path) if path.is_dir() else sources.video(path))
             for number, path in enumerate(args.sources)]
    teacher = Teacher(args.teacher)
    with (open_backend(read_model(args.second_model)) if args.second_model
          else nullcontext()) as backend:
        second = Segmenter(backend, grid_spec=None) if backend else None
        written = write_pseudo_labels(named, teacher, args.every, args.out, Progress('picture'),
                                      second)
    print(f'wrote {args.out}: {written} pictures with pseudo-labels')
    return 0
