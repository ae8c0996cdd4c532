"""What every kind of worker can do."""

from concurrent.futures import Future
from typing import Protocol

from augseq.loading.batch import Batch


class Workers(Protocol):
    """Computes the batches of one plan, side by side.

    A batch is a function of its step, so the kind and the number of workers have no
    influence on it.
    """

    @property
    def text(self) -> str:
        """What they are, in a few words."""
        ...

    def load(self, step: int) -> Batch:
        """Make a batch for which somebody waits."""
        ...

    def submit(self, step: int) -> Future[Batch]:
        """Begin to make a batch that will be asked for later."""
        ...
