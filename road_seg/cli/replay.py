"""`road-seg replay`: run a recorded drive through the node or its Segmenter and report."""

import argparse
from contextlib import contextmanager
import math
from pathlib import Path
from typing import TYPE_CHECKING

from road_seg.cli import fleet
from road_seg.cli.questions import add_question_options
from road_seg.cli.questions import questions_of
from road_seg.errors import ConfigError
from road_seg.replay.modes import IN_PROCESS
from road_seg.replay.modes import LOCKSTEP
from road_seg.replay.modes import REALTIME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from road_seg.backends import ModelFile
    from road_seg.bags.drive import Drive
    from road_seg.parameters import Parameters
    from road_seg.replay.examination import Questions
    from road_seg.replay.player import Player

_OUTPUTS = 'outputs'


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        'replay', help='run a recorded drive through the node and report',
        description='Answer the frames of a bag, score the answers against the truth where there '
                    'is one, and write a report. The camera is where the recorded transforms '
                    'say, if they say so.',
        epilog='example: road-seg replay camvid_val --report reports/camvid_val '
               '--json camvid_val.json')
    parser.add_argument('bag', type=Path, metavar='BAG', nargs='?',
                        help='rosbag2 folder or file, or a ROS 1 .bag file')
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument('--lockstep', dest='mode', action='store_const', const=LOCKSTEP,
                       help='through the live node, each frame after the answer to the last, '
                       'the answers kept in a bag (the default)')
    modes.add_argument('--in-process', dest='mode', action='store_const', const=IN_PROCESS,
                       help='without ROS, the fastest; answers are kept with --out only')
    modes.add_argument('--realtime', dest='mode', action='store_const', const=REALTIME,
                       help='through the live node at the pace of the recording; drops are '
                       'counted')
    parser.add_argument('--truth', type=Path, metavar='PATH',
                        help='folder of masks named STAMP_NS.png, or bag with /road_mask/truth '
                        '(default: /road_mask/truth of BAG)')
    parser.add_argument('--image', metavar='TOPIC',
                        help='topic of the images (default: the only one in the bag)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the summary as JSON')
    parser.add_argument('--report', type=Path, metavar='DIR',
                        help='folder of the report (default reports/BAG NAME)')
    parser.add_argument('--out', type=Path, metavar='BAG',
                        help=f'bag of the answers (default {_OUTPUTS} in the report folder; '
                        'none with --in-process)')
    parser.add_argument('--force', action='store_true',
                        help='replace an existing bag of answers, or capture')
    add_question_options(parser)
    fleet.add_options(parser)
    add_node_options(parser)


def add_node_options(parser: argparse.ArgumentParser, *, with_model: bool = True) -> None:
    """Add the options that choose the node's parameters."""
    if with_model:
        parser.add_argument('--model', type=Path, metavar='M',
                            help='ONNX model (default: the shipped one)')
    parser.add_argument('--backend', metavar='B', help='inference backend (default auto)')
    parser.add_argument('--params-file', type=Path, metavar='YAML',
                        help="the node's parameters; other options go before it")
    parser.add_argument('--camera-height', type=float, metavar='M',
                        help='camera above the ground, metres')
    parser.add_argument('--camera-pitch', type=float, metavar='DEG',
                        help='camera pitch, degrees, positive looks down')


def run(args: argparse.Namespace) -> int:
    """Replay and say where the results are."""
    if args.fleet:
        return fleet.run(args)
    if not args.bag or args.workers:
        raise ConfigError('replay', found='--workers without --fleet' if args.bag else 'no bag',
                          expected='BAG or --fleet', fix='see road-seg replay --help')
    mode = args.mode or LOCKSTEP
    report = args.report or Path('reports') / args.bag.absolute().stem
    outputs = args.out or (None if mode == IN_PROCESS else report / _OUTPUTS)
    replay(args, args.bag, report, outputs, mode=mode, image_topic=args.image,
           truth=args.truth, json_path=args.json, overwrite=args.force,
           questions=questions_of(args))
    return 0


