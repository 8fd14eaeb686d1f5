"""Pseudo-labels say what a teacher is sure of, in the layout its adapter reads."""

from pathlib import Path

import cv2
from drives import write_video
import numpy as np
import onnx
from onnx import helper
from onnx import TensorProto
import pytest

from road_seg.cli.main import main
from road_seg.data.adapter import DatasetAdapter
from road_seg.labels import ROAD_LABELS
from road_seg.training.pseudo_labels import model_ids
from road_seg.training.pseudo_labels import name_kinds
from road_seg.training.pseudo_labels import sure_ids

pytest.importorskip('openvino', reason='needs OpenVINO')


def write_teacher(path: Path, channels: int = 4) -> Path:
    """Write a network (1, 3, 48, 64) -> softmax: channel 0 on dark, 1 on bright."""
    nodes = [
        helper.make_node('ReduceMean', ['data'], ['grey'], axes=[1], keepdims=1),
        helper.make_node('Sub', ['grey', 'middle'], ['bright']),
        helper.make_node('Mul', ['bright', 'directions'], ['logits']),
        helper.make_node('Softmax', ['logits'], ['out'], axis=1)]
    directions = [-1.0, 1.0, *[0.0] * (channels - 2)]
    constants = [
        helper.make_tensor('middle', TensorProto.FLOAT, [1], [100.0]),
        helper.make_tensor('directions', TensorProto.FLOAT, [1, channels, 1, 1], directions)]
    graph = helper.make_graph(
        nodes, 'teacher',
        [helper.make_tensor_value_info('data', TensorProto.FLOAT, [1, 3, 48, 64])],
        [helper.make_tensor_value_info('out', TensorProto.FLOAT, [1, channels, 48, 64])],
        constants)
    onnx.save(helper.make_model(graph, ir_version=8,
                                opset_imports=[helper.make_opsetid('', 17)]), path)
    return path


def test_ids_of_probabilities() -> None:
    probabilities = np.array([[[0.95, 0.05, 0.0, 0.0], [0.05, 0.5, 0.0, 0.45],
                               [0.05, 0.0, 0.92, 0.03], [0.2, 0.8, 0.0, 0.0]]])
    assert sure_ids(probabilities).tolist() == [[0, 1, 2, 255]]


def test_a_model_names_what_is_not_road() -> None:
    # teacher: anything but road, road, kerb, not sure; classes 0..4 of the model, then unsure
    ids = np.repeat(np.array([[0], [1], [2], [255]], np.uint8), 6, axis=1)
    classes = np.tile(np.array([0, 1, 2, 3, 4, 3], np.uint8), (4, 1))
    confidence = np.tile(np.array([255, 255, 204, 204, 204, 203], np.uint8), (4, 1))
    kinds = model_ids(classes, confidence, ROAD_LABELS)
    assert kinds.tolist() == [[3, 1, 4, 5, 6, 255]] * 4
    name_kinds(ids, kinds)
    assert ids.tolist() == [[3, 0, 4, 5, 6, 0], [1] * 6, [3, 2, 4, 2, 2, 2], [255] * 6]
    adapter = DatasetAdapter.load('pseudo_road')
    assert adapter.table[[3, 4, 5, 6]].tolist() == [
        ROAD_LABELS.id_of(name) for name in ('background', 'sidewalk', 'vehicle', 'person')]


def test_from_a_video_and_a_folder_to_truth(tmp_path: Path) -> None:
    (tmp_path / 'stills').mkdir()
    still = np.full((24, 32, 3), 200, np.uint8)
    still[:, :16] = 20
    cv2.imwrite(str(tmp_path / 'stills' / 'a.png'), still)
    video = write_video(tmp_path / 'video.avi', count=4)  # grey levels 0, 20, 40, 60
    words = ['label', str(video), str(tmp_path / 'stills'), '--every', '2', '--teacher',
             str(write_teacher(tmp_path / 'teacher.onnx')), '--out', str(tmp_path / 'out')]
    assert main(words) == 0
    adapter = DatasetAdapter.load('pseudo_road')
    samples = adapter.samples(tmp_path / 'out', 'train')
    assert [sample.image.name for sample in samples] == [
        '00_video_000000.jpg', '00_video_000002.jpg', '01_stills_000000.jpg']
    rgb, truth = adapter.read(samples[2])
    assert rgb.shape == (24, 32, 3)
    assert set(truth[:, 20:].ravel()) == {1}
    # anything but road: background, sidewalk, vehicle or person
    assert adapter.allowed[truth[5, 5]].tolist() == [True, False, True, True, True]


@pytest.mark.parametrize(('with_teacher', 'right'), [(True, 1), (False, 3)])
def test_with_a_model(tmp_path: Path, tiny_model_path: Path, with_teacher: bool,
                      right: int) -> None:
    (tmp_path / 'stills').mkdir()
    still = np.full((64, 96, 3), 200, np.uint8)
    still[:, :48] = (0, 210, 70)  # blue, green, red: dark to the teacher, sidewalk to the model
    still[:, 48:] = (255, 230, 100)  # bright to the teacher, vehicle to the model
    cv2.imwrite(str(tmp_path / 'stills' / 'a.png'), still)
    words = ['label', str(tmp_path / 'stills'), '--model', str(tiny_model_path),
             '--out', str(tmp_path / 'out')]
    if with_teacher:
        words += ['--teacher', str(write_teacher(tmp_path / 'teacher.onnx'))]
    assert main(words) == 0
    adapter = DatasetAdapter.load('pseudo_road')
    _, truth = adapter.read(adapter.samples(tmp_path / 'out', 'train')[0])
    assert (truth[32, 24], truth[32, 72]) == (2, right)


def test_without_a_network(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(['label', str(tmp_path), '--out', str(tmp_path / 'out')]) == 2
    assert 'neither --teacher nor --model' in capsys.readouterr().err


@pytest.mark.parametrize(('name', 'channels', 'finding'), [
    ('missing.xml', None, 'missing.xml: found '), ('two.onnx', 2, '3 input and 2 output')])
def test_a_teacher_that_is_none(tmp_path: Path, name: str, channels: int | None, finding: str,
                                capsys: pytest.CaptureFixture) -> None:
    if channels:
        write_teacher(tmp_path / name, channels)
    video = write_video(tmp_path / 'video.avi', count=2)
    assert main(['label', str(video), '--teacher', str(tmp_path / name),
                 '--out', str(tmp_path / 'out')]) == 2
    assert finding in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
