"""Tests of the node's lifecycle: what each transition takes, gives back and reports."""

from collections.abc import Callable
from pathlib import Path
from threading import active_count

from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import State
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from lifecycle_msgs.srv import GetState
import pytest
from ros_graph import Graph
from ros_graph import values_of

from road_seg.backends import default_model
from road_seg.backends.onnxruntime_backend import OnnxRuntimeBackend

pytestmark = pytest.mark.ros

MakeGraph = Callable[..., Graph]

OUTPUTS = ('/road_mask', '/road_mask/confidence', '/road_mask/overlay', '/drivable_area',
           '/road_seg/debug/timings')
CONFIGURE, CLEANUP = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_CLEANUP
ACTIVATE, DEACTIVATE = Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_DEACTIVATE


def endpoints(graph: Graph) -> tuple[int, int]:
    """Return the numbers of the node's output publishers and input subscriptions."""
    node = graph.node
    return (sum(node.count_publishers(topic) for topic in OUTPUTS),
            sum(node.count_subscribers(topic) for topic in ('/image', '/camera_info')))


def change(graph: Graph, transition: int) -> bool:
    """Ask for a transition over the service, as launch and Nav2 do."""
    client = graph.client.create_client(ChangeState, 'road_seg/change_state')
    assert graph.wait(client.service_is_ready)
    future = client.call_async(ChangeState.Request(transition=Transition(id=transition)))
    assert graph.wait(future.done)
    return future.result().success


def state(graph: Graph) -> int:
    """Return the id of the node's state, from its service."""
    client = graph.client.create_client(GetState, 'road_seg/get_state')
    assert graph.wait(client.service_is_ready)
    future = client.call_async(GetState.Request())
    assert graph.wait(future.done)
    return future.result().current_state.id


def test_the_walk(make_graph: MakeGraph) -> None:
    graph = make_graph()
    for transition, state_id, label, counts in (
            (CONFIGURE, State.PRIMARY_STATE_INACTIVE, 'inactive', (5, 0)),
            (ACTIVATE, State.PRIMARY_STATE_ACTIVE, 'active', (5, 2)),
            (DEACTIVATE, State.PRIMARY_STATE_INACTIVE, 'inactive', (5, 0)),
            (CLEANUP, State.PRIMARY_STATE_UNCONFIGURED, 'unconfigured', (0, 0)),
            (CONFIGURE, State.PRIMARY_STATE_INACTIVE, 'inactive', (5, 0)),
            (ACTIVATE, State.PRIMARY_STATE_ACTIVE, 'active', (5, 2)),
            (Transition.TRANSITION_ACTIVE_SHUTDOWN, State.PRIMARY_STATE_FINALIZED, 'finalized',
             (0, 0))):
        assert change(graph, transition)
        assert state(graph) == state_id
        assert endpoints(graph) == counts
        assert graph.wait(lambda: graph.statuses)
        assert graph.wait(lambda label=label: graph.statuses[-1].message == label)
        status = graph.statuses[-1]
        assert values_of(status)['state'] == label
        assert status.level == DiagnosticStatus.OK


def test_the_diagnostics_begin_before_configure_and_name_the_model(
        make_graph: MakeGraph, tiny_model_path: Path) -> None:
    graph = make_graph()
    status = graph.status(lambda status: True)
    assert (status.message, status.hardware_id) == ('unconfigured', 'no backend')
    assert 'model' not in values_of(status)
    graph.node.trigger_configure()
    status = graph.status(lambda status: status.message == 'inactive')
    assert status.hardware_id == 'onnxruntime'
    values = values_of(status)
    assert (values['model'], values['backend'], values['backends passed over']) == (
        str(tiny_model_path), 'onnxruntime', 'none')
    assert len(values['model sha256']) == 64
    graph.node.trigger_cleanup()
    status = graph.status(lambda status: status.message == 'unconfigured')
    assert 'model' not in values_of(status)


def test_silence_is_reported(make_graph: MakeGraph) -> None:
    graph = make_graph('image:=/front/image_raw').start()
    status = graph.status(lambda status: status.level == DiagnosticStatus.STALE)
    assert status.message.startswith('no image on /front/image_raw for ')


