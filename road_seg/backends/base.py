"""What every inference backend promises."""

from abc import ABC
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import fields
import importlib
import logging
from types import TracebackType
from typing import Any
from typing import ClassVar

import numpy as np

from road_seg.backends.model_file import ModelFile
from road_seg.errors import BackendError
from road_seg.errors import RoadSegError

_log = logging.getLogger(__name__)

Report = Callable[[str], bool]


def log_progress(text: str) -> bool:
    """Log what a slow activate is at; go on."""
    _log.debug('%s', text)
    return True


@dataclass(frozen=True)
class Prediction:
    """
    The network's answer to one image; the arrays are valid until the next infer.

    :param classes: (H, W) uint8 class ids.
    :param drivable: (H, W) uint8 probability of the drivable set, 0..255.
    :param confidence: (H, W) uint8 probability of the class in classes, 0..255.
    """

    classes: np.ndarray
    drivable: np.ndarray
    confidence: np.ndarray


OUTPUTS = tuple(field.name for field in fields(Prediction))


class Backend(ABC):
    """
    Run one model file; a context manager that activates and deactivates.

    A subclass names its package and implements _activate, _infer and _deactivate.

    :param model: the model to run.
    :param threads: CPU threads to use; 0 leaves the choice to the library.
    """

    name: ClassVar[str]
    package: ClassVar[str]
    # Whether activate may take minutes, so that another backend should serve meanwhile.
    is_slow_to_start: ClassVar[bool] = False
    # What is to be mended although it runs, in words; set by activate.
    warning: str = ''
    # Told what a slow activate is at; it ends when the answer is False.
    report: Report = staticmethod(log_progress)

    def __init__(self, model: ModelFile, threads: int = 0) -> None:
        self.model = model
        self._threads = threads
        self._active = False

    @classmethod
    def unavailable(cls) -> str | None:
        """Return why the backend's package cannot be used here, or None if it can."""
        try:
            importlib.import_module(cls.package)
        except ModuleNotFoundError as error:
            if error.name == cls.package:
                return f'not installed: pip install {cls.package}'
            return f'import failed ({error}): reinstall with pip install {cls.package}'
        except Exception as error:
            return f'import failed ({error}): reinstall with pip install {cls.package}'
        return None

    def activate(self) -> None:
        """
        Load the model and run it once; do nothing if it is active.

        :raises RoadSegError: the package is missing or cannot run the model.
        """
        if self._active:
            return
        reason = self.unavailable()
        if reason is not None:
            raise BackendError(f'backend {self.name}', found=reason, expected='its package',
                               fix=f'pip install {self.package}, or choose another backend')
        try:
            self._activate()
            self._check(self._infer(np.zeros(self._image_shape, np.uint8)))
        except RoadSegError:
            self._deactivate()
            raise
        except Exception as error:
            self._deactivate()
            raise BackendError(f'backend {self.name} with {self.model.path}',
                               found=f'{type(error).__name__}: {" ".join(str(error).split())}',
                               expected='a model with input image and outputs '
                               f'{", ".join(OUTPUTS)} that this backend can run',
                               fix='export the model again or choose another backend') from error
        self._active = True

    def infer(self, image: np.ndarray) -> Prediction:
        """
        Return the network's answer to one image.

        :param image: (H, W, 3) uint8 RGB at the model's size.
        :raises BackendError: the backend is not active or the image has the wrong form.
        """
        if not self._active:
            raise BackendError(f'backend {self.name}', found='infer before activate',
                               expected='an active backend', fix='call activate first')
        if image.shape != self._image_shape or image.dtype != np.uint8:
            raise BackendError(f'backend {self.name}', found=f'{image.dtype} {image.shape}',
                               expected=f'uint8 {self._image_shape}',
                               fix="resize the image to the model's input size")
        return self._infer(np.ascontiguousarray(image))

    def deactivate(self) -> None:
        """Release what activate took; do nothing if it is not active."""
        if self._active:
            self._active = False
            self._deactivate()

    def __enter__(self) -> 'Backend':
        self.activate()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.deactivate()

    @property
    def _image_shape(self) -> tuple[int, int, int]:
        """Shape of the image that infer takes."""
        return self.model.height, self.model.width, 3

    def _output_buffers(self) -> dict[str, np.ndarray]:
        """Return an empty (1, H, W) uint8 array for each output."""
        shape = (1, self.model.height, self.model.width)
        return {name: np.empty(shape, np.uint8) for name in OUTPUTS}

    def _check(self, prediction: Prediction) -> None:
        """Refuse a model that predicts classes its label map does not name."""
        largest = int(prediction.classes.max())
        if largest >= len(self.model.labels.names):
            raise ValueError(f'class {largest} of {len(self.model.labels.names)}')

    @abstractmethod
    def _activate(self) -> None:
        """Load the model."""

    @abstractmethod
    def _infer(self, image: np.ndarray) -> Prediction:
        """Run the model on a C-contiguous (H, W, 3) uint8 image."""

    @abstractmethod
    def _deactivate(self) -> None:
        """Release the model, also after an _activate that failed half-way."""

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.model.path}, threads={self._threads})'


def as_prediction(outputs: dict[str, Any]) -> Prediction:
    """Return the outputs (1, H, W) by name as a Prediction of views (H, W)."""
    return Prediction(**{name: outputs[name][0] for name in OUTPUTS})
