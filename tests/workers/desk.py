"""Workers whose every move a test decides."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any
from weakref import WeakValueDictionary

from augseq.sampling.schedule import Step


class Desk:
    """Accepts steps and loads them on command; or immediately, if it is eager.

    Attributes:
        submitted: Numbers of steps in the order in which they were ordered.
        load: Makes the batch of a step.
        number_of: Numbers the steps.
    """

    text = "a desk"
    load: Callable[[Step], Any]
    number_of: Callable[[Step], int]

    def __init__(self, *, eager: bool = False) -> None:
        self.submitted: list[int] = []
        self._eager = eager
        # Weak: only futures that the caller still holds remain here.
        self._orders: WeakValueDictionary[int, Future[Any]] = WeakValueDictionary()
        self._steps: list[Step] = []

    def submit(self, step: Step, *, urgent: bool = False) -> Future[Any]:
        """Accept a step; load it immediately if it is urgent."""
        future: Future[Any] = Future()
        if urgent:
            self._carry_out(future, step)
            return future
        self._orders[len(self.submitted)] = future
        self.submitted.append(self.number_of(step))
        self._steps.append(step)
        if self._eager:
            self.work()
        return future

    def work(self) -> None:
        """Carry out all orders that were not cancelled."""
        for number, future in sorted(self._orders.items()):
            if not future.done() and future.set_running_or_notify_cancel():
                self._carry_out(future, self._steps[number])

    def _carry_out(self, future: Future[Any], step: Step) -> None:
        try:
            future.set_result(self.load(step))
        except ValueError as error:
            future.set_exception(error)

    @property
    def held(self) -> list[int]:
        """Steps that are queued or loaded, and neither requested nor cancelled."""
        return sorted(self.submitted[number] for number in self._orders)
