"""What a process takes of the machine, as Linux counts it."""

from dataclasses import dataclass
import os
from pathlib import Path
import time

_KIB_PER_MIB = 1024.0


@dataclass(frozen=True)
class ProcessUsage:
    """
    CPU time and memory of a process at one moment.

    :param at_s: the moment, s of a steady clock.
    :param cpu_s: CPU time of all its threads since its start, s.
    :param memory_mib: resident memory, MiB.
    :param threads: how many it has.
    :param open_files: how many file descriptors it has open.
    """

    at_s: float
    cpu_s: float
    memory_mib: float
    threads: int
    open_files: int

    @classmethod
    def of(cls, pid: int) -> 'ProcessUsage':
        """Read the usage of a running process."""
        # proc(5): the fields after the name, which is in brackets; utime and stime are 14 and 15.
        fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
        ticks = int(fields[11]) + int(fields[12])
        status = dict(line.split(':', 1) for line in
                      Path(f'/proc/{pid}/status').read_text().splitlines())
        return cls(time.perf_counter(), ticks / os.sysconf('SC_CLK_TCK'),
                   int(status['VmRSS'].split()[0]) / _KIB_PER_MIB, int(status['Threads']),
                   sum(1 for _ in Path(f'/proc/{pid}/fd').iterdir()))

    def cores_since(self, before: 'ProcessUsage') -> float:
        """Return how many cores it has kept busy since an earlier moment."""
        return (self.cpu_s - before.cpu_s) / (self.at_s - before.at_s)
