"""The NVIDIA GPUs of this machine, asked of the driver alone."""

import ctypes
from dataclasses import dataclass

# CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR of cuda.h.
_MAJOR, _MINOR = 75, 76


@dataclass(frozen=True)
class Gpu:
    """
    One GPU.

    :param name: what the driver calls it.
    :param capability: its compute capability: sm_86 is 8.6.
    """

    name: str
    capability: str


def nvidia_gpus() -> list[Gpu]:
    """
    Return the GPUs that this process may use, in CUDA's order.

    :raises RuntimeError: there is no driver or no GPU; the message says which.
    """
    try:
        driver = ctypes.CDLL('libcuda.so.1')
    except OSError as error:
        raise RuntimeError('no NVIDIA driver') from error
    count = ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        raise RuntimeError('the NVIDIA driver finds no GPU')
    return [_gpu(driver, index) for index in range(count.value)]


def _gpu(driver: ctypes.CDLL, index: int) -> Gpu:
    name = ctypes.create_string_buffer(256)
    device, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    driver.cuDeviceGet(ctypes.byref(device), index)
    driver.cuDeviceGetName(name, len(name), device)
    driver.cuDeviceGetAttribute(ctypes.byref(major), _MAJOR, device)
    driver.cuDeviceGetAttribute(ctypes.byref(minor), _MINOR, device)
    return Gpu(name.value.decode(), f'sm_{major.value}{minor.value}')
