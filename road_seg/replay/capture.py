"""Hard frames of a drive as a data set to label: pictures, draft masks, manifest, sheet."""

from collections.abc import Iterator
from contextlib import contextmanager
import csv
from itertools import zip_longest
from pathlib import Path

import cv2
import numpy as np
import yaml

from road_seg.bags.drive import Drive
from road_seg.bags.drive import Frame
from road_seg.bags.messages import COMPRESSED_IMAGE
from road_seg.bags.messages import decode
from road_seg.data.folder import write_picture
from road_seg.data.sheet import COLUMNS
from road_seg.data.sheet import draw_tile
from road_seg.data.sheet import ROWS
from road_seg.data.sheet import write_sheet
from road_seg.errors import InputError
from road_seg.files import replacing_folder
from road_seg.grid import DrivableGrid
from road_seg.grid import GridRules
from road_seg.labels import LabelMap
from road_seg.labels import UNLABELLED
from road_seg.replay.driven import Driven
from road_seg.replay.evaluate import ScoredFrame
from road_seg.replay.hard_examples import Example
from road_seg.replay.hard_examples import fingerprint
from road_seg.replay.hard_examples import FLOORS
from road_seg.replay.hard_examples import HardExamples

ADAPTER_NAME, MANIFEST_NAME, SHEET_NAME = 'captured.yaml', 'manifest.csv', 'sheet.png'
_IMAGES, _MASKS = Path('train', 'images'), Path('train', 'masks')
_JPEG_START, _JPEG_QUALITY = b'\xff\xd8', 95


