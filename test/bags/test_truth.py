"""Truth masks beside the recording: a folder, another bag."""

from pathlib import Path

import cv2
from drives import PERIOD_NS
from drives import picture
from drives import START_NS
from drives import truth_of
from drives import write_drive
import numpy as np
import pytest

from road_seg.bags import messages
from road_seg.bags.drive import Drive
from road_seg.bags.reader import BagReader
from road_seg.bags.truth import open_truth
from road_seg.bags.writer import create_bag
from road_seg.errors import InputError

LABELLED = (1, 2, 4)


def truths(bag: Path, path: Path, topic: str = '/labels') -> list[np.ndarray | None]:
    """Return each frame's truth."""
    with BagReader(bag) as reader, open_truth(path, topic) as source:
        drive = Drive(reader, truth=source)
        assert drive.truth_count == len(LABELLED)
        return [None if frame.truth is None else messages.decode_mask(frame.truth)
                for frame in drive.frames()]


def check(found: list[np.ndarray | None]) -> None:
    """Check that the labelled frames have their truth and the others none."""
    assert [index for index, truth in enumerate(found) if truth is not None] == list(LABELLED)
    for index in LABELLED:
        np.testing.assert_array_equal(found[index], truth_of(picture(index)))


def test_a_folder_of_masks_named_by_stamp(tmp_path: Path):
    bag = write_drive(tmp_path / 'drive', count=6, with_truth=False)
    (tmp_path / 'masks').mkdir()
    for index in LABELLED:
        cv2.imwrite(str(tmp_path / 'masks' / f'{START_NS + index * PERIOD_NS}.png'),
                    truth_of(picture(index)))
    check(truths(bag, tmp_path / 'masks'))


def test_another_bag_takes_the_place_of_the_truth_of_the_bag(tmp_path: Path):
    bag = write_drive(tmp_path / 'drive', count=6)
    with create_bag(tmp_path / 'labels') as writer:
        for index in LABELLED:
            stamp = START_NS + index * PERIOD_NS
            writer.write('/labels', messages.IMAGE, 7 + index,  # made at another time
                         messages.encode_image(truth_of(picture(index)), stamp, 'camera'))
    check(truths(bag, tmp_path / 'labels'))
    with pytest.raises(InputError, match=r"no masks on /other; expected .*\['/labels'\]"):
        truths(bag, tmp_path / 'labels', '/other')


def test_a_folder_without_masks_is_named(tmp_path: Path):
    with (pytest.raises(InputError, match=r'no file such as 1700000000000000000\.png'),
          open_truth(tmp_path, '/labels')):
        pass


def test_a_picture_that_is_no_mask_is_named(tmp_path: Path):
    bag = write_drive(tmp_path / 'drive', count=6)
    for index in LABELLED:
        cv2.imwrite(str(tmp_path / f'{START_NS + index * PERIOD_NS}.png'), picture(index))
    with pytest.raises(InputError, match='no 8-bit image of one channel'):
        truths(bag, tmp_path)
