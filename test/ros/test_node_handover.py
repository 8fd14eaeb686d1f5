"""The node answers every frame while a GPU backend gets ready, and says which one serves."""

from collections.abc import Callable
from pathlib import Path
from threading import Event
import time

from diagnostic_msgs.msg import DiagnosticStatus
import fake_tensorrt
from fake_tensorrt import FakeTensorRt
import numpy as np
import pytest
from ros_graph import Graph
from ros_graph import image_message
from ros_graph import TIMEOUT_S
from ros_graph import values_of
from sensor_msgs.msg import Image
from tiny_model import expected_classes

from road_seg.backends.onnxruntime_backend import OnnxRuntimeBackend
from road_seg.backends.tensorrt_backend import TensorRtBackend

pytestmark = pytest.mark.ros

PICTURE = np.random.default_rng(3).integers(0, 256, (64, 96, 3), np.uint8)
MakeGraph = Callable[..., Graph]


@pytest.fixture
def trt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeTensorRt:
    """Put a GPU with TensorRT into the process, beside ONNX Runtime."""
    monkeypatch.setattr('road_seg.backends.BACKENDS', (TensorRtBackend, OnnxRuntimeBackend))
    return fake_tensorrt.install(monkeypatch, tmp_path)[1]


class Camera:
    """Sends frames one by one and takes the answer to each."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._masks = graph.listen(Image, 'road_mask')
        self.sent = 0

    def frame(self) -> None:
        """Send a frame; its own mask must come."""
        self.sent += 1
        self._graph.publish('image', image_message(PICTURE, 'rgb8', stamp=self.sent))
        assert self._graph.wait(lambda: len(self._masks) == self.sent)
        mask = self._masks[-1]
        assert mask.header.stamp.sec == self.sent
        assert bytes(mask.data) == expected_classes(PICTURE).tobytes()

    def frames_until(self, matches: Callable[[DiagnosticStatus], object]) -> DiagnosticStatus:
        """Send frames until a diagnostic matches, and return it."""
        self._graph.statuses.clear()
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            self.frame()
            found = [status for status in self._graph.statuses if matches(status)]
            if found:
                return found[0]
        raise AssertionError(self._graph.statuses)


@pytest.mark.parametrize('backend', ['auto', 'tensorrt'])
def test_no_frame_is_lost_while_the_engine_is_built(make_graph: MakeGraph, trt: FakeTensorRt,
                                                    backend: str) -> None:
    may_end = Event()
    trt.amid_build = lambda: may_end.wait(TIMEOUT_S)
    graph = make_graph(backend=backend).start()
    camera = Camera(graph)
    status = camera.frames_until(lambda status: 'building the engine' in status.message)
    assert 'onnxruntime serves while tensorrt gets ready: ' in status.message
    assert 'backend_stand_in' in values_of(status)['reasons']
    assert status.hardware_id == 'onnxruntime'
    may_end.set()
    status = camera.frames_until(lambda status: values_of(status).get('backend') == 'tensorrt')
    assert 'serves' not in status.message
    for _ in range(5):
        camera.frame()
    values = values_of(graph.status(
        lambda status: values_of(status)['frames processed'] == str(camera.sent)))
    assert (values['frames received'], values['frames dropped'], values['frames failed']) == (
        str(camera.sent), '0', '0')
    assert values['backends passed over'] == 'none'
    assert trt.builds == 1


def test_a_refused_engine_is_told_and_the_cpu_goes_on(make_graph: MakeGraph,
                                                      trt: FakeTensorRt) -> None:
    trt.compile = lambda content: b'damaged'
    camera = Camera(make_graph(backend='auto').start())
    status = camera.frames_until(lambda status: 'refused' in status.message)
    assert 'backend_stand_in' in values_of(status)['reasons']
    assert 'onnxruntime serves: tensorrt refused: TensorRT with ' in status.message
    assert 'found no engine that loads' in status.message
    assert values_of(status)['backend'] == 'onnxruntime'
    camera.frame()


def test_cleanup_amid_a_build_ends_it(make_graph: MakeGraph, trt: FakeTensorRt) -> None:
    graph = make_graph(backend='tensorrt').start()
    assert graph.node.trigger_deactivate().name == 'SUCCESS'
    assert graph.node.trigger_cleanup().name == 'SUCCESS'
    status = graph.status(lambda status: status.message == 'unconfigured')
    assert status.level == DiagnosticStatus.OK
    assert 'backend' not in values_of(status)


def test_without_a_place_for_engines_one_is_built_all_the_same(
        make_graph: MakeGraph, trt: FakeTensorRt, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / 'file'
    place.touch()
    monkeypatch.setenv('XDG_CACHE_HOME', str(place))
    camera = Camera(make_graph(backend='tensorrt').start())
    status = camera.frames_until(
        lambda status: 'engine_not_kept' in values_of(status)['reasons'])
    assert values_of(status)['backend'] == 'tensorrt'
    assert ('the engine is not kept and is compiled at every start: '
            f'{place}/road_seg/engines: found Not a directory; expected a folder that can be '
            'written to; set XDG_CACHE_HOME to one') in status.message
    camera.frame()
    assert trt.builds == 1
