"""Pictures of a report, decoded again."""

import base64
import re

import cv2
from fake_node import grid_message
import numpy as np

from road_seg.labels import ROAD_LABELS
from road_seg.replay import pictures
from road_seg.replay.charts import histogram


def decoded(uri: str) -> np.ndarray:
    """Return the RGB picture of a data URI."""
    data = base64.b64decode(uri.partition(',')[2])
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_large_pictures_are_reduced():
    assert decoded(pictures.photo(np.zeros((720, 1280, 3), np.uint8))).shape == (225, 400, 3)
    assert decoded(pictures.photo(np.zeros((30, 40, 3), np.uint8))).shape == (30, 40, 3)


def test_a_mask_has_the_classes_colours_and_no_others():
    mask = np.repeat(np.array([[0, 1, 255]], np.uint8), 400, axis=1)
    rgb = decoded(pictures.class_map(mask, ROAD_LABELS))
    assert {tuple(map(int, colour)) for colour in rgb.reshape(-1, 3)} == {
        (70, 70, 70), (128, 64, 128), (0, 0, 0)}


def test_errors_are_red_and_unlabelled_pixels_blue():
    truth = np.zeros((60, 90), np.uint8)
    truth[:, 30:60] = 1
    truth[:, 60:] = 255
    rgb = decoded(pictures.errors(np.full((60, 90, 3), 128, np.uint8), truth,
                                  np.zeros((60, 90), np.uint8))).astype(int)
    right, wrong, unlabelled = rgb[30, 15], rgb[30, 45], rgb[30, 75]
    assert np.ptp(right) < 10
    assert wrong[0] - wrong[1:].max() > 100
    assert unlabelled[2] - unlabelled[0] > 30


def test_the_layer_of_errors_is_red_blue_or_nothing():
    truth = np.array([[0, 1, 255]], np.uint8)
    data = base64.b64decode(pictures.error_layer(truth, np.zeros((1, 3), np.uint8)).partition(
        ',')[2])
    bgra = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert bgra.tolist() == [[[0, 0, 0, 0], [40, 30, 230, 255], [200, 110, 90, 140]]]


def test_a_grid_is_seen_from_above_with_forward_up_and_left_left():
    svg = pictures.birds_eye(grid_message(0))
    cells = decoded(re.search(r'href="(data:[^"]+)"', svg).group(1))
    colours = {pictures.FREE_COLOUR: 'free', pictures.BLOCKED_COLOUR: 'blocked',
               pictures.UNKNOWN_COLOUR: 'unknown'}
    assert [[colours[tuple(map(int, cell))] for cell in row] for row in cells] == [
        ['unknown', 'free'], ['blocked', 'free'], ['blocked', 'free'], ['blocked', 'free']]
    # x 0..40 m, y -10..10 m: 20 m wide, 40 m deep, the vehicle's origin at the lower edge.
    assert 'viewBox="-10 -40 20 ' in svg
    assert re.findall(r'>(\d+) m<', svg) == ['10', '20', '30']


def test_a_histogram_holds_every_value():
    svg = histogram('network', [1.0, 1.0, 2.0, 50.0], limit_ms=20.0)
    assert sum(int(count) for count in re.findall(r'(\d+) frames', svg)) == 4
    assert 'frame period 20 ms' in svg


def test_a_far_limit_does_not_squeeze_the_histogram():
    assert 'frame period' not in histogram('network', [1.0, 1.1], limit_ms=100.0)
