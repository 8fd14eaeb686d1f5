"""Numbers on the command line."""

import argparse
from collections.abc import Callable
import re


def seed(text: str) -> int:
    """Read a seed."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f'{text}: expected 0 or more')
    return value


def count(text: str) -> int:
    """Read how many."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f'{text}: expected 1 or more')
    return value


def positive_below(limit: float) -> Callable[[str], float]:
    """Return what reads a number above 0 and below a limit."""
    def number(text: str) -> float:
        value = float(text)
        if not 0.0 < value < limit:
            raise argparse.ArgumentTypeError(
                f'{text}: expected a number above 0, below {limit:g}')
        return value

    return number


def image_size(text: str) -> tuple[int, int]:
    """Read a width and a height, pixels."""
    match = re.fullmatch(r'([1-9]\d{0,4})x([1-9]\d{0,4})', text)
    if not match:
        raise argparse.ArgumentTypeError(f'{text}: expected WIDTHxHEIGHT, such as 1280x720')
    return int(match[1]), int(match[2])
