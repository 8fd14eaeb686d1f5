"""What is looked at in the answers of a replay beside their scores."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import nullcontext
from dataclasses import dataclass

from road_seg.backends import ModelFile
from road_seg.backends import open_backend
from road_seg.bags.drive import Drive
from road_seg.bags.messages import decode_grid
from road_seg.bags.reader import BagReader
from road_seg.bags.track import read_track
from road_seg.labels import LabelMap
from road_seg.parameters import Parameters
from road_seg.replay.agreement import SecondModel
from road_seg.replay.ego_consistency import EgoConsistency
from road_seg.replay.evaluate import ScoredFrame


class Examination:
    """
    Look at each scored frame.

    :param second: the second model, if there is one.
    :param consistency: of the grids with the vehicle's way, if that is known.
    """

    def __init__(self, second: SecondModel | None, consistency: EgoConsistency | None) -> None:
        self._second = second
        self._consistency = consistency

    def look(self, scored: ScoredFrame) -> None:
        """Look at the next frame."""
        if self._second:
            self._second.update(scored)
        answer = scored.answer
        if self._consistency and answer.grid and answer.reasons:
            self._consistency.update(scored.frame.stamp_ns,
                                     decode_grid(answer.grid, answer.reasons))

    def summary(self) -> dict:
        """Return what was found, as `replay --json` writes it."""
        consistency = self._consistency
        return {'agreement': self._second.summary() if self._second else None,
                'ego_consistency': consistency.summary() if consistency else None}


@dataclass(frozen=True)
class Questions:
    """
    What to look at.

    :param second_model: compare the masks with this model's.
    """

    second_model: ModelFile | None = None

    @contextmanager
    def examine(self, reader: BagReader, drive: Drive, labels: LabelMap,
                parameters: Parameters) -> Iterator[Examination]:
        """
        Yield the examination of a drive's answers.

        :param reader: the drive's bag, open.
        :param drive: the drive.
        :param labels: the classes of the masks.
        :param parameters: the node's; the second model runs with the same backend.
        :raises RoadSegError: the second model cannot be run or has other classes.
        """
        opened = open_backend(self.second_model, parameters.backend, parameters.threads) if (
            self.second_model) else nullcontext()
        with opened as backend:
            track = read_track(reader, parameters.base_frame)
            yield Examination(SecondModel(backend, labels, drive) if backend else None,
                              EgoConsistency(track) if track else None)
