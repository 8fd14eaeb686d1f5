"""A planner never takes ground for free that is not known to be drivable."""

from builtin_interfaces.msg import Time
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from nav2_static_layer import FREE_SPACE
from nav2_static_layer import INSCRIBED
from nav2_static_layer import is_malformed
from nav2_static_layer import LETHAL
from nav2_static_layer import NO_INFORMATION
from nav2_static_layer import StaticLayer
from nav_msgs.msg import OccupancyGrid
import numpy as np
import pytest

from road_seg.calibration import CameraInfo
from road_seg.camera import CameraModel
from road_seg.camera import Extrinsics
from road_seg.grid import DrivableGrid
from road_seg.grid import GridRules
from road_seg.grid import GridSpec
from road_seg.grid import Reason
from road_seg.grid import unknown_grid
from road_seg.ground import GroundProjector
from road_seg.ros import qos
from road_seg.ros.conversions import GridMessage

pytestmark = pytest.mark.ros

SPEC = GridSpec(resolution=0.5, x_min=0.0, x_max=30.0, y_min=-10.0, y_max=10.0)
CAMERA = CameraModel.from_info(CameraInfo.nominal(104, 64, 70.0))


def _grid(seed: int, encoding: str = 'trinary') -> DrivableGrid:
    """Return the grid of blotchy random maps, in which most reasons occur."""
    generator = np.random.default_rng(seed)
    maps = []
    for low in (100, 140):
        blotches = generator.integers(low, 256, (8, 13), np.uint8)
        maps.append(np.kron(blotches, np.ones((8, 8), np.uint8)))
    rules = GridRules(encoding=encoding, pitch_uncertainty_deg=0.2)
    return GroundProjector(SPEC, rules).project(*maps, CAMERA,
                                                Extrinsics(0.0, 0.0, 1.5, pitch=0.05))


def _message(grid: DrivableGrid) -> OccupancyGrid:
    return GridMessage('base_link').filled(Time(sec=3), grid)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), is_trinary=st.booleans(), lethal=st.integers(1, 100))
def test_only_drivable_cells_are_free_where_unknown_is_tracked(seed: int, is_trinary: bool,
                                                               lethal: int) -> None:
    grid = _grid(seed)
    layer = StaticLayer(track_unknown_space=True, trinary_costmap=is_trinary,
                        lethal_cost_threshold=lethal)
    costs = layer.costs(_message(grid))
    assert ((costs == FREE_SPACE) == (grid.reasons == Reason.DRIVABLE)).all()
    assert ((costs == LETHAL) == (grid.reasons == Reason.BLOCKED)).all()
    others = (grid.reasons != Reason.DRIVABLE) & (grid.reasons != Reason.BLOCKED)
    assert (costs[others] == NO_INFORMATION).all()


def test_most_reasons_occur() -> None:
    seen = set()
    for seed in range(20):
        seen |= set(np.unique(_grid(seed).reasons).tolist())
    assert seen == set(Reason) - {Reason.STALE}


def test_the_default_of_nav2_takes_unknown_for_free() -> None:
    grid = unknown_grid(SPEC, Reason.STALE)
    assert (StaticLayer().costs(_message(grid)) == FREE_SPACE).all()
    tracked = StaticLayer(track_unknown_space=True)
    assert (tracked.costs(_message(grid)) == NO_INFORMATION).all()


def test_trinary_costmap_takes_probabilities_for_free() -> None:
    # Why the default encoding is trinary.
    grid = _grid(1, 'probability')
    costs = StaticLayer(track_unknown_space=True).costs(_message(grid))
    assert ((costs == FREE_SPACE) & (grid.reasons == Reason.BLOCKED)).any()


def test_rules_of_the_reference() -> None:
    layer = StaticLayer()
    assert [layer.cost(value) for value in (-1, 0, 1, 98, 99, 100)] == [
        FREE_SPACE, FREE_SPACE, FREE_SPACE, FREE_SPACE, INSCRIBED, LETHAL]
    assert StaticLayer(trinary_costmap=False).cost(50) == 127


@pytest.mark.parametrize('spec', [
    SPEC, GridSpec(), GridSpec(0.1, -5.0, 5.0, -0.1, 0.1), GridSpec(1.0, 0.0, 1.0, 0.0, 1.0)])
def test_no_message_is_malformed(spec: GridSpec) -> None:
    message = _message(unknown_grid(spec, Reason.STALE))
    assert not is_malformed(message)
    # The layer ignores the origin's orientation: the grid must have none.
    turn = message.info.origin.orientation
    assert (turn.x, turn.y, turn.z, turn.w) == (0.0, 0.0, 0.0, 1.0)
    assert message.header.frame_id == 'base_link'


def test_the_layer_hears_the_topic() -> None:
    assert StaticLayer().hears(qos.latched())
    assert not StaticLayer().hears(qos.output())
