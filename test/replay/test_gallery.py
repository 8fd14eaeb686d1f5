"""The frames a report keeps."""

import numpy as np

from road_seg.replay.charts import reliability
from road_seg.replay.gallery import Exhibit
from road_seg.replay.gallery import WorstFrames


def test_the_worst_are_kept_and_only_they_are_drawn() -> None:
    worst = WorstFrames(2)
    drawn = []

    def make(share: float) -> Exhibit:
        drawn.append(share)
        return Exhibit(f'{share}', share, {})

    for share in (0.1, 0.0, 0.3, 0.3, 0.2, 0.05):
        worst.add(share, lambda share=share: make(share))
    assert [exhibit.error_share for exhibit in worst.exhibits] == [0.3, 0.3]
    assert drawn == [0.1, 0.3, 0.3]


def test_a_dot_on_the_diagonal_of_the_reliability_plot() -> None:
    svg = reliability(np.array([[0.5, 0.5, 1.0]]))
    assert '<circle cx="194.0" cy="168.0" r="15.0">' in svg
