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
