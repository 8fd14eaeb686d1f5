"""A backend that breaks in mid-run: made once more, then replaced, then reported."""

from collections.abc import Callable
from collections.abc import Iterator
import logging

import numpy as np

from road_seg.backends.base import Backend
from road_seg.backends.base import Prediction
from road_seg.backends.model_file import ModelFile

_log = logging.getLogger(__name__)


class RecoveringBackend:
    """
    Run a backend; when it raises, load it once more, and then the other ones in turn.

    The frame at work is tried again on each step, so that a recovery loses none. When all have
    failed, every frame raises what the last backend raised.

    :param backend: active; the caller deactivates this object instead.
    :param others: other backends for the same model, not active, the preferred one first.
    :param changed: told the name of the backend in use and why it took over.
    """

    def __init__(self, backend: Backend, others: Iterator[Backend],
                 changed: Callable[[str, str], None]) -> None:
        self._backend = backend
        self._others = others
        self._changed = changed
        self._was_reloaded = False

    @property
    def model(self) -> ModelFile:
        """The model it runs."""
        return self._backend.model

    def infer(self, image: np.ndarray) -> Prediction:
        """
        Return the network's answer to one image.

        :param image: (H, W, 3) uint8 RGB at the model's size.
        """
        try:
            return self._backend.infer(image)
        except Exception as error:
            return self._recover(image, error)

    def deactivate(self) -> None:
        """Release what the backend in use took."""
        self._backend.deactivate()

    def _recover(self, image: np.ndarray, error: Exception) -> Prediction:
        """Return the answer of the next backend that gives one."""
        failed = self._backend.name
        for candidate in self._candidates():
            reason = f'{failed} failed ({type(error).__name__}: {" ".join(str(error).split())})'
            _log.warning('%s; trying %s', reason, candidate.name)
            try:
                self._backend.deactivate()
            except Exception:  # a lost device may refuse even this
                _log.warning('%s could not be released', self._backend.name)
            self._backend = candidate
            try:
                candidate.activate()
                prediction = candidate.infer(image)
            except Exception as next_error:
                failed, error = candidate.name, next_error
                continue
            self._changed(candidate.name, reason)
            return prediction
        raise error

    def _candidates(self) -> Iterator[Backend]:
        """Yield the backend itself the first time, then the others."""
        if not self._was_reloaded:
            self._was_reloaded = True
            yield self._backend
        yield from self._others
