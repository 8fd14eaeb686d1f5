"""Road segmentation: camera images in, a class mask and a drivable-area grid out."""

from importlib import import_module

__version__ = '0.1.0'

# Public name -> module. They are imported on first use: `import road_seg` loads nothing heavy.
_MODULES = {
    'Backend': 'backends.base',
    'BackendError': 'errors',
    'CalibrationError': 'errors',
    'CameraInfo': 'calibration',
    'CameraModel': 'camera',
    'ConfigError': 'errors',
    'default_model': 'backends.model_file',
    'DrivableGrid': 'grid',
    'Extrinsics': 'camera',
    'GridRules': 'grid',
    'GridSpec': 'grid',
    'GroundProjector': 'ground',
    'InputError': 'errors',
    'LabelMap': 'labels',
    'ModelError': 'errors',
    'ModelFile': 'backends.model_file',
    'open_backend': 'backends',
    'Prediction': 'backends.base',
    'read_model': 'backends.model_file',
    'Reason': 'grid',
    'Result': 'pipeline',
    'RoadSegError': 'errors',
    'Segmenter': 'pipeline',
}

__all__ = ['__version__', *_MODULES]


def __getattr__(name: str) -> object:
    """Import a public name on first use."""
    if name not in _MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    value = getattr(import_module(f'{__name__}.{_MODULES[name]}'), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
