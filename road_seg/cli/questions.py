"""Options and lines of `road-seg replay` about what is looked at beside the scores."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from road_seg.cli.numbers import count

if TYPE_CHECKING:
    from road_seg.replay.examination import Questions


def add_question_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument('--second-model', type=Path, metavar='M',
                        help='say how far the masks agree with those of another model, with or '
                        'without truth')
    parser.add_argument('--capture', type=Path, metavar='DIR',
                        help='keep the hardest frames for labelling: pictures, draft masks, why '
                        'each was chosen, and a contact sheet')
    parser.add_argument('--max', type=count, default=500, metavar='N', dest='capture_limit',
                        help='keep no more than so many (default %(default)s)')


def questions_of(args: argparse.Namespace) -> 'Questions':
    """Return what the options ask."""
    from road_seg.backends import read_model
    from road_seg.replay.examination import Questions
    second = read_model(args.second_model) if args.second_model else None
    return Questions(second, args.capture, args.capture_limit)


def print_findings(summary: dict) -> None:
    """Print what was found."""
    if summary['agreement']:
        _print_agreement(summary['agreement'])
    if summary['ego_consistency']:
        _print_consistency(summary['ego_consistency'])
    if summary['capture']:
        _print_capture(summary['capture'])


def _print_agreement(agreement: dict) -> None:
    """Print the agreement with the second model, over all pixels and by class."""
    shares = sorted(frame['share'] for frame in agreement['by_frame'])
    print(f'agreement with {Path(agreement["model"]).stem}: {100 * agreement["share"]:.2f} % of '
          f'the pixels, {100 * shares[0]:.2f} % in the worst frame')
    print('IoU with its masks: ' + ', '.join(
        f'{name} {iou:.4f}' for name, iou in agreement['iou'].items() if iou is not None))


def _print_consistency(consistency: dict) -> None:
    """Print how far grids agree with those half a second before."""
    if consistency['agreement'] is not None:
        agreement, blocked, freed = (100 * consistency[name] for name in (
            'agreement', 'free_then_blocked', 'blocked_then_free'))
        print(f'grids half a second apart, moved with the vehicle: {agreement:.2f} % of the cells '
              f'agree, {blocked:.2f} % were free and are blocked, {freed:.2f} % the opposite')


def _print_capture(capture: dict) -> None:
    """Print how many frames were kept, and why."""
    reasons = ', '.join(f'{reason.replace("_", " ")} {count}'
                        for reason, count in capture['by_reason'].items() if count)
    print(f'{capture["frames"]} hard frames kept' + (f': {reasons}' if reasons else ''))
