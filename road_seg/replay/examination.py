"""What is looked at in the answers of a replay beside their scores."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import nullcontext
from dataclasses import dataclass

from road_seg.backends import ModelFile
from road_seg.backends import open_backend
from road_seg.bags.drive import Drive
from road_seg.labels import LabelMap
from road_seg.parameters import Parameters
from road_seg.replay.agreement import SecondModel
from road_seg.replay.evaluate import ScoredFrame


class Examination:
    """
    Look at each scored frame.

    :param second: the second model, if there is one.
    """

    def __init__(self, second: SecondModel | None) -> None:
        self._second = second

    def look(self, scored: ScoredFrame) -> None:
        """Look at the next frame."""
        if self._second:
            self._second.update(scored)

    def summary(self) -> dict:
        """Return what was found, as `replay --json` writes it."""
        return {'agreement': self._second.summary() if self._second else None}


@dataclass(frozen=True)
class Questions:
    """
    What to look at.

    :param second_model: compare the masks with this model's.
    """

    second_model: ModelFile | None = None

    @contextmanager
    def examine(self, drive: Drive, labels: LabelMap,
                parameters: Parameters) -> Iterator[Examination]:
        """
        Yield the examination of a drive's answers.

        :param labels: the classes of the masks.
        :param parameters: the node's; the second model runs with the same backend.
        :raises RoadSegError: the second model cannot be run or has other classes.
        """
        opened = open_backend(self.second_model, parameters.backend, parameters.threads) if (
            self.second_model) else nullcontext()
        with opened as backend:
            yield Examination(SecondModel(backend, labels, drive) if backend else None)
