"""`road-seg`: one command with a sub-command for each job."""

import argparse
from collections.abc import Sequence
from importlib import import_module
import signal
import sys
from types import FrameType

from road_seg import __version__
from road_seg.errors import RoadSegError

# Each module has add_parser(subparsers) and run(args) -> exit status, and imports what is heavy
# only in run, so that `road-seg --help` is quick and works without ROS and torch.
COMMANDS = ('demo', 'sample', 'replay', 'score', 'train', 'export', 'doctor')

_BAD_INPUT = 2
# Optional package -> the extra of this package that installs it.
_EXTRAS = {'rclpy': 'ros', 'rosbags': 'bags', 'torch': 'train', 'onnx': 'train',
           'safetensors': 'train'}
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the command line.

    :param arguments: words after the program's name; those of the process without it.
    :return: 0 good, 1 a gate failed, 2 bad input.
    """
    parser = _parser()
    args = parser.parse_args(arguments)
    # Without this, `kill` would end us without stopping the node or removing temporary files.
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return args.run(args)
    except (RoadSegError, OSError, ModuleNotFoundError) as error:
        if args.debug:
            raise
        print(f'road-seg: error: {_one_line(error)}', file=sys.stderr)
        return _BAD_INPUT
    except KeyboardInterrupt:
        return _interrupted()
    except Exception as error:
        # C code of rclpy that is interrupted raises errors of its own over it.
        if isinstance(error.__cause__ or error.__context__, KeyboardInterrupt):
            return _interrupted()
        raise


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='road-seg', description='Road segmentation: train, evaluate and replay.',
        epilog='example: road-seg demo')
    parser.add_argument('--version', action='version', version=f'road-seg {__version__}')
    subparsers = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    for name in COMMANDS:
        module = import_module(f'road_seg.cli.{name}')
        module.add_parser(subparsers)
        command = subparsers.choices[name]
        command.add_argument('--debug', action='store_true', help='show a traceback on errors')
        command.set_defaults(run=module.run)
    return parser


def _interrupted() -> int:
    print('road-seg: interrupted', file=sys.stderr)
    return _INTERRUPTED


def _one_line(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        package = str(error.name).partition('.')[0]
        extra = _EXTRAS.get(package)
        return (f'Python package {package}: found no such package; expected it for this '
                f'command; pip install {f"road_seg[{extra}]" if extra else package}')
    return ' '.join(str(error).split())


def _terminate(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == '__main__':
    sys.exit(main())
