"""The page and its summary as a browser and a person find them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
import json
from pathlib import Path
import re

from drives import picture
from drives import write_drive
from fake_node import FakeNode
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

VOID = {'img', 'input', 'link', 'meta'}
REFERENCES = ('src', 'href', 'action', 'data', 'poster', 'srcset')


class Page(HTMLParser):
    """
    The elements of a page.

    elements: tag and attributes of each.
    ends: tags that were closed out of turn or not at all.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.wrong: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.wrong += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element and that it is open."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element without content, as SVG has them."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Note the end of an element."""
        if not self._open or self._open.pop() != tag:
            self.wrong.append(f'/{tag}')

    def of(self, tag: str, name: str = '') -> list[dict[str, str | None]]:
        """Return the attributes of all elements of a tag, and a class if given."""
        return [attributes for each, attributes in self.elements if each == tag
                and (not name or name in (attributes.get('class') or '').split())]


class SickNode(FakeNode):
    """A node that reports a dark image of the third to the fourth frame."""

    def process(self, image_cdr: bytes, stamp_ns: int, timeout_s: float) -> Answer:
        """Answer with a verdict."""
        answer = super().process(image_cdr, stamp_ns, timeout_s)
        verdict = Verdict(Level.WARN, 'dark <image>', ('image_dark',), {}) if (
            len(self.stamps) in (3, 4)) else Verdict(Level.OK, 'active', (), {})
        return replace(answer, verdict=verdict)


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


def check_structure(text: str) -> Page:
    """Check what holds of every page."""
    page = Page(text)
    assert page.wrong == []
    references = [value for _, attributes in page.elements for name, value in attributes.items()
                  if name in REFERENCES or name.endswith(':href')]
    assert {value.partition(':')[0] for value in references if value[0] != '#'} == {'data'}
    assert not re.search(r'https?://|url\(|@import', re.sub('http://www.w3.org/[^"]*', '', text))
    assert all('alt' in image for image in page.of('img'))
    assert all(image['alt'] for image in page.of('img', 'photo'))
    assert all(image.get('aria-label') for image in page.of('svg'))
    ids = Counter(attributes['id'] for _, attributes in page.elements if 'id' in attributes)
    assert set(ids.values()) == {1}
    assert {value[1:] for value in references if value[0] == '#'} == set(ids)
    assert "default-src 'none'" in page.of('meta')[3]['content']
    return page


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
    assert 'Share of the time: OK 80.0 %, WARN 20.0 %' in text
    rows = re.findall(r'<tr><td>([\d.]+ s)</td><td><b class="(\w+)">\w+</b></td><td>([^<]*)</td>'
                      r'<td>([^<]*)</td>', text)
    assert rows == [('0.00 s', 'ok', '-', ''),
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
