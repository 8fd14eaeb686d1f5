"""Lifecycle transitions that say why they fail."""

from collections.abc import Callable
from functools import wraps
from typing import Protocol

from rclpy.lifecycle import LifecycleState
from rclpy.lifecycle import TransitionCallbackReturn

from road_seg.errors import RoadSegError


class ReportingNode(Protocol):
    """A node that reports how its transitions end."""

    def report_state(self, state: str, mends: bool) -> None:
        """Report a new lifecycle state; `mends` ends the report of an earlier failure."""

    def report_failure(self, text: str) -> None:
        """Log and report why a transition failed; called while the exception is handled."""


Transition = Callable[[ReportingNode, LifecycleState], None]


def transition(state_after: str, *, mends: bool = True) -> Callable[[Transition], Callable]:
    """
    Turn a method that raises into a transition callback that logs, reports and returns a code.

    rclpy takes an exception for ERROR without a word. A RoadSegError is the user's to mend:
    FAILURE leaves the node in the state it came from. Everything else is ERROR.

    :param state_after: the state that success leads to.
    :param mends: success ends the report of an earlier failure.
    """
    def decorate(method: Transition) -> Callable:
        @wraps(method)
        def callback(node: ReportingNode, state: LifecycleState) -> TransitionCallbackReturn:
            verb = method.__name__.removeprefix('on_')
            try:
                method(node, state)
            except RoadSegError as error:
                node.report_failure(f'{verb}: {error}')
                return TransitionCallbackReturn.FAILURE
            except Exception as error:
                node.report_failure(
                    f'{verb}: {type(error).__name__}: {" ".join(str(error).split())}')
                return TransitionCallbackReturn.ERROR
            node.report_state(state_after, mends)
            return TransitionCallbackReturn.SUCCESS
        return callback
    return decorate
