"""What machine a replay ran on, in words."""

import os
from pathlib import Path
import platform
import re

from road_seg.backends.gpu import nvidia_gpus


def machine_facts() -> dict[str, str]:
    """Return the names of system, CPU and GPU."""
    return {'system': platform.platform(), 'CPU': f'{_cpu()}, {os.cpu_count()} threads',
            'GPU': _gpus()}


def _cpu() -> str:
    """Return the CPU's name as Linux gives it, or its architecture."""
    try:
        info = Path('/proc/cpuinfo').read_text(encoding='utf-8')
    except OSError:
        info = ''
    named = re.search(r'^model name\s*:\s*(.+)$', info, re.MULTILINE)
    return named[1].strip() if named else platform.machine()


def _gpus() -> str:
    try:
        return ', '.join(f'{gpu.name} ({gpu.capability})' for gpu in nvidia_gpus())
    except RuntimeError as error:
        return str(error)
