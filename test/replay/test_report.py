"""The page and its summary as a browser and a person find them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
import json
from pathlib import Path
import re
import shutil
import subprocess

from drives import picture
from drives import write_drive
from fake_node import FakeNode
from html_page import check_structure
from html_page import Page
import numpy as np
import pytest

from road_seg.backends import ModelFile
from road_seg.backends import read_model
from road_seg.bags import messages
from road_seg.bags.drive import Drive
from road_seg.bags.writer import create_bag
from road_seg.parameters import checked_parameters
from road_seg.replay.lockstep import Lockstep
from road_seg.replay.run import Replay
from road_seg.serialized import Answer
from road_seg.verdict import Level
from road_seg.verdict import Verdict

BROWSER = shutil.which('chromium') or shutil.which('google-chrome')


class SickNode(FakeNode):
    """A node that reports silence until the second frame, then a dark image for two frames."""

    def process(self, image_cdr: bytes, stamp_ns: int, timeout_s: float) -> Answer:
        """Answer with a verdict."""
        answer = super().process(image_cdr, stamp_ns, timeout_s)
        silent = Verdict(Level.STALE, 'no image', ('no_frames',), {})
        dark = Verdict(Level.WARN, 'dark <image>', ('image_dark',), {})
        return replace(answer, verdict={1: silent, 3: dark, 4: dark}.get(
            len(self.stamps), Verdict(Level.OK, 'active', (), {})))


@pytest.fixture
def model(tiny_model_path: Path) -> ModelFile:
    """Return the tiny model's file."""
    return read_model(tiny_model_path)


def report(bag: Path, model: ModelFile, node: FakeNode | None = None) -> tuple[str, str]:
    """Replay a bag; return the page and the summary."""
    parameters = checked_parameters({})

    @contextmanager
    def open_player(drive: Drive) -> Iterator[Lockstep]:
        with node or FakeNode(drive.image_type) as opened:
            yield Lockstep(opened, parameters)

    folder = bag.parent / 'report'
    Replay(bag, model, parameters, folder, None, 'lockstep').run(open_player)
    return (folder / 'report.html').read_text(), (folder / 'summary.md').read_text()


def test_a_drive_with_truth(tmp_path: Path, model: ModelFile):
    text, summary = report(write_drive(tmp_path / 'drive', count=20), model)
    page = check_structure(text)
    assert ('<b>All is well: every frame answered; mIoU 1.000; keeps up with the recorded 10 Hz.'
            '</b>') in text
    assert '20 of 20 frames answered with a mask, 20 with a grid.' in text
    assert 'road IoU 1.000, mIoU 1.000 on 20 frames with truth' in text
    assert 'one confusion matrix over all pixels of 20 frames' in text
    assert re.findall(r'<div class="figure"><b>([^<]*)</b>', text)[:6] == [
        '20', '0', '1.000', '1.000', '87.5 %', '19.5 / 28.1 ms']
    assert [item['data-name'] for item in page.of('li') if 'data-name' in item] == [
        f'Frame {index}, {index / 10:.2f} s' for index in range(20)]
    assert re.findall(r'<figcaption>(\w+)', text) == ['image', 'overlay', 'errors', 'grid']
    assert 'All frames: 20.' in text
    assert [row['data-key'] for row in page.of('div', 'row') if 'data-key' in row] == [
        'drivable', 'error_share', 'flicker', 'grid_known', 'latency']
    points = json.loads(re.search(r'<script type="application/json">(.*?)</script>', text)[1])
    assert points['t'] == [index / 10 for index in range(20)]
    assert points['latency'] == [10.0 + index for index in range(20)]
    assert points['grid_known'] == [87.5] * 20
    assert points['error_share'] == [0.0] * 20
    assert 'Worst frames' not in text
    assert not re.search(r'\$[a-z]+', text)
    assert summary.startswith('### Replay of drive\n\n:white_check_mark: **All is well: ')
    assert summary.endswith('[Full report](report.html)\n')
    assert '| road | 1.000 | 1.000 |' in summary
    assert '| round trip | 19.5 | 28.1 | 28.8 |' in summary


