"""Workers that start with the first batch."""

import os
from collections.abc import Callable
from concurrent.futures import Future

from augseq.loading.batch import Batch
from augseq.sampling.schedule import Step
from augseq.workers.protocol import Workers


class LazyWorkers:
    """Workers that are created for the first batch, and again in a forked process.

    Only one thread can use them at a time.

    Args:
        make: Creates the workers.
        former: Workers of an earlier plan. They are kept until the new ones are created, so that
            processes that both share keep running.
    """

    def __init__(self, make: Callable[[], Workers], former: Workers | None = None) -> None:
        self._make = make
        self._former = former
        self._made: Workers | None = None
        self._process = os.getpid()

    @property
    def text(self) -> str:
        """Short description; empty before the first batch."""
        return "" if self._made is None else self._made.text

    def submit(self, step: Step, *, urgent: bool = False) -> Future[Batch]:
        """Start loading a batch.

        Raises:
            SharedMemoryError: There is not enough shared memory.
            WorkerError: The system cannot start a process.
        """
        if self._process != os.getpid():
            # A forked process has no threads, and must not use the parent's processes.
            self._made, self._process = None, os.getpid()
        if self._made is None:
            self._made = self._make()
            self._former = None
        return self._made.submit(step, urgent=urgent)

    def retire(self) -> Workers | None:
        """Return the workers whose processes the next plan can reuse."""
        return self._made or self._former
