"""Worker threads: right for pipelines whose time goes to decoders, which release the lock."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from augseq.batch import Batch


class ThreadWorkers:
    """A pool of threads, started when first needed and ended with this object."""

    def __init__(self, num_workers: int) -> None:
        self._pool = ThreadPoolExecutor(num_workers, thread_name_prefix="augseq")

    def submit(self, load: Callable[[int], Batch], step: int) -> Future[Batch]:
        """Queue a batch; the first free thread computes it."""
        return self._pool.submit(load, step)
