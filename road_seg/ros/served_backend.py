"""The node's backend, with what stands in for it, and who serves as the diagnostics report it."""

from contextlib import ExitStack
from itertools import takewhile
import time

from rclpy.impl.rcutils_logger import RcutilsLogger

from road_seg.backends import Backend
from road_seg.backends import BACKENDS
from road_seg.backends import open_service
from road_seg.backends import read_model
from road_seg.backends import Service
from road_seg.backends.recovery import RecoveringBackend
from road_seg.health import Health
from road_seg.health import Level
from road_seg.parameters import Parameters

# Conditions.
_FALLBACK, _STAND_IN, _WARNING = 'backend_fallback', 'backend_stand_in', 'engine_not_kept'


class ServedBackend:
    """
    Opens the backend that parameters ask for and reports which one serves, and why.

    :param settings: model, backend and threads.
    :param health: takes the reports, from any thread.
    :param logger: of the node.
    """

    def __init__(self, settings: Parameters, health: Health, logger: RcutilsLogger) -> None:
        self._settings = settings
        self._health = health
        self._logger = logger

    def open(self, stack: ExitStack) -> RecoveringBackend:
        """
        Return the active backend, with the others behind it; the stack deactivates what is used.

        :raises RoadSegError: the model is unusable, or no backend is usable.
        """
        wanted, health = self._settings, self._health
        model = read_model(wanted.model)
        backend = open_service(model, wanted.backend, wanted.threads, self._report_service)
        # The backends before the chosen one in the order of preference were unusable.
        passed_over = [] if wanted.backend == backend.name else [
            f'{other.name} {reason}'
            for other in takewhile(lambda other: other.name != backend.name, BACKENDS)
            if (reason := other.unavailable())]
        facts = {'model': str(model.path), 'model sha256': model.sha256, 'backend': backend.name,
                 'backends passed over': '; '.join(passed_over) or 'none'}
        health.set_facts(**facts)
        stack.callback(health.forget_facts, *facts)
        for condition in (_FALLBACK, _STAND_IN, _WARNING):
            stack.callback(health.clear_condition, condition)
        stack.enter_context(backend)
        self._logger.info(', '.join(f'{name} {value}' for name, value in facts.items()))
        others = (other(model, wanted.threads) for other in BACKENDS
                  if other.name != backend.name and not other.is_slow_to_start
                  and other.unavailable() is None)
        recovering = RecoveringBackend(
            backend, others, lambda name, reason: self._report_recovery(backend, name, reason))
        stack.callback(recovering.deactivate)
        return recovering

    def _report_service(self, service: Service) -> None:
        """Report which backend serves and why it is not the wanted one; from any thread."""
        self._health.set_facts(backend=service.backend)
        if not service.note:
            self._health.clear_condition(_STAND_IN)
            self._logger.info(f'from now on {service.backend} serves')
            if service.warning:
                self._health.set_condition(_WARNING, Level.WARN, service.warning)
            return
        self._health.set_condition(_STAND_IN, Level.WARN, service.note)
        if service.is_settled:
            self._logger.warning(service.note)

    def _report_recovery(self, backend: Backend, name: str, reason: str) -> None:
        """Report what was loaded after a failure: the backend again, or another one."""
        self._health.set_facts(backend=name)
        text = f'{reason}: {name} loaded instead'
        self._logger.error(text)
        if name == backend.name:
            self._health.notice(time.perf_counter_ns(), 'backend_reloaded', Level.WARN, text)
        else:
            self._health.set_condition(_FALLBACK, Level.WARN, text)
