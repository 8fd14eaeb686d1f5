"""What the package says of itself, and what an installation of it contains."""

import ast
from collections.abc import Iterator
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import sysconfig
from xml.etree import ElementTree

from catkin_pkg.package import Package
from catkin_pkg.package import parse_package
import pytest

import road_seg
from road_seg.resources import config_dir

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope='module')
def manifest() -> Package:
    """Read package.xml as ROS tools do."""
    return parse_package(ROOT, warnings=[])


def _ros_imports() -> Iterator[str]:
    """Yield the ROS packages that the node and the launch file import."""
    for path in (*(ROOT / 'road_seg' / 'ros').glob('*.py'), *(ROOT / 'launch').glob('*.py')):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            names = ([alias.name for alias in node.names] if isinstance(node, ast.Import)
                     else [node.module] if isinstance(node, ast.ImportFrom) else [])
            yield from (name.partition('.')[0] for name in names)


def test_versions_agree(manifest: Package) -> None:
    changelog = (ROOT / 'CHANGELOG.rst').read_text(encoding='utf-8')
    setup = (ROOT / 'setup.py').read_text(encoding='utf-8')
    assert manifest.version == road_seg.__version__
    assert re.findall(r"version='(.+)'", setup) == [road_seg.__version__]
    assert re.findall(r'^([\d.]+) \(', changelog, re.MULTILINE)[0] == road_seg.__version__


def test_descriptions_agree(manifest: Package) -> None:
    assert f"description='{manifest.description}'" in (ROOT / 'setup.py').read_text(
        encoding='utf-8')
    assert road_seg.__doc__ == manifest.description


def test_manifest_is_an_ament_python_package_of_format_3(manifest: Package) -> None:
    assert manifest.package_format == 3
    assert manifest.get_build_type() == 'ament_python'
    assert manifest.licenses == ['Apache-2.0']
    assert ElementTree.parse(ROOT / 'package.xml').find('license').get('file') == 'LICENSE'


def test_manifest_declares_every_ros_package_used(manifest: Package) -> None:
    declared = {dependency.name for dependency in manifest.exec_depends}
    keys = {'cv2': 'python3-opencv', 'numpy': 'python3-numpy', 'yaml': 'python3-yaml'}
    used = set(_ros_imports()) - set(sys.stdlib_module_names) - {'road_seg'}
    assert {keys.get(name, name) for name in used} <= declared
    assert {'cv_bridge', 'ros2launch', 'tf2_ros', 'vision_msgs'} <= declared


def test_every_public_name_is_there() -> None:
    for name in road_seg.__all__:
        assert getattr(road_seg, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Segmentor'"):
        _ = road_seg.Segmentor


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = ("import sys, road_seg; "
            "print([name for name in ('cv2', 'numpy', 'rclpy', 'torch') if name in sys.modules])")
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                          check=True)
    assert done.stdout == '[]\n'


def test_the_backends_need_none_of_the_libraries_to_be_imported() -> None:
    code = ("import sys; sys.modules.update(dict.fromkeys(('cuda', 'onnx', 'onnxruntime', "
            "'openvino', 'tensorrt', 'tensorrt_rtx'))); import road_seg.backends")
    subprocess.run([sys.executable, '-c', code], check=True)


def test_checkout_uses_its_own_configuration() -> None:
    assert config_dir() == ROOT / 'config'


@pytest.mark.skipif(sys.platform != 'linux', reason='the layout of a Linux prefix')
def test_wheel_brings_configuration_marker_and_the_parts_of_pages(tmp_path: Path) -> None:
    source = tmp_path / 'source'
    shutil.copytree(ROOT, source, ignore=lambda folder, names: (
        [name for name in names if name.startswith('.') or name in ('build', 'docs', 'test')]))
    pip = [sys.executable, '-m', 'pip', '--quiet', '--disable-pip-version-check']
    subprocess.run([*pip, 'wheel', '--no-deps', '--no-build-isolation', '--wheel-dir', tmp_path,
                    source], check=True)
    prefix = tmp_path / 'prefix'
    subprocess.run([*pip, 'install', '--no-deps', '--no-index', '--ignore-installed', '--prefix',
                    prefix, *tmp_path.glob('*.whl')], check=True)
    library = sysconfig.get_path('purelib', vars={'base': prefix})
    found = subprocess.run(
        [sys.executable, '-c', 'from road_seg.resources import config_dir; print(config_dir())'],
        env={**os.environ, 'PYTHONPATH': library}, cwd=tmp_path, capture_output=True, text=True,
        check=True)
    share = prefix / 'share'
    assert Path(found.stdout.rstrip()) == share / 'road_seg' / 'config'
    assert (share / 'road_seg' / 'launch' / 'seg.launch.py').is_file()
    assert (share / 'ament_index' / 'resource_index' / 'packages' / 'road_seg').is_file()
    assert {path.name for path in Path(library, 'road_seg', 'replay').glob('page.*')} == {
        'page.css', 'page.html', 'page.js', 'page.py'}
    assert {path.name for path in (prefix / 'bin').iterdir()} == {'road-seg', 'road_seg_node'}
