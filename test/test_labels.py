"""The meaning of class ids."""

from contextlib import suppress
import json

from hypothesis import given
from hypothesis import strategies as st
import pytest

from road_seg.errors import ConfigError
from road_seg.errors import ModelError
from road_seg.labels import LabelMap
from road_seg.labels import ROAD_LABELS
from road_seg.labels import UNLABELLED

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(['names', 'colours', 'drivable', 'x']), inner))


def test_road_labels() -> None:
    assert ROAD_LABELS.names == ('background', 'road', 'sidewalk', 'vehicle', 'person')
    assert ROAD_LABELS.drivable == ('road',)
    assert UNLABELLED == 255


def test_id_of() -> None:
    assert [ROAD_LABELS.id_of(name) for name in ('background', 'road', 'person')] == [0, 1, 4]
    with pytest.raises(ModelError, match="class 'tree': found no such class"):
        ROAD_LABELS.id_of('tree')


def test_is_drivable() -> None:
    table = ROAD_LABELS.is_drivable
    assert table.shape == (256,)
    assert table.nonzero()[0].tolist() == [1]


def test_with_drivable() -> None:
    other = ROAD_LABELS.with_drivable(('road', 'sidewalk'))
    assert other.is_drivable.nonzero()[0].tolist() == [1, 2]
    assert (other.names, other.colours) == (ROAD_LABELS.names, ROAD_LABELS.colours)
    assert ROAD_LABELS.with_drivable(()) == ROAD_LABELS
    with pytest.raises(ConfigError) as caught:
        ROAD_LABELS.with_drivable(('road', 'lawn', ''))
    assert str(caught.value) == (
        "drivable_classes: found 'lawn', ''; expected names among background, road, sidewalk, "
        'vehicle, person; correct the names')


def test_palette() -> None:
    table = ROAD_LABELS.palette
    assert table.shape == (256, 3)
    assert table[[1, 4, 5, 255]].tolist() == [[128, 64, 128], [220, 20, 60], [0, 0, 0], [0, 0, 0]]


def test_json_round_trip() -> None:
    assert LabelMap.from_json(ROAD_LABELS.to_json()) == ROAD_LABELS
    assert json.loads(ROAD_LABELS.to_json())['drivable'] == ['road']


GREY = (1, 1, 1)


@pytest.mark.parametrize(('names', 'colours', 'drivable'), [
    (('a',), (GREY,), ('a',)),
    (('a', 'a'), (GREY, GREY), ('a',)),
    (('a', 'b'), (GREY,), ('a',)),
    (('a', 'b'), (GREY, GREY), ()),
    (('a', 'b'), (GREY, GREY), ('c',)),
    (('a', 'b'), (GREY, (1, 1, 256)), ('a',)),
    (('a', 'b'), (GREY, (1, 1, -1)), ('a',)),
    (tuple(map(str, range(256))), (GREY,) * 256, ('1',)),
    (('a', '\ud800'), (GREY, GREY), ('a',)),
])
def test_refuses_parts_that_do_not_fit(names: tuple, colours: tuple, drivable: tuple) -> None:
    with pytest.raises(ModelError, match='label map'):
        LabelMap(names, colours, drivable)


def test_an_error_names_long_lists_in_part() -> None:
    with pytest.raises(ModelError) as caught:
        LabelMap(('n' * 10_000,), (GREY,), ('d' * 10_000,))
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize('text', [
    '', 'null', '[]', '{}', '{"names": 5}', '[' * 100_000,
    '{"names": ["a", "b"], "colours": [[0, 0], [1, 1]], "drivable": ["a"]}',
    '{"names": ["a", "b"], "colours": [[0, 0, 0], [1, 1, Infinity]], "drivable": ["a"]}',
])
def test_refuses_text_that_is_no_label_map(text: str) -> None:
    with pytest.raises(ModelError, match='label map'):
        LabelMap.from_json(text)


@given(JSON_VALUES)
def test_any_json_is_a_map_or_a_model_error(value: object) -> None:
    with suppress(ModelError):
        assert len(LabelMap.from_json(json.dumps(value)).names) >= 2
