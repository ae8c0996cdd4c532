"""What every kind of worker can do."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

from augseq.batch import Batch


class Workers(Protocol):
    """Computes batches side by side.

    A batch is a function of its step, so the kind and the number of workers have no
    influence on it.
    """

    def submit(self, load: Callable[[int], Batch], step: int) -> Future[Batch]:
        """Begin to compute a batch.

        Args:
            load: Makes the batch of a step.
            step: Which.
        """
        ...
