"""`road-seg export`: write a trained network as an ONNX model file."""

import argparse
from pathlib import Path

from road_seg.cli.numbers import image_size

_SET = ('ADAPTER', 'DIR', 'SPLIT')


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        'export', help='write a trained network as an ONNX model file',
        description='Write a checkpoint, or an exported float model, as a model file. With '
                    '--validate its confidence is calibrated on labelled sets and its scores '
                    'are written into it; with --int8 it is quantised as well, and refused if '
                    'that costs more than 0.005 mIoU on one of the sets.',
        epilog='example: road-seg export runs/road_unet/checkpoint.safetensors --int8 '
               '--calibrate camvid ../shared/data/camvid train '
               '--validate camvid ../shared/data/camvid val --out road_unet.onnx')
    parser.add_argument('source', type=Path, metavar='CHECKPOINT',
                        help='checkpoint.safetensors of a run, or a float ONNX model')
    parser.add_argument('--out', type=Path, required=True, metavar='MODEL',
                        help='the ONNX file to write; with the suffix .safetensors, the weights '
                             'alone, for other runs to start from (`pretrained`)')
    parser.add_argument('--int8', action='store_true', help='quantise to INT8')
    parser.add_argument('--calibrate', nargs=3, action='append', default=[], metavar=_SET,
                        help='data set whose images give the INT8 ranges (repeatable); a split '
                             'that was trained on')
    parser.add_argument('--validate', nargs=3, action='append', default=[], metavar=_SET,
                        help='data set that calibrates the confidence and judges the model '
                             '(repeatable); a split that was not trained on')
    parser.add_argument('--images', type=int, default=300, metavar='N',
                        help='images for the INT8 ranges (default %(default)s)')
    parser.add_argument('--keep-float', action='append', default=[], metavar='LAYER',
                        help='leave a layer out of INT8 (repeatable)')
    parser.add_argument('--camera-size', type=image_size, metavar='WIDTHxHEIGHT',
                        help='let an exported model take images of this size and answer in it, '
                             'so that a GPU does the resizing; CPUs are faster without')


def run(args: argparse.Namespace) -> int:
    """Export and say what was written."""
    if args.out.suffix == '.safetensors':
        return _write_weights(args)
    model = _with_camera_input(args) if args.camera_size else _export(args)
    print(f'wrote {model.path}: input {model.height}x{model.width}, '
          f'classes {", ".join(model.labels.names)}, sha256 {model.sha256[:12]}')
    return 0


def _write_weights(args: argparse.Namespace) -> int:
    from road_seg.errors import ConfigError
    from road_seg.training.checkpoint import Checkpoint
    if args.validate or args.int8 or args.calibrate or args.keep_float or args.camera_size:
        raise ConfigError('--out', found=f'{args.out} with options of an ONNX file',
                          expected='an ONNX file', fix='export weights without other options')
    Checkpoint.load(args.source).weights().save(args.out)
    print(f'wrote {args.out}: start a run from it with `pretrained: {args.out}`')
    return 0


def _with_camera_input(args: argparse.Namespace) -> object:
    from road_seg.backends import read_model
    from road_seg.errors import ConfigError
    from road_seg.export.camera_input import export_camera_input
    if args.validate or args.int8 or args.source.suffix != '.onnx':
        raise ConfigError('--camera-size', found='a checkpoint, --int8 or --validate',
                          expected='a model file and nothing else',
                          fix='export the model first, then give it a camera input')
    width, height = args.camera_size
    return export_camera_input(read_model(args.source), args.out, height, width)


def _export(args: argparse.Namespace) -> object:
    from road_seg.errors import ConfigError
    from road_seg.export.deploy import export_model
    if args.int8 and not (args.calibrate and args.validate):
        raise ConfigError('--int8', found='no --calibrate or no --validate', expected='both',
                          fix='name data sets, as the example of --help does')
    if not args.int8 and (args.calibrate or args.keep_float):
        raise ConfigError('--calibrate, --keep-float', found='no --int8', expected='it',
                          fix='add --int8')
    if args.images < 2:
        raise ConfigError('--images', found=str(args.images), expected='2 or more',
                          fix='correct the number')
    return export_model(args.source, args.out, args.validate, calibrate=args.calibrate,
                        images=args.images, keep_float=args.keep_float,
                        report=lambda line: print(line, flush=True))
