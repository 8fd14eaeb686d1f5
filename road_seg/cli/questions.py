"""Options of `road-seg replay` about what is looked at beside the scores."""

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
    parser.add_argument('--max', type=count, metavar='N',
                        help='with --capture: keep no more than so many (default 500)')


def questions_of(args: argparse.Namespace) -> 'Questions':
    """
    Return what the options ask.

    :raises ConfigError: --max without --capture.
    """
    from road_seg.backends import read_model
    from road_seg.errors import ConfigError
    from road_seg.replay.examination import Questions
    if args.max and not args.capture:
        raise ConfigError('--max', found='no --capture', expected='it with --capture DIR',
                          fix='name the folder, or leave --max out')
    second = read_model(args.second_model) if args.second_model else None
    return Questions(second, args.capture, args.max or Questions.capture_limit)
