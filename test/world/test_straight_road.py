"""The drawn road: exact, repeatable, and consistent with its calibration."""

import numpy as np

from road_seg.camera import CameraModel
from road_seg.labels import ROAD_LABELS
from road_seg.world import straight_road


def test_the_same_seed_draws_the_same_pixels():
    first, again = (list(straight_road.clip(3, seed=1).frames()) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.rgb, other.rgb)
        np.testing.assert_array_equal(one.truth, other.truth)
    assert not np.array_equal(first[0].rgb, next(straight_road.clip(3, seed=2).frames()).rgb)


def test_frames_have_the_stated_form():
    source = straight_road.clip(4)
    frames = list(source.frames())
    assert source.count == len(frames) == 4
    assert [frame.time_ns for frame in frames] == [0, 100_000_000, 200_000_000, 300_000_000]
    assert {(frame.rgb.shape, frame.rgb.dtype.name, frame.truth.shape) for frame in frames} == {
        ((384, 640, 3), 'uint8', (384, 640))}
    assert source.labels == ROAD_LABELS


def test_every_class_appears_and_nothing_is_unlabelled():
    seen = {int(value) for frame in straight_road.clip().frames()
            for value in np.unique(frame.truth)}
    assert seen == {0, 1, 2, 3, 4}


def test_the_mask_agrees_with_the_projection_of_the_ground():
    source = straight_road.clip(1)
    frame = next(source.frames())
    camera = CameraModel.from_info(source.camera_info)
    # The centre line is 1.5 m * sin(x / 60 m); from it 3.5 m of road to each side, then 2 m of
    # sidewalk. The points are 6 to 11 m ahead, nearer than any traffic.
    for sideways, class_id in ((0.0, 1), (3.3, 1), (-3.3, 1), (3.8, 2), (-3.8, 2), (-5.9, 0)):
        points = np.array([(ahead, 1.5 * np.sin(ahead / 60.0) + sideways, 0.0)
                           for ahead in np.arange(6.0, 11.0, 0.5)])
        pixels, valid = camera.project(straight_road.EXTRINSICS.to_optical(points))
        columns, rows = pixels[valid].round().astype(int).T
        assert valid.any()
        assert set(frame.truth[rows, columns].tolist()) == {class_id}, (sideways, class_id)
