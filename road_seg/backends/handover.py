"""Serve from a backend that is ready while a faster one gets ready."""

from collections.abc import Callable
from dataclasses import dataclass
import logging
import os
from threading import get_native_id
from threading import Thread

import numpy as np

from road_seg.backends.base import Backend
from road_seg.backends.base import Prediction

_NICE = 10
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Service:
    """
    Who serves.

    :param backend: name of the backend that answers the frames.
    :param note: why it is not the wanted one, in words; empty if it is.
    :param is_settled: it stays so until something fails.
    :param warning: what is to be mended although it is the wanted one; empty for nothing.
    """

    backend: str
    note: str
    is_settled: bool
    warning: str = ''


class Handover(Backend):
    """
    Answer with a stand-in until the wanted backend is active, then with that one.

    The wanted backend is activated in a thread. The switch happens at the start of an infer, so
    no frame waits for it. Where activation or a later frame fails, the stand-in goes on, and
    answers that frame too; it stays active for this.

    :param wanted: the backend that is slow to start.
    :param stand_in: the one that serves meanwhile, for the same model.
    :param tell: called with every change of the service, from any thread; must not raise.
    """

    def __init__(self, wanted: Backend, stand_in: Backend,
                 tell: Callable[[Service], None]) -> None:
        super().__init__(wanted.model)
        self._wanted = wanted
        self._stand_in = stand_in
        self._tell = tell
        self._serving = stand_in
        self._ready: Backend | None = None
        self._thread: Thread | None = None

    @property
    def name(self) -> str:
        """Name of the backend that serves."""
        return self._serving.name

    @classmethod
    def unavailable(cls) -> str | None:
        """Return None: the joined backends say for themselves what they lack."""
        return None

    def _activate(self) -> None:
        """Activate the stand-in and begin to activate the other."""
        self._serving, self._ready, self._stopping = self._stand_in, None, False
        self._stand_in.activate()
        self._wanted.report = self._progress
        self._progress('begins')  # before any frame is served
        self._thread = Thread(target=self._prepare, name='road_seg_handover')
        self._thread.start()

    def _infer(self, image: np.ndarray) -> Prediction:
        """Answer with the backend that serves, after a switch if one is due."""
        if self._ready is not None:
            self._serving, self._ready = self._ready, None
            self._tell(Service(self.name, '', is_settled=True, warning=self._serving.warning))
        if self._serving is self._stand_in:
            return self._stand_in.infer(image)
        try:
            return self._serving.infer(image)
        except Exception as error:
            self._fall_back(f'failed: {type(error).__name__}: {" ".join(str(error).split())}')
            return self._stand_in.infer(image)

    def _deactivate(self) -> None:
        """End the preparation and release both backends."""
        self._stopping = True
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._wanted.deactivate()
        self._stand_in.deactivate()

    def _prepare(self) -> None:
        """Activate the wanted backend, in the thread, which yields the cores to what serves."""
        thread = get_native_id()  # Linux has a priority for each thread
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICE)
        try:
            self._wanted.activate()
        except Exception as error:
            if not self._stopping:
                self._fall_back(f'refused: {" ".join(str(error).split())}')
            return
        self._ready = self._wanted

    def _progress(self, text: str) -> bool:
        """Tell what the wanted backend is at; return whether it shall go on."""
        name = self._stand_in.name
        self._tell(Service(name, f'{name} serves while {self._wanted.name} gets ready: {text}',
                           is_settled=False))
        return not self._stopping

    def _fall_back(self, reason: str) -> None:
        """Serve from the stand-in for good."""
        self._serving = self._stand_in
        name = self._stand_in.name
        self._tell(Service(name, f'{name} serves: {self._wanted.name} {reason}',
                           is_settled=True))
        try:
            self._wanted.deactivate()
        except Exception as error:  # a GPU that failed may also refuse to take memory back
            _log.warning('%s not released: %s', self._wanted.name, error)
