"""`road-seg score`: score a model on a labelled data set."""

import argparse
from pathlib import Path

from road_seg.cli.numbers import count
from road_seg.cli.numbers import seed


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        'score', help='score a model on a labelled data set or on a drawn drive',
        description='Score a model on a labelled data set, each image at its own resolution, '
                    'all in one confusion matrix. A pixel labelled with several possible '
                    'classes counts as right if the prediction is one of them, else as the '
                    'first; a class that is never labelled by itself is not scored.',
        epilog='example: road-seg score ../shared/data/camvid --adapter camvid --split val')
    parser.add_argument('folder', type=Path, nargs='?', metavar='DIR',
                        help='folder of the data set')
    parser.add_argument('--adapter', metavar='NAME',
                        help='data set adapter: a name or a YAML file')
    parser.add_argument('--split', default='val', metavar='NAME',
                        help='split of the data set (default %(default)s)')
    parser.add_argument('--world', metavar='SCENE',
                        help='score masks and grids on a drawn drive instead')
    parser.add_argument('--frames', type=count, default=200, metavar='N',
                        help='frames of the drawn drive (default %(default)s)')
    parser.add_argument('--seed', type=seed, default=0, metavar='S',
                        help='seed of the drawn drive (default %(default)s)')
    parser.add_argument('--true-mask', action='store_true',
                        help="score the grids of the drawn drive's true masks, without a network")
    parser.add_argument('--pitch-error', type=float, default=0.0, metavar='DEG',
                        help='give the grid a pitch that is wrong by so many degrees')
    parser.add_argument('--pitch-uncertainty', type=float, metavar='DEG',
                        help='pitch uncertainty the grid reckons with, degrees (default: the '
                             "node's)")
    parser.add_argument('--model', type=Path, metavar='M',
                        help='ONNX model (default: the shipped one)')
    parser.add_argument('--backend', default='auto', metavar='B',
                        help='inference backend (default %(default)s)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the scores as JSON')
    parser.add_argument('--report', type=Path, metavar='DIR',
                        help='write a page with scores, confidence and the worst images')


def run(args: argparse.Namespace) -> int:
    """Score and print a table."""
    if (args.world is None) == (args.folder is None):
        raise _choose('both' if args.world else 'neither')
    if args.world is None and args.adapter is None:
        raise _choose('a folder without --adapter')
    return _score_world(args) if args.world else _score_data_set(args)


def _choose(found: str) -> Exception:
    from road_seg.errors import ConfigError
    return ConfigError('score', found=found, expected='DIR --adapter NAME, or --world SCENE',
                       fix='name one thing to score')


def _score_data_set(args: argparse.Namespace) -> int:
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


def _score_world(args: argparse.Namespace) -> int:
    from contextlib import nullcontext

    from road_seg.backends import default_model
    from road_seg.backends import open_backend
    from road_seg.backends import read_model
    from road_seg.cli.output import print_grid_scores
    from road_seg.cli.output import print_scores
    from road_seg.cli.output import write_json
    from road_seg.cli.progress import Progress
    from road_seg.grid import GridRules
    from road_seg.replay.world import score_world
    rules = GridRules() if args.pitch_uncertainty is None else GridRules(
        pitch_uncertainty_deg=args.pitch_uncertainty)
    with nullcontext() if args.true_mask else open_backend(
            read_model(args.model or default_model()), args.backend) as backend:
        summary = score_world(args.world, args.frames, args.seed, backend, rules,
                              args.pitch_error, Progress('frame'))
    if backend:
        print_scores(summary)
    print_grid_scores(summary['grid'])
    write_json(args.json, summary)
    return 0
