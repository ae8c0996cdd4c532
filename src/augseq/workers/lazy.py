"""Workers that start with the first batch."""

import os
from collections.abc import Callable
from concurrent.futures import Future

from augseq.loading.batch import Batch
from augseq.sampling.schedule import Step
from augseq.workers.protocol import Workers


class LazyWorkers:
    """Workers that are made for the first batch, and anew in a forked process.

    One thread at a time can use them.

    Args:
        make: Makes the workers.
        former: Workers of an earlier plan. They are held until the new ones are made, so that
            processes that both share keep running.
    """

    def __init__(self, make: Callable[[], Workers], former: Workers | None = None) -> None:
        self._make = make
        self._former = former
        self._made: Workers | None = None
        self._process = os.getpid()

    @property
    def text(self) -> str:
        """What they are, in a few words; empty before the first batch."""
        return "" if self._made is None else self._made.text

    def submit(self, step: Step, *, urgent: bool = False) -> Future[Batch]:
        """Begin to load a batch.

        Raises:
            SharedMemoryError: There is no memory that processes can share.
            WorkerError: The system starts no process.
        """
        if self._process != os.getpid():
            # A fork copies neither threads nor the right to use the parent's processes.
            self._made, self._process = None, os.getpid()
        if self._made is None:
            self._made = self._make()
            self._former = None
        return self._made.submit(step, urgent=urgent)

    def retire(self) -> Workers | None:
        """Return the workers that the next plan can take processes from."""
        return self._made or self._former
