"""Tests of a whole measurement; times are not asserted."""

from dataclasses import replace
import json
import os
from pathlib import Path
import sys

import pytest
from tiny_model import write_tiny_model

import road_seg
from road_seg.bench.run import graph_summary
from road_seg.bench.table import markdown
from road_seg.cli.main import main
from road_seg.process_usage import ProcessUsage

PERCENTILES = {'p50', 'p95', 'p99'}


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Return a short measurement with a small model, on the command line."""
    model = write_tiny_model(tmp_path / 'model.onnx')
    return ['bench', '--model', str(model), '--backend', 'onnxruntime', '--size', '160x96',
            '--rounds', '2', '--frames', '2', '--json', str(tmp_path / 'bench.json')]


@pytest.mark.ros
def test_network_segmenter_and_live_graph(tmp_path: Path, words: list[str],
                                          capsys: pytest.CaptureFixture):
    pytest.importorskip('rclpy', reason='needs ROS 2')
    assert main([*words, '--rate', '20', '--seconds', '2']) == 0
    summary = json.loads((tmp_path / 'bench.json').read_text())
    assert summary['network_ms'].keys() == summary['segmenter_ms'].keys() == PERCENTILES
    assert summary['stages_ms'].keys() == {'preprocess', 'network', 'postprocess', 'grid'}
    assert (summary['size'], summary['backend'], summary['peers']) == (
        [160, 96], 'onnxruntime', {})
    graph = summary['graph']
    assert graph['frames'] == 40
    assert 0 < graph['answered'] <= 40
    assert graph['fps'] == pytest.approx(20.0 * (1.0 - graph['drop_ratio']))
    assert graph['latency_ms'].keys() == PERCENTILES
    assert graph['latency_ms']['p50'] > 0.0
    assert graph['stages_ms'].keys() >= {'network', 'grid', 'publish', 'total'}
    assert graph['memory_mib'] > 10.0
    out = capsys.readouterr().out
    assert '| network alone |' in out
    assert '| image stamp to both received |' in out


def test_without_ros_the_graph_is_left_out(tmp_path: Path, words: list[str],
                                           monkeypatch: pytest.MonkeyPatch,
                                           capsys: pytest.CaptureFixture):
    for name in list(sys.modules):
        if name.startswith('road_seg.ros'):
            monkeypatch.delitem(sys.modules, name)
    # What is imported now would stay the package's attribute.
    monkeypatch.setattr(road_seg, 'ros', None, raising=False)
    monkeypatch.setitem(sys.modules, 'rclpy', None)
    monkeypatch.setitem(sys.modules, 'rclpy.publisher', None)
    assert main(words) == 0
    assert 'The live graph is left out: no package rclpy' in capsys.readouterr().out
    assert json.loads((tmp_path / 'bench.json').read_text())['graph'] is None


def test_latency_ends_with_the_later_of_mask_and_grid():
    ms = 1_000_000
    sent = [100 * ms, 200 * ms, 300 * ms, 400 * ms]
    summary = graph_summary(sent, {100 * ms: 110 * ms, 200 * ms: 230 * ms, 300 * ms: 310 * ms},
                            {100 * ms: 112 * ms, 200 * ms: 228 * ms}, {'grid': [1.0]}, 30.0)
    assert (summary['frames'], summary['answered']) == (4, 2)
    assert (summary['fps'], summary['drop_ratio']) == (15.0, 0.5)
    assert summary['latency_ms']['p50'] == pytest.approx(21.0)  # of 12 and 30
    assert summary['mask_latency_ms']['p50'] == pytest.approx(20.0)  # of 10 and 30
    assert summary['stages_ms'] == {'grid': {'p50': 1.0, 'p95': 1.0, 'p99': 1.0}}


def test_tables():
    times = {'p50': 1.0, 'p95': 2.0, 'p99': 3.456}
    text = markdown({
        'size': [640, 480], 'backend': 'openvino', 'cores': 2, 'threads': 2, 'network_ms': times,
        'segmenter_ms': times, 'stages_ms': {'grid': times}, 'outside_network_share': 0.25,
        'peers': {'other auto': {'p50_ms': 2.5, 'p95_ms': 3.0, 'p99_ms': 4.0, 'ratio': 2.5,
                                 'precision': 'bf16', 'threads': 2}}, 'graph': None})
    assert text.splitlines() == [
        '640x480, backend openvino, 2 cores, network threads 2:', '',
        '| ms | p50 | p95 | p99 | times ours |', '|---|---|---|---|---|',
        '| network alone | 1.00 | 2.00 | 3.46 |  |',
        '| Segmenter | 1.00 | 2.00 | 3.46 | 1.00 |',
        '| Segmenter: grid | 1.00 | 2.00 | 3.46 |  |',
        '| other auto (computes in bf16, 2 threads) | 2.50 | 3.00 | 4.00 | 2.50 |', '',
        "All but the network: 25.0% of the Segmenter's time."]


def test_usage_of_a_process():
    before = ProcessUsage(at_s=10.0, cpu_s=1.0, memory_mib=50.0, threads=1, open_files=3)
    assert replace(before, at_s=12.0, cpu_s=2.5).cores_since(before) == 0.75
    usage = ProcessUsage.of(os.getpid())
    assert usage.cpu_s > 0.0
    assert 10.0 < usage.memory_mib < 100_000.0
    with Path(os.devnull).open():
        assert ProcessUsage.of(os.getpid()).open_files == usage.open_files + 1
    assert usage.threads >= 1
