"""The README says what is true: its tables equal the code, its example runs."""

from pathlib import Path
import re

import cv2
import numpy as np
import pytest

from road_seg.cli.main import COMMANDS
from road_seg.grid import Reason
from road_seg.labels import ROAD_LABELS
from road_seg.parameters import PARAMETERS

README = (Path(__file__).parents[1] / 'README.md').read_text(encoding='utf-8')


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    section = README.split(f'{heading}\n', 1)[1]
    table = re.search(r'(?:^\|.*\n)+', section, re.MULTILINE).group()
    return [[cell.strip() for cell in line.strip('|').split('|')]
            for line in table.splitlines()[2:]]


def test_parameters_are_those_of_the_node():
    assert rows('### Parameters') == [
        [f'`{spec.name}`', f'`{spec.default!r}`', 'yes' if spec.is_live else '', spec.description]
        for spec in PARAMETERS]


def test_classes_are_those_of_the_label_map():
    assert [row[1].split(' (')[0] for row in rows('### Classes')[:-1]] == list(ROAD_LABELS.names)


def test_reasons_are_those_of_the_grid():
    table = rows('### The grid')
    assert [(row[1].upper().replace(' ', '_'), row[2], row[0]) for row in table] == [
        (reason.name, str(int(reason)), {0: '0', 1: '100'}.get(int(reason), '-1'))
        for reason in Reason]


def test_every_command_is_listed():
    listed = {re.search(r'road-seg (\w+)', row[0]).group(1) for row in rows('## Commands')}
    assert listed == set(COMMANDS)


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                 capsys: pytest.CaptureFixture):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite('frame.jpg', np.full((360, 640, 3), 128, np.uint8))
    exec(re.search(r'```python\n(.*?)```', README, re.DOTALL).group(1), {})
    assert capsys.readouterr().out == '(360, 640) (200, 200)\n'