class Capture:
    """
    Keep the hardest frames of a drive in a folder.

    :param folder: an empty folder.
    :param limit: how many frames to keep.
    :param drive: what the frames are of.
    :param labels: the classes of the masks.
    :param rules: the grids'; they say which confidence is low.
    :param driven: knows where the vehicle drove, if that is known at all.
    """

    def __init__(self, folder: Path, limit: int, drive: Drive, labels: LabelMap,
                 rules: GridRules, driven: Driven | None) -> None:
        self._folder = folder
        self._examples = HardExamples(limit)
        self._drive = drive
        self._labels = labels
        self._rules = rules
        self._driven = driven
        self._with_truth: set[int] = set()
        for place in (_IMAGES, _MASKS):
            (folder / place).mkdir(parents=True)

    def look(self, scored: ScoredFrame, grid: DrivableGrid | None,
             agreement: float | None) -> None:
        """
        Keep a frame if it is among the hardest so far.

        :param grid: of the answer, if it has one.
        :param agreement: share of the pixels to which a second model gives the same class.
        """
        scores = self._scores(scored, grid, agreement)
        if not self._examples.see(scores):
            return
        frame = scored.frame
        rgb = frame.rgb(self._drive.image_type)
        example = Example(scored.index, frame.stamp_ns, scores, fingerprint(rgb))
        given_up = self._examples.offer(example)
        if given_up is None:
            return
        for each in given_up:
            for path in self._paths(each):
                path.unlink()
            self._with_truth.discard(each.index)
        image, mask = self._paths(example)
        image.write_bytes(self._jpeg(frame, rgb))
        write_picture(mask, scored.mask if scored.truth is None else scored.truth)
        if scored.truth is not None:
            self._with_truth.add(scored.index)

    def finish(self) -> None:
        """Write adapter, manifest and sheet beside the pictures."""
        ids = {**dict(enumerate(self._labels.names)), UNLABELLED: 'ignore'}
        (self._folder / ADAPTER_NAME).write_text(
            f'# Hard frames of {self._drive.path.name!r}; masks are drafts where manifest.csv '
            'says prediction.\n' + yaml.safe_dump({
                'images': f'{{split}}/{_IMAGES.name}/*.jpg',
                'masks': f'{{split}}/{_MASKS.name}/{{stem}}.png', 'ids': ids}, sort_keys=False),
            encoding='utf-8')
        self._write_manifest()
        self._write_sheet()

    def summary(self) -> dict:
        """Return how many frames there are, in all and by reason."""
        return {'frames': len(self._examples.kept), 'by_reason': {
            reason: len(group) for reason, group in self._examples.by_reason().items()}}

    def _scores(self, scored: ScoredFrame, grid: DrivableGrid | None,
                agreement: float | None) -> dict[str, float]:
        """Return how hard a frame is by each reason that is known."""
        limit = self._rules.confidence_threshold * 255.0
        unsure = None if scored.confidence is None else (
            np.count_nonzero(scored.confidence < limit) / scored.confidence.size)
        driven = self._driven.blocked_share(scored.frame, scored.mask, grid) if (
            self._driven and grid) else None
        values = (unsure, scored.flicker, scored.error_share,
                  None if agreement is None else 1.0 - agreement, driven)
        return {reason: value for reason, value in zip(FLOORS, values, strict=True)
                if value is not None}

    def _paths(self, example: Example) -> tuple[Path, Path]:
        """Return the files of an example's picture and mask."""
        stem = f'{self._drive.path.absolute().stem}_{example.stamp_ns}'
        return (self._folder / _IMAGES / f'{stem}.jpg', self._folder / _MASKS / f'{stem}.png')

    def _jpeg(self, frame: Frame, rgb: np.ndarray) -> bytes:
        """Return a frame's picture as a JPEG file: the recorded one where there is one."""
        if self._drive.image_type == COMPRESSED_IMAGE:
            data = bytes(decode(frame.image, COMPRESSED_IMAGE).data)
            if data.startswith(_JPEG_START):
                return data
        _, data = cv2.imencode('.jpg', cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR),
                               (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
        return data.tobytes()

    def _write_manifest(self) -> None:
        """Write a line for each frame: where it is from, why, and what its mask is."""
        with (self._folder / MANIFEST_NAME).open('w', encoding='utf-8', newline='') as file:
            writer = csv.writer(file)
            writer.writerow(('image', 'bag', 'frame', 'stamp_ns', 'mask', 'reason', *FLOORS))
            for example in sorted(self._examples.kept, key=lambda kept: kept.stamp_ns):
                mask = 'truth' if example.index in self._with_truth else 'prediction'
                scores = (f'{example.scores[reason]:.4f}' if reason in example.scores else ''
                          for reason in FLOORS)
                writer.writerow((self._paths(example)[0].name, self._drive.path.absolute(),
                                 example.index, example.stamp_ns, mask,
                                 self._examples.reason(example), *scores))

    def _write_sheet(self) -> None:
        """Draw the hardest frames of each reason, as many of each as of the others."""
        groups = self._examples.by_reason()
        in_turns = [example for row in zip_longest(*groups.values()) for example in row if example]
        shown = set(map(id, in_turns[:COLUMNS * ROWS]))
        if shown:
            write_sheet(self._folder / SHEET_NAME, [
                self._tile(example, reason) for reason, group in groups.items()
                for example in group if id(example) in shown])

    def _tile(self, example: Example, reason: str) -> np.ndarray:
        image, mask = (cv2.imread(str(path), flags) for path, flags in zip(
            self._paths(example), (cv2.IMREAD_COLOR, cv2.IMREAD_GRAYSCALE), strict=True))
        return draw_tile(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), mask, self._labels.palette,
                         f'{reason.replace("_", " ")} {example.scores[reason]:.3f}')


def check_capture_target(folder: Path, overwrite: bool) -> None:
    """
    Refuse a place where nothing may be captured.

    :param overwrite: a capture may be replaced; anything else never.
    :raises InputError: something is there that may not be replaced.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not overwrite:
        raise InputError(folder, found='an existing file or folder', expected='a name not in use',
                         fix='add --force to replace a capture, or choose another name')
    if not (folder / ADAPTER_NAME).is_file() or not (folder / MANIFEST_NAME).is_file():
        raise InputError(folder, found='something else than a capture',
                         expected='a capture to replace', fix='choose another name')


@contextmanager
def open_capture(folder: Path, limit: int, drive: Drive, labels: LabelMap, rules: GridRules,
                 driven: Driven | None, *, overwrite: bool) -> Iterator[Capture]:
    """
    Yield a capture whose folder takes its name when the block succeeds; else nothing remains.

    The other parameters are those of Capture.

    :param overwrite: replace a capture of that name.
    :raises InputError: the folder exists and may not be replaced, or cannot be made.
    """
    check_capture_target(folder, overwrite)
    with replacing_folder(folder.absolute()) as temporary:
        temporary.mkdir()
        capture = Capture(temporary, limit, drive, labels, rules, driven)
        yield capture
        capture.finish()
