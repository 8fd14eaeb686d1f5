"""`road-seg`: one command with a sub-command for each job."""

import argparse
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
import faulthandler
from importlib import import_module
import signal
import sys
import threading
from types import FrameType

from road_seg import __version__
from road_seg.errors import RoadSegError

# Each module has add_parser(subparsers) and run(args) -> exit status, and imports what is heavy
# only in run, so that `road-seg --help` is quick and works without ROS and torch.
COMMANDS = ('demo', 'sample', 'replay', 'compare', 'score', 'check', 'label', 'train', 'export',
            'compile', 'bench', 'soak', 'doctor')

_BAD_INPUT = 2
# Stopping a replay's node may take 15 s.
_GRACE_S = 30
_AGAIN_S = 0.01
_USER_ERRORS = (RoadSegError, OSError, ModuleNotFoundError)
# Optional package -> the extra of this package that installs it.
_EXTRAS = {'rclpy': 'ros', 'rosbags': 'bags', 'torch': 'train', 'onnx': 'train',
           'safetensors': 'train', 'ray': 'fleet', 'fsspec': 'fleet'}


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the command line.

    :param arguments: words after the program's name; those of the process without it.
    :return: 0 good, 1 a gate failed, 2 bad input, 128 + number of the signal that ended it.
    """
    parser = _parser()
    args = parser.parse_args(arguments)
    with _interruptible() as received:
        try:
            return args.run(args)
        except (KeyboardInterrupt, Exception) as error:
            # Whatever it is: C code that is interrupted raises errors of its own over it.
            if received:
                print('road-seg: interrupted', file=sys.stderr)
                return 128 + received[0]
            if args.debug or not isinstance(error, _USER_ERRORS):
                raise
            print(f'road-seg: error: {_one_line(error)}', file=sys.stderr)
            return _BAD_INPUT


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


@contextmanager
def _interruptible() -> Iterator[list[int]]:
    """
    Make SIGTERM raise KeyboardInterrupt as SIGINT does, so that `kill` also cleans up.

    An interruption amid a __del__, or as a generator is dropped, is lost; it is repeated.

    SIGALRM ends the process when that takes longer than _GRACE_S, for a library may hang in it,
    and shows where each thread is.

    :return: the numbers of the signals received so far.
    """
    received: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        received.append(number)
        signal.alarm(_GRACE_S)
        raise KeyboardInterrupt

    def repeat(lost: 'sys.UnraisableHookArgs') -> None:
        if lost.exc_type is KeyboardInterrupt and received:
            threading.Timer(_AGAIN_S, signal.pthread_kill,
                            (threading.main_thread().ident, received[-1])).start()
        else:
            report(lost)

    report, sys.unraisablehook = sys.unraisablehook, repeat
    # A SIGINT that the caller ignores, as shells do for background jobs, stays ignored.
    before = {number: signal.signal(number, interrupt)
              for number in (signal.SIGINT, signal.SIGTERM)
              if signal.getsignal(number) is not signal.SIG_IGN}
    faulthandler.register(signal.SIGALRM, sys.__stderr__, chain=True)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if received:
            signal.alarm(0)
        faulthandler.unregister(signal.SIGALRM)
        sys.unraisablehook = report


def _one_line(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        package = str(error.name).partition('.')[0]
        extra = _EXTRAS.get(package)
        return (f'Python package {package}: found no such package; expected it for this '
                f'command; pip install {f"road_seg[{extra}]" if extra else package}')
    return ' '.join(str(error).split())


if __name__ == '__main__':
    sys.exit(main())
