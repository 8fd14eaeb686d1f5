"""The frames a film keeps."""

from drives import picture
from drives import truth_of
import pytest

from road_seg.bags.drive import Frame
from road_seg.bags.messages import encode_image
from road_seg.bags.messages import IMAGE
from road_seg.labels import ROAD_LABELS
from road_seg.replay.evaluate import ScoredFrame
from road_seg.replay.film import Film
from road_seg.serialized import Answer


def scored(index: int) -> ScoredFrame:
    """Return a frame with its answer, without truth and grid."""
    cdr = encode_image(picture(index), index, 'camera')
    return ScoredFrame(index, Frame(index, index, cdr), Answer(b'', None, None, None, {}, 1.0),
                       truth_of(picture(index)), None, None, None, None)


def kept(film: Film, indices: range | list[int]) -> list[int]:
    """Show frames to a film; return the numbers of those it keeps."""
    for index in indices:
        film.add(scored(index))
    return [frame.number for frame in film.frames]


@pytest.mark.parametrize(('count', 'most', 'expected'), [
    (3, 120, [0, 1, 2]), (9, 5, [0, 2, 4, 6, 8]), (1, 120, [0]), (10, 1, [0])])
def test_evenly_spread(count: int, most: int, expected: list[int]) -> None:
    assert kept(Film(count, IMAGE, ROAD_LABELS, most_frames=most), range(count)) == expected


def test_the_next_frame_stands_in_for_a_dropped_one() -> None:
    film = Film(9, IMAGE, ROAD_LABELS, most_frames=5)
    assert kept(film, [1, 5, 6, 7]) == [1, 5, 6]


def test_of_too_many_bytes_every_second_frame_is_kept() -> None:
    size = Film(1, IMAGE, ROAD_LABELS)
    kept(size, [0])
    most = 4 * size.frames[0].size + 200
    film = Film(20, IMAGE, ROAD_LABELS, most_bytes=most)
    assert kept(film, range(20)) == [0, 8, 16]
    assert sum(frame.size for frame in film.frames) <= most
