"""Tests of what happens when a backend breaks in mid-run."""

from types import SimpleNamespace

import numpy as np
import pytest

from road_seg.backends.recovery import RecoveringBackend

IMAGE = np.zeros((2, 2, 3), np.uint8)


class Breaking:
    """A backend that answers its name, except on the calls listed."""

    def __init__(self, name: str, *, breaks_at: set[int], loads: bool = True) -> None:
        self.name = name
        self.model = SimpleNamespace()
        self.loaded = 0
        self._breaks_at = breaks_at
        self._loads = loads
        self._calls = 0

    def activate(self) -> None:
        """Load, or not."""
        if not self._loads:
            raise MemoryError('no memory')
        self.loaded += 1

    def deactivate(self) -> None:
        """Release."""
        self.loaded -= 1

    def infer(self, image: np.ndarray) -> str:
        """Answer or break."""
        self._calls += 1
        if self._calls in self._breaks_at:
            raise RuntimeError('device\nlost')
        return self.name


def test_it_is_loaded_once_more_and_the_frame_is_not_lost() -> None:
    first = Breaking('gpu', breaks_at={1})
    first.activate()
    changes = []
    backend = RecoveringBackend(first, iter(()), lambda *change: changes.append(change))
    assert [backend.infer(IMAGE), backend.infer(IMAGE)] == ['gpu', 'gpu']
    assert changes == [('gpu', 'gpu failed (RuntimeError: device lost)')]
    assert first.loaded == 1


def test_the_second_failure_goes_on_to_the_next_that_works() -> None:
    first = Breaking('gpu', breaks_at={1, 3})
    second = Breaking('openvino', breaks_at=set(), loads=False)
    third = Breaking('onnxruntime', breaks_at=set())
    first.activate()
    changes = []
    backend = RecoveringBackend(first, iter((second, third)),
                                lambda *change: changes.append(change))
    assert [backend.infer(IMAGE) for _ in range(3)] == ['gpu', 'onnxruntime', 'onnxruntime']
    assert changes[1] == ('onnxruntime', 'openvino failed (MemoryError: no memory)')
    assert first.loaded == 0
    backend.deactivate()
    assert third.loaded == 0


def test_when_all_have_failed_every_frame_raises_and_the_last_may_come_back() -> None:
    first = Breaking('gpu', breaks_at={1, 2, 3})
    backend = RecoveringBackend(first, iter(()), lambda *change: None)
    for _ in range(2):
        with pytest.raises(RuntimeError, match='lost'):
            backend.infer(IMAGE)
    assert backend.infer(IMAGE) == 'gpu'
