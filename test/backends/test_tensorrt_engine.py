"""Compiling with tensorrt_rtx, which needs no GPU."""

import hashlib
import json
import logging
from pathlib import Path
from threading import Thread
import time

import pytest

from road_seg.backends import default_model
from road_seg.backends import read_model
from road_seg.backends.base import log_progress
from road_seg.backends.engine_cache import cache_folder
from road_seg.backends.tensorrt_engine import compile_model
from road_seg.backends.tensorrt_engine import engine_key
from road_seg.cli.main import main
from road_seg.errors import BackendError

trt = pytest.importorskip('tensorrt_rtx', reason='needs tensorrt_rtx')
pytestmark = pytest.mark.usefixtures('no_gpu', 'own_cache')
# What the engines of tensorrt_rtx begin with.
MAGIC = b'vtrt'


@pytest.fixture
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep engines in a folder of the test's own."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))


def _engines() -> dict[str, dict]:
    """Return the manifests in the cache by target, each checked against its engine."""
    manifests = {}
    for path in cache_folder().glob('*.engine'):
        content = path.read_bytes()
        manifest = json.loads(path.with_suffix('.json').read_text(encoding='utf-8'))
        assert content.startswith(MAGIC)
        assert manifest['engine_bytes'] == len(content)
        assert manifest['engine_sha256'] == hashlib.sha256(content).hexdigest()
        manifests[manifest['target']] = manifest
    return manifests


def test_the_shipped_model_is_compiled_once(capsys: pytest.CaptureFixture) -> None:
    command = ['compile', str(default_model()), '--flavour', 'tensorrt_rtx']
    assert main(command) == 0
    model = read_model(default_model())
    manifest = _engines()['portable']
    assert (manifest['model_sha256'], manifest['precision'], manifest['version']) == (
        model.sha256, 'int8', trt.__version__)
    assert 'compiled in' in capsys.readouterr().out
    assert main(command) == 0
    assert 'already there, int8 for portable' in capsys.readouterr().out


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_a_model_for_several_gpus(tiny_model_path: Path, precision: str) -> None:
    assert main(['compile', str(tiny_model_path), '--precision', precision, '--flavour',
                 'tensorrt_rtx', '--target', 'sm_86', 'sm_120']) == 0
    engines = _engines()
    assert sorted(engines) == ['sm_120', 'sm_86']
    assert {manifest['precision'] for manifest in engines.values()} == {precision}


def test_the_precision_follows_the_model(tiny_model_path: Path) -> None:
    assert engine_key(read_model(tiny_model_path), trt).precision == 'fp16'
    assert engine_key(read_model(default_model()), trt).precision == 'int8'


def test_a_truncated_engine_is_compiled_again(tiny_model_path: Path,
                                              caplog: pytest.LogCaptureFixture) -> None:
    model = read_model(tiny_model_path)
    key = engine_key(model, trt)
    first = compile_model(trt, model, key, log_progress)
    first.path.write_bytes(first.content[:1000])
    with caplog.at_level(logging.WARNING):
        again = compile_model(trt, model, key, log_progress)
    assert first.seconds is not None
    assert again.seconds is not None
    assert 'is built again: engine_bytes is 1000' in caplog.text
    assert compile_model(trt, model, key, log_progress).seconds is None


def test_compiling_reports_what_it_is_at_and_can_be_ended(tiny_model_path: Path) -> None:
    model = read_model(tiny_model_path)
    told = []

    def stop(text: str) -> bool:
        told.append(text)
        return False

    with pytest.raises(BackendError, match='its compilation was ended'):
        compile_model(trt, model, engine_key(model, trt), stop)
    assert told[0].startswith('building the engine: ')
    assert not _engines()


def test_compiling_leaves_python_to_other_threads() -> None:
    """A node answers frames meanwhile: the longest pause of another thread is short."""
    model = read_model(default_model())
    compiling = Thread(target=compile_model,
                       args=(trt, model, engine_key(model, trt), log_progress))
    compiling.start()
    steps = 0
    while compiling.is_alive():
        time.sleep(0.001)
        steps += 1
    assert _engines()
    assert steps > 100


@pytest.mark.parametrize(('options', 'message'), [
    (['--target', 'sm_90'], 'target sm_90: found no such target of tensorrt_rtx; expected one of '
     'sm_75, sm_80, '),
    (['--precision', 'int8'], 'found a float network; expected one for precision int8'),
])
def test_what_cannot_be_compiled_is_an_error(tiny_model_path: Path, options: list[str],
                                             message: str, capsys: pytest.CaptureFixture) -> None:
    assert main(['compile', str(tiny_model_path), '--flavour', 'tensorrt_rtx', *options]) == 2
    assert message in capsys.readouterr().err


def test_a_damaged_graph_is_an_error(tmp_path: Path, tiny_model_path: Path,
                                     capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / 'damaged.onnx'
    path.write_bytes(tiny_model_path.read_bytes().replace(b'Floor', b'Flour'))
    assert main(['compile', str(path), '--flavour', 'tensorrt_rtx']) == 2
    assert 'expected a model that TensorRT can compile' in capsys.readouterr().err
