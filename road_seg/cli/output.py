"""What several sub-commands print and write."""

import json
from pathlib import Path

from road_seg.files import atomic_write


def print_scores(summary: dict) -> None:
    """Print IoU and boundary F1 by class, and the mean IoU."""
    print(f'{"class":<12}{"IoU":>8}{"boundary F1":>13}')
    for name, iou in summary['iou'].items():
        print(f'{name:<12}{_score(iou):>8}{_score(summary["boundary_f1"][name]):>13}')
    print(f'{"mean":<12}{_score(summary["miou"]):>8}')
    print_flicker(summary)


def print_flicker(summary: dict) -> None:
    """Print the flicker, where frames follow each other."""
    if summary['flicker'] is not None:
        print(f'flicker {100 * summary["flicker"]:.2f} % of the pixels that can be followed')


def print_grid_scores(grid: dict) -> None:
    """Print agreement, coverage and false-free rate by range, and the rates of the bars."""
    print(f'{"range, m":<12}{"agreement":>11}{"coverage":>10}{"false free":>12}')
    for band, false_free in grid['false_free'].items():
        print(f'{band:<12}{_score(grid["agreement_by_range"][band]):>11}'
              f'{_score(grid["coverage_by_range"][band]):>10}{_score(false_free):>12}')
    print(f'{"0-20":<12}{"":>21}{_score(grid["false_free_within_20"]):>12}')
    print(f'{"0-30":<12}{_score(grid["agreement"]):>11}{_score(grid["coverage"]):>10}'
          f'{_score(grid["false_free_within_30"]):>12}')


def print_measured(summary: dict) -> None:
    """Print what a replay measured: masks and grids where there is truth, else the flicker."""
    if summary['labelled_frames']:
        print_scores(summary)
        if summary['ece'] is not None:
            print(f'calibration error {summary["ece"]:.4f}')
    else:
        print_flicker(summary)
    if summary['grid']['coverage'] is not None:
        print_grid_scores(summary['grid'])


def print_thresholds(rows: list[dict[str, float | None]]) -> None:
    """Print what calling unsure pixels unknown catches and costs."""
    print(f'{"unknown below":<15}{"errors caught":>15}{"correct given up":>18}')
    for row in rows:
        print(f'{row["confidence"]:<15}{_score(row["errors_caught"]):>15}'
              f'{_score(row["correct_given_up"]):>18}')


def write_json(path: Path | None, summary: dict) -> None:
    """
    Write a summary, if a path is given.

    :raises InputError: the folder cannot be written to.
    """
    if path is not None:
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(summary, indent=2) + '\n', encoding='utf-8')


def _score(value: float | None) -> str:
    return '-' if value is None else f'{value:.4f}'
