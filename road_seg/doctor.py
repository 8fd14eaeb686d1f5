"""What works on this machine, what does not, and how to fix it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib import metadata
import os
from pathlib import Path
import platform
import subprocess
import sys
import tempfile

from road_seg.errors import in_words
from road_seg.errors import RoadSegError

_OLDEST_PYTHON = (3, 10)
_NODE_TIMEOUT_S = 30
_APT = f'in a ROS 2 installation: sudo apt install ros-{os.environ.get("ROS_DISTRO", "kilted")}-'
_ROS = 'source /opt/ros/DISTRO/setup.bash, or take the environment that `make demo` sets up'
_MESSAGES = ('diagnostic_msgs', 'geometry_msgs', 'lifecycle_msgs', 'nav_msgs', 'sensor_msgs',
             'std_msgs')
# Python module, what it is for, how to get it.
_OPTIONAL = (
    ('tf2_ros', 'camera pose from TF', _APT + 'tf2-ros-py'),
    ('vision_msgs', 'topic road_mask/label_info', _APT + 'vision-msgs'),
    ('cv_bridge', 'encodings beyond rgb8, bgr8, rgba8, bgra8, mono8', _APT + 'cv-bridge'),
    ('rosbags', 'demo, sample and replay', 'pip install rosbags'),
    ('torch', 'train and export', 'pip install torch'),
    ('onnx', 'export and compile', 'pip install onnx'),
)


@dataclass(frozen=True)
class Check:
    """
    What was found of one thing.

    :param name: the thing.
    :param is_needed: the node cannot do its main job without it.
    :param works: it works here.
    :param found: a version, or why it does not work.
    :param fix: what the user can do about it; empty if it works.
    """

    name: str
    is_needed: bool
    works: bool
    found: str
    fix: str = ''


def examine() -> list[Check]:
    """Return what was found, in the order a newcomer needs it."""
    model = _check('model', _model, 'install road_seg again, or export a model')
    needed = [
        _check('Python', _python, 'install Python 3.10 or newer'),
        _check('NumPy', lambda: _version('numpy'), 'pip install numpy'),
        _check('OpenCV', lambda: _version('cv2'), 'pip install opencv-python-headless'),
        _check('ROS 2', _ros, _ROS),
        _check('messages', _messages, _ROS),
        _check('backends', _backends, 'pip install onnxruntime'),
        model,
        *([_check('inference', _inference, 'choose another backend')] if model.works else []),
    ]
    optional = [_check(module, lambda name=module: _version(name), f'for {purpose}; {fix}',
                       is_needed=False) for module, purpose, fix in _OPTIONAL]
    return [
        *needed,
        *optional,
        _check('MP4 video', _video, 'pip install opencv-python-headless', is_needed=False),
        _check('NVIDIA GPU', _gpus, 'not needed: the backends above run on the CPU',
               is_needed=False),
    ]


def main_job_works(checks: list[Check]) -> bool:
    """Return whether images in, mask and grid out over ROS 2 works here."""
    return all(check.works for check in checks if check.is_needed)


def _check(name: str, look: Callable[[], str], fix: str, *, is_needed: bool = True) -> Check:
    """
    Return what `look` found.

    Libraries fail in ways of their own, and whatever they raise is the finding.

    :param look: returns what works, or raises.
    """
    try:
        return Check(name, is_needed, True, look())
    except ModuleNotFoundError as error:
        found = 'not installed' if error.name == name else f'{error.name} is not installed'
        return Check(name, is_needed, False, found, fix)
    except RoadSegError as error:
        return Check(name, is_needed, False, str(error))
    except Exception as error:
        return Check(name, is_needed, False, in_words(error), fix)


def _version(module: str) -> str:
    """Import a module and return its version."""
    loaded = import_module(module)
    try:
        return metadata.version(module)
    except metadata.PackageNotFoundError:
        return str(getattr(loaded, '__version__', 'installed'))


def _python() -> str:
    version = platform.python_version()
    if sys.version_info < _OLDEST_PYTHON:
        raise RuntimeError(version)
    return f'{version}, {sys.executable}'


def _ros() -> str:
    """Start and stop a node, in a process that can be ended should the middleware hang."""
    import_module('road_seg.ros.check')
    try:
        done = subprocess.run((sys.executable, '-m', 'road_seg.ros.check'), capture_output=True,
                              text=True, timeout=_NODE_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f'a node did not start and stop in {_NODE_TIMEOUT_S} s') from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f'exit status {done.returncode}']
        raise RuntimeError(lines[-1])
    return f'a node started on {done.stdout.strip()}'


def _messages() -> str:
    for package in _MESSAGES:
        import_module(f'{package}.msg')
    return ', '.join(_MESSAGES)


def _backends() -> str:
    from road_seg.backends import availability
    reasons = dict(availability())
    usable = [name for name, reason in reasons.items() if reason is None]
    unusable = [f'{name} {reason}' for name, reason in reasons.items() if reason is not None]
    if not usable:
        raise RuntimeError('; '.join(unusable))
    return '; '.join([', '.join(usable), *unusable])


def _model() -> str:
    from road_seg.backends import default_model
    from road_seg.backends import read_model
    model = read_model(default_model())
    return f'{model.path.name}, {model.width}x{model.height}, {", ".join(model.labels.names)}'


def _inference() -> str:
    import numpy as np

    from road_seg.backends import default_model
    from road_seg.backends import open_backend
    from road_seg.backends import read_model
    model = read_model(default_model())
    with open_backend(model) as backend:
        backend.infer(np.zeros((model.height, model.width, 3), np.uint8))
        return f'a frame went through {backend.name}'


def _video() -> str:
    """Write an MP4 file with OpenCV and read it back."""
    import cv2
    import numpy as np
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, 'check.mp4'))
        writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*'mp4v'), 10.0, (64, 48))
        writer.write(np.zeros((48, 64, 3), np.uint8))
        writer.release()
        capture = cv2.VideoCapture(path)
        was_read, _ = capture.read()
        capture.release()
    if not was_read:
        raise RuntimeError('OpenCV cannot read MP4')
    return 'OpenCV reads MP4'


def _gpus() -> str:
    from road_seg.backends.gpu import nvidia_gpus
    return ', '.join(f'{gpu.name} ({gpu.capability})' for gpu in nvidia_gpus())
