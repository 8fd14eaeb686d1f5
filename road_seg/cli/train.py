"""`road-seg train`: train a network."""

import argparse
from pathlib import Path

from road_seg.resources import data_dir

# Where `make train-data` puts what it draws and labels.
MADE = Path('generated')


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        'train', help='train a network on images with class-id masks',
        description='Train to the last step of a configuration, scoring and writing checkpoints '
                    'on the way. A run that was stopped goes on where its checkpoint is. Under '
                    'torchrun, processes share each batch. TensorBoard shows the folder.',
        epilog='example: road-seg train config/train/road_unet.yaml --out runs/road_unet')
    parser.add_argument('config', type=Path, help='training configuration, YAML')
    parser.add_argument('--out', type=Path, metavar='DIR',
                        help='folder of the run (default runs/NAME OF CONFIG); a run found there '
                             'is resumed')
    parser.add_argument('--data', type=Path, metavar='DIR', nargs='+', default=[data_dir(), MADE],
                        help='folders the data sets are looked up in (default: $ROAD_SEG_DATA, '
                             f'else ../shared/data; then {MADE})')
    parser.add_argument('--leave-out', metavar='ADAPTER',
                        help='train on all data sets but those of this adapter, to measure what '
                             'the network makes of a domain it never saw')


def run(args: argparse.Namespace) -> int:
    """Train to the end."""
    from road_seg.training.distributed import process_group
    with process_group():
        _train(args)  # its objects are gone before the processes part
    return 0


def _train(args: argparse.Namespace) -> None:
    from road_seg.training.config import load_config
    from road_seg.training.trainer import Trainer
    config, name = load_config(args.config), args.config.stem
    if args.leave_out:
        config, name = config.without(args.leave_out), f'{name}_without_{args.leave_out}'
    trainer = Trainer(config, args.data, args.out or Path('runs') / name,
                      report=lambda line: print(line, flush=True))
    trainer.run()
    trainer.report(f'wrote {trainer.path}; next: road-seg export {trainer.path} '
                   '--out MODEL.onnx')
