"""No workers: each batch is loaded in the thread that requests it."""

from collections.abc import Callable
from concurrent.futures import Future

from augseq.loading.batch import Batch
from augseq.sampling.schedule import Step


class SerialWorkers:
    """Loads each batch when its result is requested; useful to debug a transform.

    Args:
        load: Loads the batch of a step.
    """

    text = "none: loaded when requested"

    def __init__(self, load: Callable[[Step], Batch]) -> None:
        self._load = load

    def submit(self, step: Step, *, urgent: bool = False) -> Future[Batch]:
        """Return a future that loads the batch when its result is requested."""
        return _Deferred(self._load, step)


class _Deferred(Future[Batch]):
    def __init__(self, load: Callable[[Step], Batch], step: Step) -> None:
        super().__init__()
        self._load = load
        self._step = step

    def result(self, timeout: float | None = None) -> Batch:
        return self._load(self._step)
