"""`road-seg score`: score a model on a labelled data set."""

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        'score', help='score a model on a labelled data set',
        description='Score a model on a labelled data set, each image at its own resolution, '
                    'all in one confusion matrix. A pixel labelled with several possible '
                    'classes counts as right if the prediction is one of them, else as the '
                    'first.',
        epilog='example: road-seg score ../shared/data/camvid --adapter camvid --split val')
    parser.add_argument('folder', type=Path, metavar='DIR', help='folder of the data set')
    parser.add_argument('--adapter', required=True, metavar='NAME',
                        help='data set adapter: a name or a YAML file')
    parser.add_argument('--split', default='val', metavar='NAME',
                        help='split of the data set (default %(default)s)')
    parser.add_argument('--model', type=Path, metavar='M',
                        help='ONNX model (default: the shipped one)')
    parser.add_argument('--backend', default='auto', metavar='B',
                        help='inference backend (default %(default)s)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the scores as JSON')
    parser.add_argument('--report', type=Path, metavar='DIR',
                        help='write a page with scores, confidence and the worst images')


def run(args: argparse.Namespace) -> int:
    """Score and print a table."""
    from road_seg.backends import default_model
    from road_seg.backends import open_backend
    from road_seg.backends import read_model
    from road_seg.cli.output import print_scores
    from road_seg.cli.output import print_thresholds
    from road_seg.cli.output import write_json
    from road_seg.cli.progress import Progress
    from road_seg.replay.dataset import REPORT_NAME
    from road_seg.replay.dataset import score_data_set
    model = read_model(args.model or default_model())
    with open_backend(model, args.backend) as backend:
        summary = score_data_set(args.folder, args.adapter, args.split, backend,
                                 Progress('image'), args.report)
    print_scores(summary)
    print(f'calibration error {summary["ece"]:.4f}, {summary["frames"]} images, '
          f'backend {summary["backend"]}')
    print_thresholds(summary['thresholds'])
    write_json(args.json, summary)
    if args.report:
        print(f'report: {(args.report / REPORT_NAME).absolute()}')
    return 0
