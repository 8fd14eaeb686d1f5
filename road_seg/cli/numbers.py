"""Numbers on the command line."""

import argparse


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
