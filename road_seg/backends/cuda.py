"""The few CUDA calls of one inference stream; the only place that knows the binding."""

from collections.abc import Callable
import mmap
from typing import Any

import numpy as np


class CudaStream:
    """
    One CUDA stream of the first GPU, with its buffers and graphs.

    The runtime API binds the GPU's primary context, the one TensorRT uses, to whichever thread
    calls it, so that a stream may be prepared in one thread and used in another.
    """

    def __init__(self) -> None:
        from cuda.bindings import runtime

        self._cuda = runtime
        # Non-blocking: it never waits for what others put on the default stream.
        self.handle = int(self._call('cudaStreamCreateWithFlags', runtime.cudaStreamNonBlocking))

    def allocate(self, size: int) -> int:
        """Return the address of `size` new bytes of device memory."""
        return int(self._call('cudaMalloc', size))

    def free(self, address: int) -> None:
        """Give device memory back."""
        self._call('cudaFree', address)

    def pinned(self, shape: tuple[int, ...]) -> np.ndarray:
        """
        Return a new page-locked uint8 array, so that copies need no staging buffer.

        Its memory is Python's own: what still refers to it after `unpin` stays valid.
        """
        array = np.frombuffer(mmap.mmap(-1, int(np.prod(shape))), np.uint8).reshape(shape)
        self._call('cudaHostRegister', array.ctypes.data, array.nbytes,
                   self._cuda.cudaHostRegisterDefault)
        return array

    def unpin(self, array: np.ndarray) -> None:
        """Unlock the pages of an array that `pinned` returned."""
        self._call('cudaHostUnregister', array.ctypes.data)

    def copy_in(self, address: int, array: np.ndarray) -> None:
        """Queue a copy of a pinned array to the device."""
        self._call('cudaMemcpyAsync', address, array.ctypes.data, array.nbytes,
                   self._cuda.cudaMemcpyKind.cudaMemcpyHostToDevice, self.handle)

    def copy_out(self, array: np.ndarray, address: int) -> None:
        """Queue a copy from the device to a pinned array."""
        self._call('cudaMemcpyAsync', array.ctypes.data, address, array.nbytes,
                   self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost, self.handle)

    def synchronize(self) -> None:
        """Wait until all that was queued is done."""
        self._call('cudaStreamSynchronize', self.handle)

    def capture(self, enqueue: Callable[[], None]) -> Any:
        """Return what `enqueue` puts on the stream as an executable graph; nothing runs."""
        mode = self._cuda.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._call('cudaStreamBeginCapture', self.handle, mode)
        try:
            enqueue()
        finally:
            graph = self._call('cudaStreamEndCapture', self.handle)
        try:
            return self._call('cudaGraphInstantiate', graph, 0)
        finally:
            self._call('cudaGraphDestroy', graph)

    def launch(self, graph: Any) -> None:
        """Queue a graph that `capture` returned."""
        self._call('cudaGraphLaunch', graph, self.handle)

    def drop(self, graph: Any) -> None:
        """Destroy a graph that `capture` returned."""
        self._call('cudaGraphExecDestroy', graph)

    def close(self) -> None:
        """Destroy the stream."""
        self._call('cudaStreamDestroy', self.handle)

    def _call(self, name: str, *arguments: Any) -> Any:
        """
        Call a function of the CUDA runtime and return its value, if it has one.

        :raises RuntimeError: CUDA reports an error.
        """
        status, *values = getattr(self._cuda, name)(*arguments)
        if status != self._cuda.cudaError_t.cudaSuccess:
            text = self._cuda.cudaGetErrorString(status)[1].decode()
            raise RuntimeError(f'{name}: {text}')
        return values[0] if values else None
