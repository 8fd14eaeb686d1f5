"""From a checkpoint to the deployed model file, and what is refused."""

import json
from pathlib import Path

import pytest

from road_seg.backends.model_file import read_model
from road_seg.cli.main import main
from road_seg.errors import ConfigError
from road_seg.errors import ModelError
from road_seg.export import deploy as module
from road_seg.export.deploy import deploy


def silent(line: str) -> None:
    """Report nothing."""


@pytest.fixture(scope='module')
def int8_path(checkpoint_path, set_folder, tmp_path_factory) -> Path:
    """Path of an INT8 model written by the command; an untrained network may lose anything."""
    out = tmp_path_factory.mktemp('model') / 'int8.onnx'
    named = ['camvid', str(set_folder), 'train']
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, 'MAX_LOSS', 1.0)
        assert main(['export', str(checkpoint_path), '--int8', '--calibrate', *named,
                     '--validate', *named, '--images', '8', '--out', str(out)]) == 0
    return out


def test_metadata_say_how_it_was_made(int8_path) -> None:
    metadata = read_model(int8_path).metadata
    facts = json.loads(metadata['road_seg.quantization'])
    assert facts['data'] == ['camvid train']
    assert facts['float_layers'] == []
    assert facts['images'] == 6  # of 8, two compare
    assert json.loads(metadata['road_seg.temperature'])['data'] == ['camvid train']
    scores = json.loads(metadata['road_seg.scores'])['camvid train']
    assert set(scores) == {'iou', 'miou', 'ece'}
    assert set(scores['iou']) == {'background', 'road', 'sidewalk', 'vehicle', 'person'}


def test_an_int8_model_is_no_source(int8_path, labelled_set, tmp_path) -> None:
    with pytest.raises(ModelError, match='found an INT8 model; expected a float one'):
        deploy(read_model(int8_path), tmp_path / 'again.onnx', [labelled_set], report=silent)


def test_a_float_model_gets_a_temperature_and_scores(float_model, set_folder, tmp_path) -> None:
    out = tmp_path / 'calibrated.onnx'
    assert main(['export', str(float_model.path), '--validate', 'camvid', str(set_folder),
                 'train', '--out', str(out)]) == 0
    metadata = read_model(out).metadata
    assert 'road_seg.temperature' in metadata
    assert 'road_seg.quantization' not in metadata
    assert metadata['road_seg.training'] == float_model.metadata['road_seg.training']


def test_a_model_that_loses_too_much_is_not_written(float_model, labelled_set, tmp_path,
                                                    monkeypatch) -> None:
    """The error names a layer, which can then stay in float."""
    monkeypatch.setattr(module, 'MAX_LOSS', -1.0)
    out = tmp_path / 'model' / 'int8.onnx'
    with pytest.raises(ModelError, match=r'INT8 loses .* mIoU on camvid train; expected at most '
                       r'-1.0; .* --keep-float \S+') as caught:
        deploy(float_model, out, [labelled_set], calibration=[labelled_set], images=8,
               report=silent)
    assert not list(out.parent.iterdir())
    monkeypatch.setattr(module, 'MAX_LOSS', 1.0)
    layer = caught.value.fix.split()[-1]
    written = deploy(float_model, out, [labelled_set], calibration=[labelled_set], images=8,
                     keep_float=[layer], report=silent)
    assert json.loads(written.metadata['road_seg.quantization'])['float_layers'] == [layer]


def test_an_unknown_layer_is_refused(float_model, labelled_set, tmp_path) -> None:
    with pytest.raises(ConfigError, match=r'found stem; expected some of encoder\.'):
        deploy(float_model, tmp_path / 'a.onnx', [labelled_set], calibration=[labelled_set],
               images=8, keep_float=['stem'], report=silent)


@pytest.mark.parametrize(('options', 'message'), [
    (['--int8'], 'no --calibrate or no --validate'),
    (['--keep-float', 'head'], 'found no --int8'),
    (['--images', '1'], 'expected 2 or more'),
])
def test_options_that_do_not_fit_together(options, message, checkpoint_path, tmp_path,
                                          capsys) -> None:
    arguments = ['export', str(checkpoint_path), '--out', str(tmp_path / 'a.onnx'), *options]
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
