"""The node as a child process that never outlives its parent's use of it."""

from collections.abc import Mapping
from contextlib import suppress
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
from types import TracebackType

import yaml

import road_seg
from road_seg.errors import InputError

_PATIENCE_S = 5.0
_KEPT_LINES = 5


class NodeProcess:
    """
    Run road_seg_node from entering the context until leaving it.

    To be used while signals are held, as in a ClientNode: an interruption amid a method of Popen
    may leave its lock taken.

    :param parameters: the node's parameters by full name.
    :param namespace: of the node.
    :param environment: variables to set beside those of this process.
    :param log_path: file for what the node prints; a temporary one without it.
    """

    def __init__(self, parameters: Mapping[str, object], *, namespace: str,
                 environment: Mapping[str, str], log_path: str | os.PathLike | None = None
                 ) -> None:
        self._parameters = dict(parameters)
        self._namespace = namespace
        self._environment = dict(environment)
        self._log_path = log_path

    def __enter__(self) -> 'NodeProcess':
        self._folder = tempfile.TemporaryDirectory(prefix='road_seg_')
        folder = Path(self._folder.name)
        self._log = Path(self._log_path or folder / 'node.log')
        parameter_file = folder / 'parameters.yaml'
        parameter_file.write_text(yaml.safe_dump({'/**': {'ros__parameters': self._parameters}}))
        # The child must find this package wherever the parent got it from.
        search_path = [str(Path(road_seg.__file__).parent.parent), os.environ.get('PYTHONPATH')]
        environment = {
            'ROS_LOG_DIR': str(folder), **os.environ, **self._environment,
            'PYTHONPATH': os.pathsep.join(filter(None, search_path)), 'PYTHONUNBUFFERED': '1'}
        with self._log.open('wb') as log:
            self._child = subprocess.Popen(
                [sys.executable, '-m', 'road_seg.ros.node', '--ros-args',
                 '-r', f'__ns:={self._namespace}', '--params-file', str(parameter_file)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment)
        return self

    def check(self) -> None:
        """
        Do nothing while the process runs.

        :raises InputError: it has ended; the last lines it printed say why.
        """
        status = self._child.poll()
        if status is not None:
            raise InputError('road_seg_node', found=f'it ended with status {status}: {self.tail}',
                             expected='a running node', fix='correct what its last lines say')

    @property
    def pid(self) -> int:
        """Process id of the node."""
        return self._child.pid

    @property
    def tail(self) -> str:
        """The last lines the node printed, as one line."""
        lines = self._log.read_text(errors='replace').split('\n')
        return ' | '.join([line.strip() for line in lines if line.strip()][-_KEPT_LINES:])

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            self._child.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(_PATIENCE_S)
                break
        self._folder.cleanup()