@pytest.mark.parametrize(('parameters', 'message'), [
    ({'model': '/nowhere/road.onnx'},
     'configure: /nowhere/road.onnx: found no such file; expected an ONNX model file; '),
    ({'model': __file__}, f'configure: {__file__}: found no complete ONNX file'),
    ({'threads': -1}, 'configure: parameter threads: found -1; expected a whole number from 0'),
    ({'backend': 'tpu'}, "configure: parameter backend: found 'tpu'; expected one of auto, "),
    ({'drivable_classes': '[road, lawn]'},
     "configure: drivable_classes: found 'lawn'; expected names among background, road, "),
    ({'grid__resolution': 0.3}, 'configure: grid: found resolution 0.3'),
])
def test_configure_refuses_bad_input_and_says_why(
        make_graph: MakeGraph, parameters: dict[str, object], message: str,
        capfd: pytest.CaptureFixture) -> None:
    graph = make_graph(**parameters)
    assert not change(graph, CONFIGURE)
    assert state(graph) == State.PRIMARY_STATE_UNCONFIGURED
    status = graph.status(lambda status: status.level == DiagnosticStatus.ERROR)
    assert status.message.startswith(message)
    assert values_of(status)['state'] == 'unconfigured'
    assert endpoints(graph) == (0, 0)
    log = capfd.readouterr().err
    assert log.count(message) == 1
    assert 'Traceback' not in log


def test_the_shipped_model_is_the_default(make_graph: MakeGraph) -> None:
    if not default_model().exists():
        pytest.skip('no shipped model')
    graph = make_graph(model='""')
    assert change(graph, CONFIGURE)
    status = graph.status(lambda status: status.message == 'inactive')
    assert values_of(status)['model'] == str(default_model())


def test_configure_succeeds_after_the_cause_of_a_failure_is_gone(
        make_graph: MakeGraph, tmp_path: Path, tiny_model_path: Path) -> None:
    path = tmp_path / 'late.onnx'
    graph = make_graph(model=path)
    assert not change(graph, CONFIGURE)
    path.write_bytes(tiny_model_path.read_bytes())
    assert change(graph, CONFIGURE)
    assert graph.status(lambda status: status.message == 'inactive').level == DiagnosticStatus.OK


def test_a_bug_in_a_transition_is_logged_and_everything_released(
        make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture) -> None:
    deactivated = []
    monkeypatch.setattr(OnnxRuntimeBackend, '_deactivate', lambda self: deactivated.append(self))

    def broken(*arguments: object) -> None:
        raise ZeroDivisionError('a bug')

    graph = make_graph()
    assert change(graph, CONFIGURE)
    monkeypatch.setattr('road_seg.ros.node.input_topics', broken)
    change(graph, ACTIVATE)
    assert state(graph) == State.PRIMARY_STATE_UNCONFIGURED
    assert endpoints(graph) == (0, 0)
    assert len(deactivated) == 1
    status = graph.status(lambda status: values_of(status)['state'] == 'unconfigured')
    assert (status.level, status.message) == (DiagnosticStatus.ERROR,
                                              'activate: ZeroDivisionError: a bug')
    assert capfd.readouterr().err.count('activate: ZeroDivisionError: a bug') == 1
    monkeypatch.undo()
    assert change(graph, CONFIGURE)
    assert change(graph, ACTIVATE)
    assert graph.status(lambda status: status.message == 'active').level == DiagnosticStatus.OK


def test_a_configure_that_breaks_half_way_leaves_no_publisher(
        make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr('road_seg.ros.outputs.qos.latched', broken)
    graph = make_graph()
    before = len(list(graph.node.publishers))
    change(graph, CONFIGURE)
    assert state(graph) == State.PRIMARY_STATE_UNCONFIGURED
    assert len(list(graph.node.publishers)) == before
    assert endpoints(graph) == (0, 0)


def test_transitions_again_and_again_leave_nothing_behind(make_graph: MakeGraph) -> None:
    graph = make_graph()
    node = graph.node
    threads = set()
    entities = set()
    for _ in range(20):
        for trigger in (node.trigger_configure, node.trigger_activate, node.trigger_deactivate,
                        node.trigger_activate, node.trigger_deactivate, node.trigger_cleanup):
            assert trigger().name == 'SUCCESS'
        threads.add(active_count())
        entities.add((len(list(node.publishers)), len(list(node.subscriptions)),
                      len(list(node.timers)), len(list(node.services))))
    assert len(threads) == len(entities) == 1
    assert endpoints(graph) == (0, 0)
