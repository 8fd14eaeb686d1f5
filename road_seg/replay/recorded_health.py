"""The node's health verdict for a replay without a node: time is that of the recording."""

from road_seg.health import Health
from road_seg.pipeline import Result
from road_seg.verdict import Verdict


class RecordedHealth:
    """
    Judge the pictures and stamps of a drive as the node does.

    What depends on the machine is left out, drops and slow networks, so that two replays of a
    bag say the same.
    """

    def __init__(self) -> None:
        self._health = Health()
        self._health.start(0, 'image')
        self._stamp_ns: int | None = None
        self._now_ns = 0

    def judge(self, result: Result) -> Verdict:
        """Return the verdict after the next frame."""
        stamp_ns = result.stamp_ns
        if self._stamp_ns is not None:  # a stamp that jumps back does not turn time back
            self._now_ns += max(0, stamp_ns - self._stamp_ns)
        self._stamp_ns = stamp_ns
        self._health.received(self._now_ns)
        self._health.stamped(self._now_ns, stamp_ns, stamp_ns)
        self._health.looked(self._now_ns, result.image, result.prediction.confidence,
                            result.prediction.drivable)
        return self._health.report(self._now_ns)
