"""The interface of every kind of workers."""

from concurrent.futures import Future
from typing import Protocol

from augseq.loading.batch import Batch
from augseq.sampling.schedule import Step


class Workers(Protocol):
    """Loads the batches of one plan in parallel.

    A batch depends only on its step, not on the kind or number of workers.
    """

    @property
    def text(self) -> str:
        """Short description."""
        ...

    def submit(self, step: Step, *, urgent: bool = False) -> Future[Batch]:
        """Start loading a batch.

        Args:
            step: The step of the batch.
            urgent: Whether it is needed now; it is then loaded before all others.
        """
        ...
