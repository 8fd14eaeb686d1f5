"""What the machine can do, and its memory."""

import ctypes

import torch


def bfloat16_is_faster(device: torch.device) -> bool:
    """Return whether the device has matrix units for bfloat16; without, it is slower on CPUs."""
    return device.type == 'cuda' or torch.cpu.get_capabilities().get('amx_bf16', False)


def release_memory() -> None:
    """
    Give freed memory back to the system, to be called before processes are forked.

    They would hold on to its pages, and each that this process then wrote to again would be
    copied: a training run could need twice its memory.
    """
    ctypes.CDLL(None).malloc_trim(0)  # glibc
