"""Tests of the health of the segmentation; times are made up."""

import pytest

from road_seg.health import Health
from road_seg.health import Level

SECOND = 1_000_000_000
MS = 1_000_000


@pytest.fixture
def health() -> Health:
    """Return a health that expects frames since 0 s."""
    health = Health()
    health.set_facts(state='active')
    health.start(0, 'image on /camera')
    return health


def test_reports_its_state_before_it_expects_frames() -> None:
    health = Health()
    health.set_facts(state='unconfigured')
    verdict = health.report(100 * SECOND)
    assert (verdict.level, verdict.message) == (Level.OK, 'unconfigured')


def test_counts_frames_and_gives_rates_and_percentiles(health: Health) -> None:
    for index in range(101):  # 10 Hz from 0 s to 10 s
        now = index * SECOND // 10
        health.received(now)
        health.processed(now, {'network': index * MS}, age_ns=7 * MS)
    health.received(10 * SECOND)
    health.dropped()
    verdict = health.report(10 * SECOND)
    assert (verdict.level, verdict.message) == (Level.OK, 'active')
    assert verdict.values == {
        'state': 'active', 'frames received': '102', 'frames processed': '101',
        'frames dropped': '1', 'frames rejected': '0', 'frames failed': '0', 'frames lost': '0',
        'output rate': '10.00 Hz', 'frame age p50/p95/p99': '7.00/7.00/7.00 ms',
        'network p50/p95/p99': '50.00/95.00/99.00 ms', 'last error': 'none', 'reasons': 'none'}


def test_the_rate_falls_to_zero_when_no_frames_are_finished(health: Health) -> None:
    for index in range(10):
        health.processed(index * SECOND // 10, {}, 0)
    assert health.report(SECOND).values['output rate'] == '10.00 Hz'
    assert health.report(7 * SECOND).values['output rate'] == '0.00 Hz'


def test_silence_is_stale_and_names_the_source(health: Health) -> None:
    assert health.report(2 * SECOND).level == Level.OK
    verdict = health.report(3 * SECOND)
    assert (verdict.level, verdict.message) == (Level.STALE, 'no image on /camera for 3.0 s')
    health.received(3 * SECOND)
    assert health.report(4 * SECOND).level == Level.OK


def test_a_fast_camera_is_silent_sooner(health: Health) -> None:
    for index in range(11):  # 10 Hz from 0 s to 1 s
        health.received(index * SECOND // 10)
    assert health.report(2 * SECOND).level == Level.OK
    assert health.report(2 * SECOND + 1).reasons == ('no_frames',)


def test_silence_with_losses_says_so(health: Health) -> None:
    health.lost(4)
    health.lost(1)
    assert health.report(3 * SECOND).message == (
        'no image on /camera for 3.0 s, 5 lost by the middleware')


@pytest.mark.parametrize('count', [Health.rejected, Health.failed])
def test_a_fault_is_an_error_for_two_seconds_even_if_frames_go_on(health: Health,
                                                                  count: object) -> None:
    count(health, SECOND, 'image data: found 3 bytes')
    for now in (2, 3, 4):
        health.received(now * SECOND)
        health.processed(now * SECOND, {}, 0)
    verdict = health.report(3 * SECOND)
    assert (verdict.level, verdict.message) == (Level.ERROR, 'image data: found 3 bytes')
    after = health.report(3 * SECOND + 1)
    assert (after.level, after.values['last error']) == (Level.OK, 'image data: found 3 bytes')


def test_conditions_hold_until_cleared_and_the_worst_comes_first(health: Health) -> None:
    health.set_condition('calibration', Level.WARN, 'no grid')
    health.set_condition('transition', Level.ERROR, 'configure: no model')
    verdict = health.report(0)
    assert (verdict.level, verdict.message) == (Level.ERROR, 'configure: no model; no grid')
    assert verdict.values['last error'] == 'configure: no model'
    health.clear_condition('transition')
    health.clear_condition('transition')
    assert health.report(0).level == Level.WARN


def test_stop_ends_silence_and_faults_and_start_counts_from_zero(health: Health) -> None:
    health.received(0)
    health.failed(0, 'broken')
    health.stop()
    assert health.report(SECOND).level == Level.OK
    assert health.report(SECOND).values['frames failed'] == '1'
    health.start(SECOND, 'image on /camera')
    assert health.report(SECOND).values['frames failed'] == '0'


def test_facts_can_be_forgotten(health: Health) -> None:
    health.set_facts(model='road.onnx')
    assert health.report(0).values['model'] == 'road.onnx'
    health.forget_facts('model', 'never set')
    assert 'model' not in health.report(0).values


def test_reason_codes_follow_the_order_of_the_message(health: Health) -> None:
    health.set_condition('no_camera_info', Level.WARN, 'no grid')
    health.rejected(SECOND, 'image data: found 3 bytes')
    verdict = health.report(3 * SECOND)
    assert verdict.reasons == ('no_frames', 'frame_rejected', 'no_camera_info')
    assert verdict.values['reasons'] == 'no_frames, frame_rejected, no_camera_info'
    assert health.reasons(3 * SECOND) == verdict.reasons


def test_stamps_that_jump_back_or_lie_ahead_are_reported_for_two_seconds(health: Health) -> None:
    health.received(SECOND)
    health.stamped(SECOND, 50 * SECOND, 50 * SECOND)
    assert health.report(SECOND).reasons == ()
    health.stamped(SECOND, 49 * SECOND, 50 * SECOND)
    verdict = health.report(2 * SECOND)
    assert (verdict.level, verdict.message) == (
        Level.WARN, 'the stamp of the image jumped back by 1.000 s')
    health.stamped(5 * SECOND, 50 * SECOND, 49 * SECOND)
    health.received(5 * SECOND)
    assert health.report(5 * SECOND).reasons == ('stamp_future',)
    health.received(6 * SECOND)
    assert health.report(7 * SECOND + 1).reasons == ()


def test_a_camera_faster_than_the_machine(health: Health) -> None:
    for index in range(100):
        health.received(index * SECOND // 100)
        if index % 3:
            health.dropped()
    verdict = health.report(SECOND)
    assert verdict.reasons == ('frames_dropped',)
    assert verdict.message.startswith('66 of the last 100 images dropped')
    health.received(8 * SECOND)
    assert health.report(8 * SECOND).reasons == ()


def test_a_network_beyond_its_budget(health: Health) -> None:
    health.set_budget(20 * MS)
    for index in range(10):
        health.received(index * SECOND // 10)
        health.processed(index * SECOND // 10, {'network': 30 * MS}, 0)
    verdict = health.report(SECOND)
    assert (verdict.reasons, verdict.message) == (
        ('network_slow',), 'the network takes 30.0 ms, more than 20.0 ms')
    health.set_budget(0)
    assert health.report(SECOND).reasons == ()