def replay(args: argparse.Namespace, bag: Path, report: Path, outputs: Path | None, *,
           mode: str = LOCKSTEP, image_topic: str | None = None, truth: Path | None = None,
           json_path: Path | None = None, overwrite: bool = False,
           questions: 'Questions | None' = None) -> None:
    """
    Replay a bag and print the result.

    :param args: the values of add_node_options.
    :param questions: what to look at beside the scores; nothing without it.
    """
    from road_seg.backends import read_model
    from road_seg.cli.output import write_json
    from road_seg.cli.progress import Progress
    from road_seg.parameters import checked_parameters
    from road_seg.replay.examination import Questions
    from road_seg.replay.parameters import AS_RECORDED
    from road_seg.replay.parameters import recorded_parameters
    from road_seg.replay.report import REPORT_NAME
    from road_seg.replay.run import Replay
    values = {**AS_RECORDED, **recorded_parameters(bag), **node_parameters(args)}
    parameters = checked_parameters(values)
    model = read_model(parameters.model)
    questions = questions or Questions()
    work = Replay(bag, model, parameters, report, outputs, mode, image_topic, truth, overwrite,
                  questions)

    def open_player(drive: 'Drive') -> 'AbstractContextManager[Player]':
        with_confidence = drive.truth_count > 0 or questions.capture is not None
        if mode == IN_PROCESS:
            return _in_process(model, parameters, with_overlay=outputs is not None,
                               with_confidence=with_confidence)
        return _live(values, parameters, drive, is_realtime=mode == REALTIME,
                     with_confidence=with_confidence)

    summary = work.run(open_player, Progress('frame'))
    _print(summary)
    write_json(json_path, summary)
    if outputs:
        print(f'answers: {outputs}')
    print(f'report: {(report / REPORT_NAME).absolute()}')


@contextmanager
def _in_process(model: 'ModelFile', parameters: 'Parameters', *,
                with_overlay: bool, with_confidence: bool) -> 'Iterator[Player]':
    from road_seg.backends import open_backend
    from road_seg.replay.in_process import InProcess
    with open_backend(model, parameters.backend, parameters.threads) as backend:
        yield InProcess(backend, parameters, with_overlay=with_overlay,
                        with_confidence=with_confidence)


@contextmanager
def _live(values: dict[str, object], parameters: 'Parameters', drive: 'Drive', *,
          is_realtime: bool, with_confidence: bool) -> 'Iterator[Player]':
    from road_seg.parameters import are_rectified
    from road_seg.replay.lockstep import Lockstep
    from road_seg.replay.realtime import Realtime
    from road_seg.ros.graph import NodeUnderTest
    # The node gets poses as parameters, and images on a topic of another name than the bag's.
    rectified = are_rectified(parameters.image_geometry, drive.image_topic)
    values = {**values, 'extrinsics.source': 'parameters',
              'image_geometry': 'rectified' if rectified else 'raw'}
    wanted = ('overlay', 'confidence') if with_confidence else ('overlay',)
    with NodeUnderTest(values, drive.image_type, outputs=wanted) as node:
        yield (Realtime if is_realtime else Lockstep)(node, parameters)


def _print(summary: dict) -> None:
    """Print scores and durations."""
    from road_seg.cli.output import print_measured
    from road_seg.replay.findings import findings
    print_measured(summary)
    for line in findings(summary):
        print(line)
    if summary['loss']:
        print(f'damaged bag: {summary["loss"]}')
    trip = summary['latency_ms'].get('round_trip', {'p50': math.nan, 'p95': math.nan})
    print(f'{summary["frames"]} frames, {summary["dropped"]} dropped, {summary["grids"]} grids, '
          f'{summary["frames_per_s"]:.1f} frames/s, round trip p50 {trip["p50"]:.1f} ms, '
          f'p95 {trip["p95"]:.1f} ms, backend {summary["backend"]}')


def node_parameters(args: argparse.Namespace) -> dict[str, object]:
    """Return the node's parameters: those of the file, and the options over them."""
    from road_seg.replay.parameters import read_parameter_file
    parameters = read_parameter_file(args.params_file) if args.params_file else {}
    options = {
        'model': args.model and str(args.model), 'backend': args.backend,
        'extrinsics.z': args.camera_height,
        'extrinsics.pitch': None if args.camera_pitch is None
        else math.radians(args.camera_pitch)}
    given = {name: value for name, value in options.items() if value is not None}
    if args.camera_height is not None or args.camera_pitch is not None:
        given['extrinsics.source'] = 'parameters'
    parameters.update(given)
    return parameters