def test_a_drive_without_truth_and_grid(tmp_path: Path, model: ModelFile):
    text, summary = report(write_drive(tmp_path / 'drive', with_truth=False, with_info=False),
                           model)
    check_structure(text)
    assert '<b>Needs attention: no grid.</b>' in text
    assert '<b>no truth</b>' in text
    assert re.findall(r'<figcaption>(\w+)', text) == ['image', 'overlay']
    assert 'Nothing reported a health verdict.' in text
    assert summary.count(':warning: **Needs attention: no grid.**') == 1
    assert '| class |' not in summary


def test_a_single_frame_has_no_curves(tmp_path: Path, model: ModelFile):
    text, _ = report(write_drive(tmp_path / 'drive', count=1), model)
    page = check_structure(text)
    assert '<b>All is well: every frame answered; mIoU 1.000.</b>' in text
    assert page.of('div', 'timeline') == []
    assert 'All frames: 1.' in text


def test_the_history_of_the_health_verdict(tmp_path: Path, model: ModelFile):
    text, _ = report(write_drive(tmp_path / 'drive', count=11), model, SickNode())
    check_structure(text)
    assert '<b>Needs attention: health reports image_dark.</b>' in text
    assert 'Share of the time: OK 77.8 %, WARN 22.2 %' in text
    rows = re.findall(r'<tr><td>([\d.]+ s)</td><td><b class="(\w+)">\w+</b></td><td>([^<]*)</td>'
                      r'<td>([^<]*)</td>', text)
    assert rows == [('0.10 s', 'ok', '-', ''),
                    ('0.20 s', 'warn', 'image_dark', 'dark &lt;image&gt;'),
                    ('0.40 s', 'ok', '-', '')]
    assert '<rect class="warn" x="200.0" y="0" width="200.0"' in text


def test_a_long_drive_of_noise_stays_small(tmp_path: Path, model: ModelFile):
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    with create_bag(tmp_path / 'drive') as writer:
        for index in range(300):
            for topic, image in (('/image', np.roll(noise, index)),
                                 ('/road_mask/truth', np.zeros((240, 320), np.uint8))):
                writer.write(topic, messages.IMAGE, 10**8 * index,
                             messages.encode_image(image, 10**8 * index, 'camera'))
    text, _ = report(tmp_path / 'drive', model)
    page = check_structure(text)
    frames = [item for item in page.of('li') if 'data-name' in item]
    assert len(text) < 10_000_000
    assert f'{len(frames)} of 300 frames, evenly spread: at most 120 and 7 MB are kept.' in text
    assert 30 <= len(frames) <= 60


def test_names_from_outside_are_only_text(tmp_path: Path, model: ModelFile):
    text, summary = report(write_drive(tmp_path / '<b>$x & "y"|*z*'), model)
    check_structure(text)
    assert 'Replay of &lt;b&gt;$x &amp; &quot;y&quot;' in text
    assert summary.startswith('### Replay of &lt;b&gt;$x &amp; "y"\\|\\*z\\*\n')


def test_the_pictures_are_those_of_the_drive(tmp_path: Path, model: ModelFile):
    assert picture(0).shape == (48, 64, 3)
    text, _ = report(write_drive(tmp_path / 'drive', count=2), model)
    page = Page(text)
    strip = [image['src'] for image in page.of('img', 'photo')]
    assert len(strip) == 3 + 2  # image, overlay and errors of the stage, then one for each frame
    assert strip[0] == strip[1] == strip[2] == strip[3] != strip[4]


@pytest.mark.skipif(BROWSER is None, reason='needs chromium or google-chrome')
def test_the_script_runs_in_a_browser(tmp_path: Path, model: ModelFile):
    report(write_drive(tmp_path / 'drive', count=5), model)
    shown = subprocess.run(
        [BROWSER, '--headless', '--no-sandbox', '--disable-gpu', '--dump-dom',
         f'--user-data-dir={tmp_path / "profile"}',
         (tmp_path / 'report' / 'report.html').as_uri()],
        capture_output=True, text=True, check=True, timeout=120).stdout
    page = Page(shown)
    assert all('hidden' not in part for part in page.of('div', 'player'))
    assert page.of('input')[0]['aria-valuetext'] == 'Frame 0, 0.00 s'
    assert [item['data-name'] for item in page.of('li') if 'aria-current' in item] == [
        'Frame 0, 0.00 s']
    assert re.findall(r'<output>([^<]*)</output>', shown) == [
        '17.2 %', '0.00 %', '-', '87.5 %', '10.0 ms']
