"""Tests of the faults and of their schedule."""

from collections import Counter
from itertools import islice
from itertools import pairwise
import math
from pathlib import Path
import pickle
import re

import cv2
import numpy as np
import pytest

from road_seg.calibration import CameraInfo
from road_seg.camera import CameraModel
from road_seg.errors import CalibrationError
from road_seg.image_health import image_findings
from road_seg.image_health import measure_image
from road_seg.soak.faults import Action
from road_seg.soak.faults import Fault
from road_seg.soak.faults import FAULTS
from road_seg.soak.faults import NO_REPORT
from road_seg.soak.faults import Shot
from road_seg.soak.schedule import schedule
from road_seg.world.drive import drive

NAMED = {fault.name: fault for fault in FAULTS}
SIZE = (1280, 720)
INFO = CameraInfo.nominal(*SIZE, 60.0)


@pytest.fixture(scope='module')
def shots() -> list[Shot]:
    """Return a camera's loop."""
    return [Shot(index, cv2.resize(frame.rgb, SIZE), INFO)
            for index, frame in enumerate(drive('straight', 3))]


def changed(name: str, shots: list[Shot]) -> list[Shot]:
    """Return the loop under a fault."""
    return list(NAMED[name].change(shots))


def test_every_code_is_in_the_table_of_the_readme() -> None:
    readme = (Path(__file__).parents[2] / 'README.md').read_text(encoding='utf-8')
    codes = set(re.findall(r'`(\w+)`', readme))
    assert {fault.code for fault in FAULTS} - {NO_REPORT} <= codes


def test_names_differ() -> None:
    assert len(NAMED) == len(FAULTS)


@pytest.mark.parametrize(('name', 'codes'), [
    ('dark', ['image_dark']), ('overexposed', ['image_overexposed']),
    ('blurred', ['image_blurred']), ('lens blocked', ['lens_blocked']),
    ('noise', ['image_noisy']), ('unfamiliar scene', []), ('camera_info with NaN', [])])
def test_pictures_show_the_fault_and_no_other(shots: list[Shot], name: str,
                                              codes: list[str]) -> None:
    for shot in changed(name, shots):
        small = cv2.resize(shot.pixels, (512, 320), interpolation=cv2.INTER_AREA)
        assert [each.code for each in image_findings(measure_image(small))] == codes


def test_changes_leave_the_healthy_shots_alone(shots: list[Shot]) -> None:
    before = pickle.dumps(shots)
    for fault in FAULTS:
        list(fault.change(shots))
    assert pickle.dumps(shots) == before


def test_a_silent_camera_sends_nothing_a_frozen_one_the_same(shots: list[Shot]) -> None:
    assert changed('camera silent', shots) == []
    frozen, = changed('image frozen', shots)
    assert frozen is shots[0]


def test_unfamiliar_scenes_differ_from_each_other(shots: list[Shot]) -> None:
    first, second, _ = changed('unfamiliar scene', shots)
    assert not np.array_equal(first.pixels, second.pixels)


def test_messages_and_stamps(shots: list[Shot]) -> None:
    assert {shot.encoding for shot in changed('wrong encoding', shots)} == {'rgb7'}
    assert {shot.missing_bytes for shot in changed('short data', shots)} == {921_600}
    assert {shot.offset_ns for shot in changed('stamps 1.2 s old', shots)} == {-1_217_000_000}
    assert {shot.offset_ns for shot in changed('stamps 1 s ahead', shots)} == {1_017_000_000}
    assert [shot.offset_ns for shot in changed('stamps jump back', shots)] == [
        0, -250_000_000, 0]


def test_calibrations(shots: list[Shot]) -> None:
    assert changed('no camera_info after a restart', shots)[0].info is None
    nan = changed('camera_info with NaN', shots)[0].info
    assert math.isnan(nan.k[0])
    for info in (nan, changed('camera_info of another size', shots)[0].info):
        with pytest.raises(CalibrationError):
            CameraModel.from_info(info, SIZE)


def test_the_same_seed_gives_the_same_schedule() -> None:
    first, again, other = (list(islice(schedule(FAULTS, seed), 50)) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_each_round_has_every_fault_once_in_another_order() -> None:
    steps = list(islice(schedule(FAULTS, 0), 3 * len(FAULTS)))
    rounds = [[step.fault for step in steps[start:start + len(FAULTS)]]
              for start in range(0, len(steps), len(FAULTS))]
    assert all(Counter(each) == Counter(FAULTS) for each in rounds)
    assert all(one != next_one for one, next_one in pairwise(rounds))
    assert all(0.5 <= step.healthy_s <= 2.0 for step in steps)


def test_only_a_paused_node_is_silent() -> None:
    assert [fault.action for fault in FAULTS if fault.code == NO_REPORT] == [Action.PAUSE]
    assert Fault('nothing', 'none').action is Action.NONE
