"""Memory given back to the system."""

import subprocess
import sys

ALLOCATE = """
from pathlib import Path
from road_seg.training.machine import release_memory

def resident_mib():
    line = next(x for x in Path('/proc/self/status').read_text().splitlines() if 'VmRSS' in x)
    return int(line.split()[1]) // 1024

blocks = [b'x' * 100_000 for _ in range(4000)]
last = b'x' * 100_000
full = resident_mib()
del blocks
kept = resident_mib()
release_memory()
print(full, kept, resident_mib())
"""


def test_freed_memory_is_given_back() -> None:
    """Nearly all of 381 MiB in blocks that the settings of `make train` let the process keep."""
    settings = {'MALLOC_MMAP_MAX_': '0', 'MALLOC_TRIM_THRESHOLD_': '20000000000'}
    done = subprocess.run([sys.executable, '-c', ALLOCATE], env=settings, capture_output=True,
                          text=True, timeout=120, check=True)
    full, kept, left = map(int, done.stdout.split())
    assert kept > full - 20
    assert left < full - 350
