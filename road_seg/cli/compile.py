"""`road-seg compile`: compile a model for NVIDIA GPUs before a vehicle needs it."""

import argparse
from pathlib import Path

_PRECISIONS = ('fp16', 'int8', 'fp32')
_FLAVOURS = ('tensorrt', 'tensorrt_rtx')


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        'compile', help='compile a model with TensorRT, ahead of its first use',
        description='Compile a model with TensorRT and keep the engine in the cache of this '
                    'user, where the backend looks for it. The backend compiles what is missing '
                    'by itself; this does it beforehand. tensorrt_rtx needs no GPU for it.',
        epilog='example: road-seg compile road_unet.onnx --flavour tensorrt_rtx --target sm_86')
    parser.add_argument('model', type=Path, metavar='MODEL', help='ONNX model file')
    parser.add_argument('--precision', choices=_PRECISIONS,
                        help='of the engine; int8 for an INT8 model and for no other '
                             '(default: int8 if the model is, else fp16)')
    parser.add_argument('--flavour', choices=_FLAVOURS,
                        help="NVIDIA's package to compile with (default: the one installed)")
    parser.add_argument('--target', nargs='+', metavar='SM', default=[None],
                        help='compute capability to compile for, as sm_86 or portable (8.0 and '
                             "later); several make several engines (default: the GPU's, "
                             'portable without one)')


def run(args: argparse.Namespace) -> int:
    """Compile what is not in the cache and say where it lies."""
    from road_seg.backends import read_model
    from road_seg.backends.tensorrt_engine import compile_model
    from road_seg.backends.tensorrt_engine import engine_key
    from road_seg.backends.tensorrt_engine import load_flavour
    from road_seg.cli.progress import Status
    model = read_model(args.model)
    trt = load_flavour(args.flavour)
    for key in [engine_key(model, trt, args.precision, target) for target in args.target]:
        status = Status()
        done = compile_model(trt, model, key, status)
        status.end()
        how = 'already there' if done.seconds is None else f'compiled in {done.seconds:.1f} s'
        print(f'{done.path}: {how}, {key.precision} for {key.target}, '
              f'{len(done.content) / 1e6:.1f} MB, {key.flavour} {key.version}')
    return 0
