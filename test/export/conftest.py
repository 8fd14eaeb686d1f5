"""A tiny exported network and a labelled set, for the tests of the export."""

from pathlib import Path

import pytest
from road_sets import write_road_set
import torch

from road_seg.backends.model_file import ModelFile
from road_seg.export.labelled_set import LabelledSet
from road_seg.export.onnx_export import export
from road_seg.labels import ROAD_LABELS
from road_seg.network.unet import UNet
from road_seg.network.unet import UNetConfig
from road_seg.training.checkpoint import Checkpoint

CONFIG = UNetConfig(encoder='classic', classic_width=4, decoder_widths=(16, 12, 8, 6))


@pytest.fixture(scope='session')
def checkpoint_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of a checkpoint of an untrained network with input 64 x 96."""
    torch.manual_seed(0)
    network = UNet(CONFIG).eval()
    tensors = {f'ema.{name}': value for name, value in network.state_dict().items()}
    metadata = {'labels': ROAD_LABELS.to_json(), 'input': [64, 96], 'network': CONFIG.to_dict(),
                'data': [], 'seconds': 0, 'scores': {}}
    path = tmp_path_factory.mktemp('run') / 'checkpoint.safetensors'
    Checkpoint(0, tensors, metadata).save(path)
    return path


@pytest.fixture(scope='session')
def float_model(checkpoint_path: Path) -> ModelFile:
    """Return its exported float model."""
    return export(Checkpoint.load(checkpoint_path), checkpoint_path.with_name('float.onnx'),
                  report=lambda line: None)


@pytest.fixture(scope='session')
def set_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of eight labelled images in CamVid's layout: road below, background above."""
    root = tmp_path_factory.mktemp('set')
    write_road_set(root, 8, (48, 80), horizon=(10, 38), noise=30)
    return root


@pytest.fixture(scope='session')
def labelled_set(set_folder: Path, float_model: ModelFile) -> LabelledSet:
    """Return those images as a set."""
    return LabelledSet.open('camvid', set_folder, 'train', float_model)
