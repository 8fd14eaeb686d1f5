"""Training runs on a generated data set: it learns, and it resumes exactly."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from training_run import CONFIG
from training_run import write_run
import yaml

from road_seg.cli.main import main
from road_seg.errors import ConfigError
from road_seg.errors import InputError
from road_seg.training.checkpoint import Checkpoint
from road_seg.training.config import load_config
from road_seg.training.config import Phase
from road_seg.training.config import TrainingConfig
from road_seg.training.trainer import Trainer

SHIPPED = load_config(Path(__file__).parents[2] / 'config/train/road_unet.yaml')


@pytest.fixture
def config(tmp_path) -> TrainingConfig:
    """Return the tiny run."""
    return load_config(write_run(tmp_path))


def train(config: TrainingConfig, root: Path, folder: str, *stops: int | None) -> Checkpoint:
    """Run in pieces, a new trainer for each, and return the final checkpoint."""
    for stop in stops:
        Trainer(config, [root / 'none', root], root / folder, report=lambda line: None).run(stop)
    return Checkpoint.load(root / folder / 'checkpoint.safetensors')


def test_resumed_run_equals_an_uninterrupted_one(config, tmp_path) -> None:
    """Weights, averages and optimiser state are the same to the last bit."""
    whole = train(config, tmp_path, 'whole', None)
    pieces = train(config, tmp_path, 'pieces', 2, 3, None)
    assert whole.step == pieces.step == 6
    assert whole.tensors.keys() == pieces.tensors.keys()
    for key, value in whole.tensors.items():
        assert torch.equal(value, pieces.tensors[key]), key
    assert whole.metadata['scores'] == pieces.metadata['scores']


def test_others_may_read_a_checkpoint(tmp_path) -> None:
    """Its mode is that of any file the user writes."""
    plain = tmp_path / 'plain'
    plain.touch()
    Checkpoint(0, {'ema.x': torch.zeros(2)}, {}).save(tmp_path / 'x.safetensors')
    assert (tmp_path / 'x.safetensors').stat().st_mode == plain.stat().st_mode


def test_training_learns_road_from_background(config, tmp_path) -> None:
    """The averaged network separates two flat colours after 60 steps."""
    phase = Phase(60, learning_rate=0.01, input=(32, 64), crop=(32, 32), ema_decay=0.9)
    config = replace(config, phases=(phase,), validate_every=60)
    scores = train(config, tmp_path, 'run', None).metadata['scores']
    assert scores['camvid train']['iou']['road'] > 0.8


def test_bfloat16_learns_too(config, tmp_path) -> None:
    """And its weights stay float32."""
    phase = Phase(60, learning_rate=0.01, input=(32, 64), crop=(32, 32), ema_decay=0.9)
    config = replace(config, precision='bfloat16', phases=(phase,), validate_every=60)
    run = train(config, tmp_path, 'run', None)
    assert run.metadata['scores']['camvid train']['iou']['road'] > 0.8
    assert run.part('model')['decoder.blocks.0.up.weight'].dtype == torch.float32


def test_statistics_of_normalisation_are_there_after_few_steps(config, tmp_path) -> None:
    """With weights that stay as they are, 6 steps tell as much as 60."""

    def variances(steps: int) -> torch.Tensor:
        phase = Phase(steps, learning_rate=1e-12, input=(32, 64), crop=(32, 32))
        run = train(replace(config, phases=(phase,)), tmp_path, f'{steps}', None)
        return torch.cat([value for key, value in run.part('ema').items()
                          if key.endswith('running_var')])

    ratio = variances(6) / variances(60)
    assert 0.8 < ratio.median() < 1.25


def test_unknown_precision_is_refused(config) -> None:
    with pytest.raises(ConfigError, match="precision: found 'half'; expected one of auto, "):
        replace(config, precision='half')


def test_checkpoint_of_another_configuration_is_refused(config, tmp_path) -> None:
    """A run is never continued with other settings."""
    train(config, tmp_path, 'run', 1)
    other = replace(config, head_rate=2.0)
    with pytest.raises(ConfigError, match='found a checkpoint of another configuration'):
        Trainer(other, [tmp_path], tmp_path / 'run')


def test_a_finished_run_goes_on_with_a_phase_added(config, tmp_path) -> None:
    """But not with one of its own phases changed."""
    added = replace(config, phases=(*config.phases, Phase(2, crop=(32, 32), input=(32, 64))))
    whole = train(added, tmp_path, 'whole', None)
    train(config, tmp_path, 'pieces', None)
    assert train(added, tmp_path, 'pieces', None).step == whole.step == 8
    with pytest.raises(ConfigError, match='found a checkpoint of another configuration'):
        Trainer(replace(added, phases=added.phases[1:]), [tmp_path], tmp_path / 'pieces')


def test_a_phase_ends_with_a_mean(config, tmp_path) -> None:
    """Of what phases ended with, by their shares; it is kept, and the next phase starts there."""
    key = 'decoder.blocks.0.up.weight'

    def end(folder: str, number: int) -> torch.Tensor:
        path = tmp_path / folder / f'phase_{number}.safetensors'
        return Checkpoint.load(path).part('ema')[key].float()

    first, second = config.phases
    train(config, tmp_path, 'plain', None)
    assert not torch.equal(end('plain', 0), end('plain', 1))
    meaning = replace(config, phases=(first, replace(second, mean={0: 0.25, 1: 0.75})))
    mean = 0.25 * end('plain', 0) + 0.75 * end('plain', 1)
    whole = train(meaning, tmp_path, 'mean', None)
    for part in ('ema', 'model'):
        torch.testing.assert_close(whole.part(part)[key], mean, rtol=0, atol=1e-6)
    torch.testing.assert_close(end('mean', 1), mean, rtol=0, atol=1e-3)

    still = Phase(2, learning_rate=1e-9, crop=(32, 32), input=(32, 64))
    added = replace(meaning, phases=(*meaning.phases, still))
    whole = train(added, tmp_path, 'whole', None)
    torch.testing.assert_close(whole.part('ema')[key], mean, rtol=0, atol=1e-6)
    pieces = train(added, tmp_path, 'pieces', 5, 6, 7, None)
    for name, value in whole.tensors.items():
        assert torch.equal(value, pieces.tensors[name]), name


def test_a_mean_of_weights_that_are_gone_is_refused(config, tmp_path) -> None:
    first, second = config.phases
    meaning = replace(config, phases=(first, replace(second, mean={0: 0.5, 1: 0.5})))
    train(meaning, tmp_path, 'run', 4)
    (tmp_path / 'run' / 'phase_0.safetensors').unlink()
    with pytest.raises(InputError, match=r'phase_0\.safetensors: found'):
        train(meaning, tmp_path, 'run', None)


@pytest.mark.parametrize(
    'mean', [{2: 1.0}, {0: 0.5}, {-1: 1.0}, {0: 1.5, 1: -0.5}, {'a': 1.0}, [0, 1]])
def test_shares_that_make_no_mean_are_refused(config, mean: object) -> None:
    second = replace(config.phases[1], mean=mean)
    with pytest.raises(ConfigError, match=r'mean of phase 1: .* summing to 1, of phases 0 to 1'):
        replace(config, phases=(config.phases[0], second))


def test_a_run_starts_from_the_averaged_weights_of_another(config, tmp_path) -> None:
    """And names its data too, for their licences bind as well."""
    first = train(config, tmp_path, 'first', None)
    path = str(tmp_path / 'first' / 'checkpoint.safetensors')
    own = replace(config.datasets[0], licence='another')
    second = replace(config, pretrained=path, datasets=(own,))
    trainer = Trainer(second, [tmp_path], tmp_path / 'second')
    for key, value in first.part('ema').items():
        assert torch.equal(trainer.network.state_dict()[key], value), key
    trainer.run(1)
    data = Checkpoint.load(tmp_path / 'second' / 'checkpoint.safetensors').metadata['data']
    assert [item['licence'] for item in data] == ['another', 'generated']
    wider = replace(second, network=replace(second.network, classic_width=8))
    with pytest.raises(ConfigError, match=r'pretrained: found .*classic_width=4.*make them'):
        Trainer(wider, [tmp_path], tmp_path / 'third')


def test_the_sets_of_an_adapter_are_left_out(config) -> None:
    """One that is not there, or the only one, cannot be."""
    world = replace(config.datasets[0], adapter='world')
    both = replace(config, datasets=(*config.datasets, world))
    assert both.without('camvid').datasets == (world,)
    with pytest.raises(ConfigError, match='found kitti; expected one of camvid, world'):
        both.without('kitti')
    with pytest.raises(ConfigError, match='datasets: found none'):
        config.without('camvid')


@pytest.mark.parametrize('content', [b'', b'garbage', b'\x08' + bytes(7) + b'{}      '])
def test_damaged_checkpoints_are_refused(tmp_path, content: bytes) -> None:
    """One error, whatever the bytes."""
    path = tmp_path / 'checkpoint.safetensors'
    path.write_bytes(content)
    with pytest.raises(InputError, match='expected a checkpoint written by'):
        Checkpoint.load(path)


def test_learning_rate_warms_up_and_decays() -> None:
    """Linear to the peak over two steps, then half a cosine over the other four."""
    phase = Phase(6, learning_rate=0.01, warmup_steps=2)
    assert [phase.rate(step) for step in range(6)] == pytest.approx(
        [0.005, 0.01, 0.01, 0.0085355, 0.005, 0.0014645], abs=1e-6)


def test_steps_belong_to_phases(config) -> None:
    """Four steps of the first, two of the second, whose input is the network's."""
    assert [config.phase_at(step) for step in range(7)] == [(0, 0)] * 4 + [(1, 4)] * 3
    assert (config.steps, config.input) == (6, (64, 64))


