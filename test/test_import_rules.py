"""Who may import what: the two rules of docs/design.md."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / 'road_seg'
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob('*.py'))

ROS = {'cv_bridge', 'rcl_interfaces', 'rclpy', 'tf2_ros', 'vision_msgs'}
MAY_IMPORT_ROS = ('ros/',)
MAY_IMPORT_TORCH = ('backends/torch_backend.py', 'data/', 'export/', 'network/', 'training/')


def _is_ros(package: str) -> bool:
    return package in ROS or package.endswith('_msgs')


def _imports(source: str) -> Iterator[str]:
    """Yield the top-level package of each import, also of those by name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition('.')[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition('.')[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition('.')[2] in (
                'import_module', '__import__') and isinstance(node.args[0], ast.Constant):
            yield node.args[0].value.partition('.')[0]


def test_finds_every_form_of_import() -> None:
    source = """
import torch.nn as nn, json
from sensor_msgs.msg import Image
from .sibling import name
def later():
    import cv_bridge
    importlib.import_module('vision_msgs.msg')
    __import__('rclpy')
"""
    assert sorted(_imports(source)) == ['cv_bridge', 'json', 'rclpy', 'sensor_msgs', 'torch',
                                        'vision_msgs']


def test_finds_the_package() -> None:
    assert {'__init__.py', 'ros/node.py', 'network/unet.py'} <= set(MODULES)


@pytest.mark.parametrize('module', [m for m in MODULES if not m.startswith(MAY_IMPORT_ROS)])
def test_only_the_ros_folder_imports_ros(module: str) -> None:
    imported = set(_imports((PACKAGE / module).read_text(encoding='utf-8')))
    assert not {package for package in imported if _is_ros(package)}


@pytest.mark.parametrize('module', [m for m in MODULES if not m.startswith(MAY_IMPORT_TORCH)])
def test_only_training_code_imports_torch(module: str) -> None:
    imported = set(_imports((PACKAGE / module).read_text(encoding='utf-8')))
    assert 'torch' not in imported
