"""`road-seg bench`: measure how fast everything is here."""

import argparse
from pathlib import Path

from road_seg.cli.numbers import count
from road_seg.cli.numbers import image_size
from road_seg.cli.numbers import positive_below

_WARM_UP_S = 2.0


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        'bench', help='measure network, Segmenter, other networks and the live ROS graph',
        description='Time the network alone, the Segmenter (camera frame to mask and grid) and '
                    'other networks (camera frame to mask) in turns; then send frames from a '
                    "camera's process through the node's to a subscriber at a steady rate. "
                    'Prints Markdown tables.',
        epilog='example: road-seg bench --peer other.onnx --seconds 60 --json bench.json')
    parser.add_argument('--model', type=Path, metavar='M',
                        help='ONNX model (default: the shipped one)')
    parser.add_argument('--backend', default='auto', metavar='B',
                        help='inference backend (default %(default)s)')
    parser.add_argument('--threads', type=count, default=0, metavar='N',
                        help='CPU threads of every network (default: the library chooses)')
    parser.add_argument('--peer', type=Path, action='append', default=[], metavar='MODEL',
                        help='another network, ONNX or OpenVINO XML; may be repeated. Each is '
                             'measured as OpenVINO chooses and in f32')
    parser.add_argument('--size', type=image_size, default=(1280, 720), metavar='WxH',
                        help="the camera's images (default 1280x720)")
    parser.add_argument('--rounds', type=count, default=5, metavar='N',
                        help='turns of each network; medians over them are shown (default '
                             '%(default)s)')
    parser.add_argument('--frames', type=count, default=30, metavar='N',
                        help='frames of each turn (default %(default)s)')
    parser.add_argument('--rate', type=positive_below(1000.0), default=30.0, metavar='HZ',
                        help='frames a second in the live graph (default %(default)g)')
    parser.add_argument('--seconds', type=float, default=10.0, metavar='N',
                        help='how long the live graph runs; 0 leaves it out (default '
                             '%(default)g)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the results as JSON')


def run(args: argparse.Namespace) -> int:
    """Measure and print the tables."""
    from road_seg.backends import default_model
    from road_seg.bench.run import Bench
    from road_seg.bench.table import markdown
    from road_seg.cli.output import write_json
    from road_seg.cli.progress import Progress
    bench = Bench(args.model or default_model(), args.backend, args.threads, args.size,
                  tuple(args.peer), args.rounds, args.frames)
    summary = bench.measure(Progress('turn'))
    summary['graph'] = _graph(args, bench) if args.seconds > 0.0 else None
    print(markdown(summary))
    write_json(args.json, summary)
    return 0


def _graph(args: argparse.Namespace, bench: object) -> dict | None:
    """Return what the live graph achieves; None without ROS, and say so."""
    from road_seg.bench.run import graph_summary
    from road_seg.cli.progress import Progress
    try:
        from road_seg.ros.camera_process import Camera
        from road_seg.ros.live_graph import run_live_graph
    except ModuleNotFoundError as error:
        print(f'The live graph is left out: no package {error.name} (ROS 2).\n')
        return None
    warm_up = max(1, round(_WARM_UP_S * args.rate))
    camera = Camera(bench.frame, bench.info, args.rate,
                    warm_up + max(1, round(args.seconds * args.rate)))
    parameters = {'model': str(bench.model), 'backend': args.backend, 'threads': args.threads}
    run = run_live_graph(camera, warm_up, parameters, Progress('live frame'))
    return {'rate_hz': args.rate, 'seconds': args.seconds,
            **graph_summary(run.sent_ns, run.masks_ns, run.grids_ns, run.stages_ms, args.rate),
            'cpu_cores': run.cpu_cores, 'memory_mib': run.memory_mib}
