"""`road-seg replay`: run a recorded drive through the live node and report."""

import argparse
import math
from pathlib import Path

_OUTPUTS = 'outputs'


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        'replay', help='run a recorded drive through the live node and report',
        description='Start the node, send it the frames of a bag one by one (the next after the '
                    'answer to the last), keep its answers in a bag, score them against '
                    '/road_mask/truth where there is one, and write a report.',
        epilog='example: road-seg replay camvid_val --report reports/camvid_val '
               '--json camvid_val.json')
    parser.add_argument('bag', type=Path, metavar='BAG', help='rosbag2 folder or file')
    parser.add_argument('--lockstep', action='store_true',
                        help='one frame at a time, the next after the answer (the default)')
    parser.add_argument('--image', metavar='TOPIC',
                        help='topic of the images (default: the only one in the bag)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the summary as JSON')
    parser.add_argument('--report', type=Path, metavar='DIR',
                        help='folder of the report (default reports/BAG NAME)')
    parser.add_argument('--out', type=Path, metavar='BAG',
                        help=f'bag of the answers (default {_OUTPUTS} in the report folder)')
    parser.add_argument('--force', action='store_true', help='replace an existing bag of answers')
    add_node_options(parser)


def add_node_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose the node's parameters."""
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
    report = args.report or Path('reports') / args.bag.absolute().stem
    replay(args, args.bag, report, args.out or report / _OUTPUTS, image_topic=args.image,
           json_path=args.json, overwrite=args.force)
    return 0


def replay(args: argparse.Namespace, bag: Path, report: Path, outputs: Path, *,
           image_topic: str | None = None, json_path: Path | None = None,
           overwrite: bool = False) -> None:
    """
    Replay a bag through the node and print the result.

    :param args: the values of add_node_options.
    """
    from road_seg.backends import default_model
    from road_seg.backends import read_model
    from road_seg.cli.output import print_flicker
    from road_seg.cli.output import print_grid_scores
    from road_seg.cli.output import print_scores
    from road_seg.cli.output import write_json
    from road_seg.cli.progress import Progress
    from road_seg.replay.parameters import recorded_parameters
    from road_seg.replay.run import Replay
    from road_seg.replay.run import REPORT_NAME
    # The stamps are of the recording: no frame is old.
    parameters = {'grid.max_age_s': 0.0, **recorded_parameters(bag), **node_parameters(args)}
    model = read_model(parameters.get('model') or default_model())
    work = Replay(bag, model, report, outputs, image_topic, overwrite)

    def open_node(image_type: str) -> object:
        from road_seg.ros.graph import NodeUnderTest
        return NodeUnderTest(parameters, image_type)

    summary = work.run(open_node, Progress('frame'))
    if summary['labelled_frames']:
        print_scores(summary)
    else:
        print_flicker(summary)
    if summary['grid']['coverage'] is not None:
        print_grid_scores(summary['grid'])
    trip = summary['latency_ms']['round_trip']
    print(f'{summary["frames"]} frames, {summary["grids"]} grids, round trip p50 '
          f'{trip["p50"]:.1f} ms, p95 {trip["p95"]:.1f} ms, backend {summary["backend"]}')
    write_json(json_path, summary)
    print(f'answers: {outputs}')
    print(f'report: {(report / REPORT_NAME).absolute()}')


def node_parameters(args: argparse.Namespace) -> dict[str, object]:
    """Return the node's parameters: those of the file, and the options over them."""
    from road_seg.replay.parameters import read_parameter_file
    parameters = read_parameter_file(args.params_file) if args.params_file else {}
    options = {
        'model': args.model and str(args.model), 'backend': args.backend,
        'extrinsics.z': args.camera_height,
        'extrinsics.pitch': None if args.camera_pitch is None
        else math.radians(args.camera_pitch)}
    parameters.update({name: value for name, value in options.items() if value is not None})
    return parameters