def test_workers_do_not_wait_for_threads_of_opencv(config, tmp_path) -> None:
    """A worker forked after OpenCV has worked in parallel reads its crops all the same."""
    cv2.setNumThreads(2)
    cv2.resize(np.zeros((2000, 2000, 3), np.uint8), (1500, 1500))
    assert train(replace(config, workers=1), tmp_path, 'run', None).step == 6


def test_a_data_set_enters_at_its_phase(config, tmp_path) -> None:
    """Crops of the first phase come from one set, those of the second from two."""
    late = replace(config.datasets[0], first_phase=1)
    trainer = Trainer(replace(config, datasets=(*config.datasets, late)), [tmp_path],
                      tmp_path / 'run', report=lambda line: None)
    assert [len(trainer._crops(number, 0, 1).sources) for number in (0, 1)] == [1, 2]


def test_a_set_of_a_phase_to_come_can_be_added(config) -> None:
    """The digest covers it once its phase has begun, and one of the first phase always."""
    first = config.phases[0].steps
    for phase, steps, same in ((1, first, True), (1, first + 1, False), (0, first, False)):
        more = replace(config, datasets=(
            *config.datasets, replace(config.datasets[0], first_phase=phase)))
        assert (more.digest(steps) == config.digest(steps)) == same


@pytest.mark.parametrize(('change', 'message'), [
    ('phases: [{steps: 0}]', 'steps: found 0; expected a positive number'),
    ('phases: [{steps: 1, crop: [30, 32]}]',
     r'crop: found \(30, 32\); expected height and width, multiples of 32'),
    ('phases: [{steps: 1, ema_decay: 1.0}]', 'ema_decay: found 1.0'),
    ('phases: []', 'phases: found none'),
    ('datasets: []', 'datasets: found none'),
    ('datasets: [{adapter: camvid, root: set, split: train, first_phase: 1}]',
     'datasets: found none for the first phase'),
    ('stepz: 3', "unknown keys .'stepz'."),
    ('network: {encoder: vgg}', "network.encoder: found 'vgg'"),
    ('seed: [', 'expected a training configuration'),
])
def test_bad_configurations_are_refused(tmp_path, change: str, message: str) -> None:
    """The key, the finding and the expectation, on one line."""
    key = change.split(':')[0]
    path = tmp_path / 'run.yaml'
    path.write_text(yaml.dump({**yaml.safe_load(CONFIG), key: None}) + '\n' + change)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(path)
    assert '\n' not in str(caught.value)


