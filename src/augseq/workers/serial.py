"""No workers: each batch is made by the one who asks for it."""

from collections.abc import Callable
from concurrent.futures import Future

from augseq.loading.batch import Batch
from augseq.sampling.schedule import Step


class SerialWorkers:
    """Makes each batch when asked for; the kind to debug a transform with.

    Args:
        load: Makes the batch of a step.
    """

    text = "none: made when asked for"

    def __init__(self, load: Callable[[Step], Batch]) -> None:
        self.load = load

    def submit(self, step: Step) -> Future[Batch]:
        """Make a batch at once."""
        future: Future[Batch] = Future()
        try:
            future.set_result(self.load(step))
        except Exception as error:
            future.set_exception(error)
        return future
