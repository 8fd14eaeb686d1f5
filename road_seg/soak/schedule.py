"""Which fault comes when."""

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
import random

from road_seg.soak.faults import Fault

_HEALTHY_S = (0.5, 2.0)


@dataclass(frozen=True)
class Step:
    """
    A healthy stretch and the fault after it.

    :param healthy_s: how long nothing is wrong, s.
    :param fault: what goes wrong then.
    """

    healthy_s: float
    fault: Fault


def schedule(faults: Sequence[Fault], seed: int) -> Iterator[Step]:
    """
    Yield steps without end: all faults in random order, then all in another order, and so on.

    :param seed: the same one gives the same steps.
    """
    chance = random.Random(seed)
    while True:
        for fault in chance.sample(faults, len(faults)):
            yield Step(chance.uniform(*_HEALTHY_S), fault)
