"""The node's health verdict for a replay without a node: time is that of the recording."""

from road_seg.health import Health
from road_seg.pipeline import Result
from road_seg.replay.recorded_time import RecordedTime
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
        self._time = RecordedTime()

    def judge(self, result: Result) -> Verdict:
        """Return the verdict after the next frame."""
        now_ns = self._time.at(result.stamp_ns)
        self._health.received(now_ns)
        self._health.stamped(now_ns, result.stamp_ns, result.stamp_ns)
        self._health.looked(now_ns, result.image, result.prediction.confidence,
                            result.prediction.drivable)
        return self._health.report(now_ns)