def test_shipped_configuration_is_valid() -> None:
    """The committed run can be read as it is."""
    assert [item.adapter for item in SHIPPED.datasets] == [
        'camvid', 'idd_lite', 'lums_road', 'world', *['pseudo_road'] * 3, 'labelmefacade',
        'cityscapes', *['pseudo_road'] * 3]
    assert (SHIPPED.steps, SHIPPED.batch_size, SHIPPED.input) == (15480, 64, (320, 512))


def test_a_run_starts_from_exported_weights(config, tmp_path) -> None:
    """They are the averaged ones, kernels in half precision, and no run can be resumed by them."""
    whole = train(config, tmp_path, 'run', None)
    exported = tmp_path / 'weights.safetensors'
    assert main(['export', str(tmp_path / 'run/checkpoint.safetensors'), '--out',
                 str(exported)]) == 0
    assert main(['export', str(exported), '--int8', '--out', str(exported)]) == 2
    trainer = Trainer(replace(config, pretrained=str(exported)), [tmp_path], tmp_path / 'second')
    for key, value in whole.part('ema').items():
        torch.testing.assert_close(trainer.network.state_dict()[key], value, rtol=1e-3, atol=1e-4)
    (tmp_path / 'third').mkdir()
    exported.rename(tmp_path / 'third/checkpoint.safetensors')
    with pytest.raises(ConfigError, match='found a checkpoint of another configuration'):
        Trainer(config, [tmp_path], tmp_path / 'third')


def test_shipped_weights_are_those_of_the_shipped_run() -> None:
    """A configuration that names `road_unet` starts from them."""
    checkpoint = Checkpoint.load('road_unet')
    assert checkpoint.step == SHIPPED.steps
    assert checkpoint.network().config == SHIPPED.network
