"""Processes that run at the same time."""

from collections.abc import Callable
from multiprocessing import get_context


def exit_statuses(count: int, target: Callable[..., None], *arguments: object) -> list[int | None]:
    """Run a function in so many forked processes at once; return how each ended."""
    processes = [get_context('fork').Process(target=target, args=arguments)
                 for _ in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]
