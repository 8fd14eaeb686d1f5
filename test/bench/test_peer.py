"""Tests of other networks."""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper
from onnx import TensorProto
import pytest

from road_seg.bench.peer import Peer
from road_seg.errors import ModelError

pytest.importorskip('openvino', reason='needs OpenVINO')


def write_peer(path: Path, shape: tuple[int, ...] = (1, 3, 8, 16)) -> Path:
    """Write a network whose scores are its input: the class is the largest channel."""
    graph = helper.make_graph(
        [helper.make_node('Identity', ['image'], ['scores'])], 'peer',
        [helper.make_tensor_value_info('image', TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info('scores', TensorProto.FLOAT, shape)])
    onnx.save(helper.make_model(graph, ir_version=8,
                                opset_imports=[helper.make_opsetid('', 17)]), path)
    return path


def test_a_frame_becomes_a_mask_of_its_size(tmp_path: Path):
    peer = Peer(write_peer(tmp_path / 'peer.onnx'), 'f32', threads=1)
    frame = np.zeros((32, 64, 3), np.uint8)
    frame[:16, :, 0], frame[16:, :32, 1], frame[16:, 32:, 2] = 200, 200, 200
    mask = peer.segment(frame)
    assert mask.shape == (32, 64)
    # The network sees BGR: red is its channel 2.
    assert (mask[4, 32], mask[28, 8], mask[28, 56]) == (2, 1, 0)
    assert (peer.threads, peer.precision) == (1, 'f32')


@pytest.mark.parametrize(('shape', 'found'), [
    ((1, 4, 8, 16), 'inputs and outputs'),
    ((1, 3), 'inputs and outputs'),
])
def test_another_kind_of_network_is_refused(tmp_path: Path, shape: tuple[int, ...], found: str):
    with pytest.raises(ModelError, match=found):
        Peer(write_peer(tmp_path / 'peer.onnx', shape), 'f32')


def test_what_is_no_model_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match='no such file'):
        Peer(tmp_path / 'peer.onnx', 'f32')
    (tmp_path / 'peer.onnx').write_bytes(b'no model')
    with pytest.raises(ModelError, match='expected a model OpenVINO can run'):
        Peer(tmp_path / 'peer.onnx', 'f32')
