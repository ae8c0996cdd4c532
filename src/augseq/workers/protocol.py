"""What every kind of worker can do."""

from concurrent.futures import Future
from typing import Protocol

from augseq.loading.batch import Batch
from augseq.sampling.schedule import Step


class Workers(Protocol):
    """Computes the batches of one plan, side by side.

    A batch is a function of its step, so the kind and the number of workers have no
    influence on it.
    """

    @property
    def text(self) -> str:
        """What they are, in a few words."""
        ...

    def submit(self, step: Step, *, urgent: bool = False) -> Future[Batch]:
        """Begin to load a batch.

        Args:
            step: Which batch.
            urgent: Whether it is asked for now; it is then loaded before all that are not.
        """
        ...
