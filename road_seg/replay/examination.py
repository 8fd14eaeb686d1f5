"""What is looked at in the answers of a replay beside their scores."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from road_seg.backends import ModelFile
from road_seg.backends import open_backend
from road_seg.bags.drive import Drive
from road_seg.bags.messages import decode_grid
from road_seg.bags.reader import BagReader
from road_seg.bags.track import read_track
from road_seg.labels import LabelMap
from road_seg.parameters import Parameters
from road_seg.replay.agreement import SecondModel
from road_seg.replay.capture import Capture
from road_seg.replay.capture import open_capture
from road_seg.replay.driven import Driven
from road_seg.replay.ego_consistency import EgoConsistency
from road_seg.replay.evaluate import ScoredFrame


class Examination:
    """
    Look at each scored frame.

    :param second: the second model, if there is one.
    :param consistency: of the grids with the vehicle's way, if that is known.
    :param capture: keeps the hardest frames, if that is wanted.
    """

    def __init__(self, second: SecondModel | None, consistency: EgoConsistency | None,
                 capture: Capture | None) -> None:
        self._second = second
        self._consistency = consistency
        self._capture = capture

    def look(self, scored: ScoredFrame) -> None:
        """Look at the next frame."""
        agreement = self._second.update(scored) if self._second else None
        answer, grid = scored.answer, None
        if self._consistency and answer.grid and answer.reasons:
            grid = decode_grid(answer.grid, answer.reasons)
            self._consistency.update(scored.frame.stamp_ns, grid)
        if self._capture:
            self._capture.look(scored, grid, agreement)

    def summary(self) -> dict:
        """Return what was found, as `replay --json` writes it."""
        found = {'agreement': self._second, 'ego_consistency': self._consistency,
                 'capture': self._capture}
        return {name: part.summary() if part else None for name, part in found.items()}


@dataclass(frozen=True)
class Questions:
    """
    What to look at.

    :param second_model: compare the masks with this model's.
    :param capture: folder for the hardest frames.
    :param capture_limit: how many of them.
    """

    second_model: ModelFile | None = None
    capture: Path | None = None
    capture_limit: int = 500

    @contextmanager
    def examine(self, reader: BagReader, drive: Drive, labels: LabelMap, parameters: Parameters,
                *, overwrite: bool) -> Iterator[Examination]:
        """
        Yield the examination of a drive's answers.

        :param reader: the drive's bag, open.
        :param drive: the drive.
        :param labels: the classes of the masks.
        :param parameters: the node's; the second model runs with the same backend.
        :param overwrite: replace an existing capture.
        :raises RoadSegError: the second model cannot be run or has other classes, or the folder
            is taken.
        """
        with ExitStack() as stack:
            second = capture = None
            if self.second_model:
                backend = stack.enter_context(
                    open_backend(self.second_model, parameters.backend, parameters.threads))
                second = SecondModel(backend, labels, drive)
            track = read_track(reader, parameters.base_frame)
            if self.capture:
                capture = stack.enter_context(open_capture(
                    self.capture, self.capture_limit, drive, labels, parameters.grid_rules,
                    Driven(track, drive, parameters, labels) if track else None,
                    overwrite=overwrite))
            yield Examination(second, EgoConsistency(track) if track else None, capture)
