"""The pace of the recording and the count of drops, with a stand-in for node and clock."""

from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

from drives import PERIOD_NS
from drives import START_NS
from drives import write_drive
from fake_node import FakeNode

from road_seg.bags.drive import Drive
from road_seg.bags.reader import BagReader
from road_seg.parameters import checked_parameters
from road_seg.replay.realtime import Realtime
from road_seg.serialized import Answer


@dataclass
class SlowNode(FakeNode):
    """
    A node with a slot for one frame, which takes a while for each.

    :param takes_s: how long a frame takes, s.
    """

    takes_s: float = 0.0
    now: float = 0.0
    busy_until: float = 0.0
    sent_at: dict[int, float] = field(default_factory=dict)
    slot: int | None = None
    answered: set[int] = field(default_factory=set)
    working_on: int | None = None

    def send(self, image_cdr: bytes, stamp_ns: int) -> None:
        """Put a frame into the slot."""
        self.sent_at[stamp_ns] = self.now
        self.images = getattr(self, 'images', {})
        self.images[stamp_ns] = image_cdr
        self.slot = stamp_ns
        self._work()

    def listen(self, timeout_s: float) -> None:
        """Let time pass."""
        self.now += min(timeout_s, 0.01)
        self._work()

    def _work(self) -> None:
        if self.working_on is not None and self.now >= self.busy_until:
            self.answered.add(self.working_on)
            self.working_on = None
        if self.working_on is None and self.slot is not None:
            self.working_on, self.slot = self.slot, None
            self.busy_until = self.now + self.takes_s

    def has_begun(self, stamp_ns: int) -> bool:
        """Say whether the answer is there."""
        return stamp_ns in self.answered

    is_answered = has_begun

    def take(self, stamp_ns: int) -> Answer | None:
        """Return the answer of a frame."""
        if stamp_ns not in self.answered:
            return None
        return self.process(self.images.pop(stamp_ns), stamp_ns, 0.0)


def play(bag: Path, takes_s: float) -> tuple[SlowNode, list[int], list[int]]:
    """Play a drive; return the node and the numbers of the answered and the dropped frames."""
    node = SlowNode(takes_s=takes_s)
    with BagReader(bag) as reader:
        played = list(Realtime(node, checked_parameters({}), lambda: node.now).play(Drive(reader)))
    assert [frame.index for frame, _ in played] == list(range(len(played)))
    return (node, [frame.index for frame, answer in played if answer],
            [frame.index for frame, answer in played if not answer])


def test_a_fast_node_answers_all_at_the_recorded_pace(tmp_path: Path):
    node, answered, dropped = play(write_drive(tmp_path / 'drive', count=10), 0.05)
    assert (answered, dropped) == (list(range(10)), [])
    for index in range(10):
        assert abs(node.sent_at[START_NS + index * PERIOD_NS] - 0.1 * index) < 1e-6


def test_what_a_slow_node_replaced_is_dropped_and_counted(tmp_path: Path):
    # Turns end at about 0.23, 0.46, 0.69, 0.92 s; frames come at 0.0, 0.1, ... 0.9 s.
    _, answered, dropped = play(write_drive(tmp_path / 'drive', count=10), 0.23)
    assert answered == [0, 2, 4, 6, 9]
    assert dropped == [1, 3, 5, 7, 8]
