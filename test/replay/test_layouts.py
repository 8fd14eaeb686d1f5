"""The layouts for RViz 2 and Foxglove name what a bag of answers holds."""

from collections.abc import Iterator
import json
from pathlib import Path

from drives import HEIGHT
from drives import WIDTH
from drives import write_drive
import pytest
from tiny_model import write_tiny_model
import yaml

from road_seg.bags.reader import BagReader
from road_seg.cli.main import main
from road_seg.resources import config_dir


@pytest.fixture(scope='module')
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """Return type and durability by topic of a bag of answers."""
    folder = tmp_path_factory.mktemp('layouts')
    model = write_tiny_model(folder / 'model.onnx', HEIGHT, WIDTH)
    assert main(['replay', str(write_drive(folder / 'drive')), '--in-process', '--model',
                 str(model), '--backend', 'onnxruntime', '--report', str(folder / 'report'),
                 '--out', str(folder / 'outputs')]) == 0
    with BagReader(folder / 'outputs') as reader:
        types = {name: topic.msgtype for name, topic in reader.topics.items()}
    info = yaml.safe_load((folder / 'outputs' / 'metadata.yaml').read_text())
    return {topic['name']: (types[topic['name']], topic['offered_qos_profiles'][0]['durability'])
            for entry in info['rosbag2_bagfile_information']['topics_with_message_count']
            for topic in [entry['topic_metadata']]}


def test_rviz(answers: dict[str, tuple[str, str]]):
    layout = yaml.safe_load((config_dir() / 'road_seg.rviz').read_text())['Visualization Manager']
    assert layout['Global Options']['Fixed Frame'] == 'base_link'
    shown = {display['Topic']['Value']: display for display in layout['Displays']
             if 'Topic' in display}
    assert set(shown) == {'/road_mask', '/road_mask/overlay', '/drivable_area'}
    kinds = {'rviz_default_plugins/Image': 'sensor_msgs/msg/Image',
             'rviz_default_plugins/Map': 'nav_msgs/msg/OccupancyGrid'}
    for topic, display in shown.items():
        kind, durability = answers[topic]
        assert kinds[display['Class']] == kind
        # What is offered as volatile cannot be had as transient local.
        assert display['Topic']['Durability Policy'].lower().replace(' ', '_') == durability


def _panels(layout: object) -> Iterator[str]:
    """Yield the panels of a tree of splits."""
    if isinstance(layout, str):
        yield layout
    else:
        yield from _panels(layout['first'])
        yield from _panels(layout['second'])


def test_foxglove(answers: dict[str, tuple[str, str]]):
    layout = json.loads(Path(config_dir() / 'road_seg_foxglove.json').read_text())
    panels = layout['configById']
    assert sorted(_panels(layout['layout'])) == sorted(panels)
    images = {panel['imageMode']['imageTopic'] for name, panel in panels.items()
              if name.startswith('Image!')}
    grids = {topic for panel in panels.values() for topic in panel.get('topics', ())}
    assert {answers[topic][0] for topic in images} == {'sensor_msgs/msg/Image'}
    assert {answers[topic][0] for topic in grids} == {'nav_msgs/msg/OccupancyGrid'}
    assert images | grids == {'/road_mask', '/road_mask/overlay', '/drivable_area'}
