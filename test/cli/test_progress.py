"""Progress on a terminal and in a log."""

import io

from road_seg.cli.progress import Progress


class Terminal(io.StringIO):
    """Text that takes itself for a terminal."""

    def isatty(self) -> bool:
        """Say yes."""
        return True


def test_a_log_gets_a_line_each_tenth():
    log = io.StringIO()
    progress = Progress('frame', log)
    for done in range(1, 251):
        progress(done, 250)
    lines = log.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0].startswith('frame 25 of 250, ')
    assert lines[-1] == 'frame 250 of 250, 0 s left'


def test_a_terminal_gets_one_line_that_ends():
    terminal = Terminal()
    progress = Progress('image', terminal)
    for done in range(1, 4):
        progress(done, 3)
    assert terminal.getvalue().endswith('image 3 of 3, 0 s left\n')
    assert terminal.getvalue().count('\n') == 1


def test_more_than_announced_is_no_error():
    log = io.StringIO()
    progress = Progress('frame', log)
    for done in range(1, 4):
        progress(done, 2)
    assert log.getvalue().splitlines()[-1].startswith('frame 3 of 2, 0 s')
