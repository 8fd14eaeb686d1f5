"""`road-seg sample`: make a recorded drive from a video, images or the drawn world."""

import argparse
from pathlib import Path

from road_seg.cli.numbers import count
from road_seg.cli.numbers import seed

_DEFAULT_SPLIT = 'val'
_DEFAULT_WORLD_FRAMES = 100


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        'sample', help='make a rosbag2 drive from a video, images or a drawn world',
        description='Make a rosbag2 drive (MCAP) with images, camera_info and, for a labelled '
                    'data set, truth masks. A drawn world gives exact truth: masks, grids and '
                    'poses; it can also be written as a data set for training. Without a source '
                    'it takes a public sample clip.',
        epilog='example: road-seg sample --images ../shared/data/camvid --adapter camvid '
               '--split val --rate 15 --out camvid_val')
    source = parser.add_mutually_exclusive_group()
    source.add_argument('--video', type=Path, metavar='FILE', help='take the frames of a video')
    source.add_argument('--images', type=Path, metavar='DIR',
                        help='take the JPEG and PNG files of a folder, or with --adapter the '
                             'labelled images of a data set')
    source.add_argument('--world', metavar='SCENE',
                        help='drive through a drawn world: straight, curve, junction, slope, '
                             'night, ..., mixed (an unknown name lists all)')
    parser.add_argument('--seed', type=seed, metavar='S',
                        help='of the drawn world (default 0); the same seed draws the same pixels')
    parser.add_argument('--adapter', metavar='NAME',
                        help='data set adapter: a name or a YAML file')
    parser.add_argument('--split', metavar='NAME',
                        help=f'split of the data set (default {_DEFAULT_SPLIT})')
    parser.add_argument('--camera-info', type=Path, metavar='YAML',
                        help="calibration in the format of ROS's camera_calibration")
    parser.add_argument('--rate', type=_rate, metavar='HZ',
                        help='frames a second; of a video all frames without it, of images 10')
    parser.add_argument('--frames', type=count, metavar='N',
                        help='take only the first N; of a drawn world so many (default '
                             f'{_DEFAULT_WORLD_FRAMES})')
    parser.add_argument('--compressed', action='store_true',
                        help='write compressed images; image files pass through unchanged')
    parser.add_argument('--force', action='store_true', help='replace an existing bag')
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument('--out', type=Path, metavar='BAG', help='bag to make')
    target.add_argument('--dataset-out', type=Path, metavar='DIR',
                        help="write a drawn world's images and masks instead, as a split `train` "
                             'for the adapter `world`')


def run(args: argparse.Namespace) -> int:
    """Make the drive or the data set and say what is in it."""
    _check_world(args)
    if args.dataset_out:
        return _write_dataset(args)
    from road_seg.bags.sample import load_calibration
    from road_seg.bags.sample import record
    from road_seg.bags.writer import check_bag_target
    from road_seg.cli.progress import Progress
    check_bag_target(args.out, args.force)
    source = _source(args)
    calibration = load_calibration(args.camera_info) if args.camera_info else None
    total = min(source.count, args.frames or source.count)
    progress = Progress('frame')
    recording = record(source, args.out, camera_info=calibration, frames=args.frames,
                       compressed=args.compressed, overwrite=args.force,
                       progress=lambda done: progress(done, total))
    print(f'source: {source.description}')
    print(f'camera: {recording.camera}')
    print(f'wrote {args.out}: {recording.frames} frames, {recording.labelled} with truth')
    return 0


def _check_world(args: argparse.Namespace) -> None:
    from road_seg.errors import ConfigError
    for option, value, needless in (('--seed', args.seed is not None, not args.world),
                                    ('--dataset-out', args.dataset_out, not args.world),
                                    ('--camera-info', args.camera_info, args.world)):
        if value and needless:
            raise ConfigError(option, found=f'{"a" if args.world else "no"} --world',
                              expected='a drawn world, which has cameras of its own',
                              fix=f'leave {option} out' if args.world else 'add --world SCENE')


def _write_dataset(args: argparse.Namespace) -> int:
    from road_seg.cli.progress import Progress
    from road_seg.world.dataset import write_dataset
    frames = args.frames or _DEFAULT_WORLD_FRAMES
    progress = Progress('frame')
    write_dataset(args.dataset_out, args.world, frames, args.seed or 0,
                  progress=lambda done: progress(done, frames))
    print(f'wrote {args.dataset_out}: {frames} labelled images for --adapter world '
          '--split train')
    return 0


def _source(args: argparse.Namespace) -> object:
    from road_seg.bags import sources
    from road_seg.bags.clip import sample_clip
    from road_seg.errors import ConfigError
    if args.adapter and not args.images:
        raise ConfigError('--adapter', found='no --images', expected='the data set folder',
                          fix='add --images DIR')
    if args.split and not args.adapter:
        raise ConfigError('--split', found='no --adapter', expected="the data set's adapter",
                          fix='add --adapter NAME')
    if args.rate and not (args.video or args.images):
        raise ConfigError('--rate', found='no video or images', expected='--video or --images',
                          fix='add one of them or leave --rate out')
    if args.video:
        return sources.video(args.video, args.rate)
    if args.world:
        return sources.world(args.world, args.frames or _DEFAULT_WORLD_FRAMES, args.seed or 0)
    rate = args.rate or sources.DEFAULT_IMAGE_RATE
    if args.adapter:
        return sources.data_set(args.images, args.adapter, args.split or _DEFAULT_SPLIT, rate)
    if args.images:
        return sources.image_folder(args.images, rate)
    source, notes = sample_clip()
    print('\n'.join(notes))
    return source


def _rate(text: str) -> float:
    value = float(text)
    if not 0.01 <= value <= 1000.0:
        raise argparse.ArgumentTypeError(f'{text}: expected 0.01 to 1000 Hz')
    return value
