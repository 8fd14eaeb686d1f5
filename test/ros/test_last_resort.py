"""The last resort waits half a second, a quarter of the 2 s that a shutdown may take."""

import signal
import subprocess
import sys

import pytest

TIMEOUT_S = 60.0
# Says for how long it would wait, and does not.
CHILD = """
from threading import Event
from road_seg.ros import last_resort
last_resort.time.sleep = lambda seconds: print(seconds, flush=True)
last_resort.end_soon_after_signals()
print('ready', flush=True)
Event().wait()
"""


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_ends_the_process_half_a_second_after_a_signal(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, '-c', CHILD], text=True,
                          stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == 'ready\n'
        child.send_signal(number)
        output, _ = child.communicate(timeout=TIMEOUT_S)
    assert output == '0.5\n'
    assert child.returncode == 0
