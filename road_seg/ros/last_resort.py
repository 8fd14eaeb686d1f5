"""A process that ends soon after SIGINT or SIGTERM, whatever it is amid."""

import os
import signal
from threading import Thread
import time

# A quarter of the 2 s that a shutdown may take; on a busy machine the thread below waits for its
# turn in the interpreter.
GRACE_S = 0.5


def end_soon_after_signals() -> None:
    """
    Exit with status 0 when the orderly end takes longer than GRACE_S after the first signal.

    Loading a model or compiling an engine cannot be interrupted and may take minutes; files are
    written so that the end of the process cannot damage them. To be called in the main thread
    before rclpy installs its handlers, which call those of Python too.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    # Python writes to it in the C handler, also while the main thread is in a library.
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        # Python's own would raise KeyboardInterrupt amid any statement and may leave a condition
        # variable half-way. rclpy's ends the spinning in an orderly way.
        signal.signal(number, lambda number, frame: None)
    Thread(target=_end, args=(reader,), name='road_seg_last_resort', daemon=True).start()


def _end(reader: int) -> None:
    os.read(reader, 1)
    time.sleep(GRACE_S)
    os._exit(0)
