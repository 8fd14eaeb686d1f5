"""`road-seg export`: write a trained network as an ONNX model file."""

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        'export', help='write a trained network as an ONNX model file',
        epilog='example: road-seg export runs/road_unet/checkpoint.safetensors '
               '--out road_unet.onnx')
    parser.add_argument('checkpoint', type=Path, help='checkpoint.safetensors of a run')
    parser.add_argument('--out', type=Path, required=True, metavar='MODEL',
                        help='the ONNX file to write')


def run(args: argparse.Namespace) -> int:
    """Export and say what was written."""
    from road_seg.export.onnx_export import export
    from road_seg.training.checkpoint import Checkpoint
    model = export(Checkpoint.load(args.checkpoint), args.out)
    print(f'wrote {model.path}: input {model.height}x{model.width}, '
          f'classes {", ".join(model.labels.names)}, sha256 {model.sha256[:12]}')
    return 0
