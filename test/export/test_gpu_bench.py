"""The GPU benchmark's steps, as far as a CPU goes."""

import json
import os
from pathlib import Path
import subprocess
import sys

import pytest

SCRIPT = Path(__file__).parents[2] / 'scripts' / 'gpu_bench.sh'


@pytest.fixture(scope='module')
def summary(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Return what a dry run wrote."""
    pytest.importorskip('tensorrt_rtx', reason='needs tensorrt_rtx')
    out = tmp_path_factory.mktemp('bench') / 'bench.json'
    subprocess.run(['sh', SCRIPT, '--dry-run', '--out', out], check=True, capture_output=True,
                   env={**os.environ, 'PYTHON': sys.executable, 'VENV': 'none'})
    return json.loads(out.read_text(encoding='utf-8'))


def test_torch_is_measured_at_both_batches(summary: dict) -> None:
    assert summary['results'].keys() == {'1', '8'}
    assert all(results['torch eager'] > 0 for results in summary['results'].values())


def test_every_engine_is_compiled(summary: dict) -> None:
    assert set(summary['notes']) == {f'TensorRT {precision}, batch {batch}'
                                     for precision in ('FP16', 'INT8') for batch in (1, 8)}
    assert all('compiled in' in note for note in summary['notes'].values())


def test_the_roofline_of_a_known_network() -> None:
    """The sum over its convolutions, from their sizes alone."""
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        import gpu_bench
    finally:
        sys.path.pop(0)
    import torch
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1, bias=False),
        torch.nn.ConvTranspose2d(8, 4, 2, stride=2, bias=False))

    class Floats(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = network

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.layers(image.float())

    pixels = 16 * 24
    operations = 2 * pixels * (3 * 8 * 9 + 8 * 4 * 4)
    size_bytes = 2 * (pixels * (3 + 8) + 3 * 8 * 9 + pixels * (8 + 4 * 4) + 8 * 4 * 4)
    model = Floats()
    assert gpu_bench._ideal_seconds(model, (16, 24), (1.0, 1e30)) == pytest.approx(operations)
    assert gpu_bench._ideal_seconds(model, (16, 24), (1e30, 1.0)) == pytest.approx(size_bytes)
    assert gpu_bench._ideal_seconds(model, (16, 24), None) is None
    assert gpu_bench._peaks('NVIDIA H100 80GB HBM3') == (989e12, 3.35e12)
    assert gpu_bench._peaks('NVIDIA H200') == (989e12, 4.8e12)
