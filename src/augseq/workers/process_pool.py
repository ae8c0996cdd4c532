"""Worker processes, for pipelines dominated by Python code, which holds the lock."""

import os
import queue
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from augseq.loading.batch import Batch
from augseq.loading.load_samples import PROCESS_ENDS
from augseq.loading.plan import BatchPlan
from augseq.manifest.record import Record
from augseq.runtime.at_exit import Turn, at_exit
from augseq.sampling.schedule import Step
from augseq.workers.pool_loader import PoolLoader
from augseq.workers.shared_memory import LiveNumbers, SegmentPool
from augseq.workers.shared_pickle import SharedPickle
from augseq.workers.threads import THREAD_NAME, ThreadWorkers
from augseq.workers.worker_handle import WorkerHandle

# Not "fork": threads of TensorFlow and JAX make forked children hang. Not "forkserver": it starts
# 8 workers only 7 % sooner, since only the program may choose what it preloads; it cannot be used
# in a forked process, and leaves a folder behind when it is killed.
START_METHOD = "spawn"


class ProcessWorkers:
    """Threads that each wait for a worker process to load images.

    Images are returned in shared memory; only records and shapes go through a pipe. A worker
    that dies is replaced and its batch loaded again, with the same pixels. Sequences with the
    same number of workers share them, since training and validation do not run at the same time.

    Args:
        plan: The batches to load.
        num_workers: Number of processes.
        limit_s: Maximum seconds to load a batch; then its process is killed. None for no limit.
        start_method: "spawn", "forkserver" or "fork".
        max_bytes: Maximum size of the pipeline's arrays, which are copied; None for no limit.

    Attributes:
        loader: Loads the batch of a step in a process, from any thread.

    Raises:
        Exception: The pipeline cannot be pickled, or its arrays exceed `max_bytes`.
        SharedMemoryError: There is not enough shared memory for its arrays.
    """

    def __init__(
        self,
        plan: BatchPlan,
        num_workers: int,
        *,
        limit_s: float | None = None,
        start_method: str = START_METHOD,
        max_bytes: int | None = None,
    ) -> None:
        self._pool = _worker_pool(num_workers, start_method)
        self._shared = self._pool.send(plan.pipeline, max_bytes=max_bytes)
        self._limit_s = limit_s
        # Not a bound method, since the threads would then keep this object alive.
        self.loader = PoolLoader(plan, self._shared, self._pool, limit_s)
        self._threads = ThreadWorkers(self.loader, num_workers, interrupt=self.loader.interrupt)
        self.text = f"processes: {num_workers}"

    def submit(self, step: Step, *, urgent: bool = False) -> Future[Batch]:
        """Queue a batch; the first free process loads its images."""
        if urgent:
            self.loader.refresh()
        return self._threads.submit(step, urgent=urgent)

    def start(self) -> Sequence[str]:
        """Start one process and send it the pipeline.

        Returns:
            The backends of Keras that the pipeline loads there, such as "tensorflow".

        Raises:
            WorkerDiedError: The process dies while loading it.
            WorkerHungError: It takes too long.
            Exception: It cannot load the pipeline.
        """
        return self._hand_over(self._shared)

    def fetch(self, record: Record) -> None:
        """Let a process read the file of a record.

        Raises:
            WorkerDiedError: The process dies.
            WorkerHungError: It takes too long.
            Exception: It cannot read the file.
        """
        with self._pool.worker() as worker:
            worker.fetch(self._shared, record, self._limit_s)

    def start_all(self) -> None:
        """Start all processes at the same time, and send them the pipeline.

        Raises:
            Exception: As for `start`.
        """
        with self._pool.unstarted() as workers:
            errors = _call_in_threads(
                [partial(worker.learn, self._shared, self._limit_s) for worker in workers]
            )
        if errors:
            raise errors[0]

    def try_out(self, content: Any) -> None:
        """Send an object to a process to test whether it can load it.

        Raises:
            WorkerDiedError: The process dies while loading it.
            WorkerHungError: It takes too long.
            Exception: It cannot load the object.
        """
        self._hand_over(SharedPickle(content))

    def _hand_over(self, shared: SharedPickle) -> Sequence[str]:
        with self._pool.worker() as worker:
            return worker.learn(shared, self._limit_s)

    @property
    def process_ids(self) -> list[int]:
        """Ids of the running processes."""
        ids = [worker.process_id for worker in self._pool.workers]
        return [process_id for process_id in ids if process_id]


class _WorkerPool:
    """Worker processes shared by several sequences; they end with the last of these."""

    def __init__(self, num_workers: int, start_method: str) -> None:
        self.pipelines = LiveNumbers()
        segment_pool = SegmentPool(most=2 * num_workers)
        self.workers = [WorkerHandle(start_method, segment_pool) for _ in range(num_workers)]
        # The most recently returned worker is reused first, so that no process starts needlessly.
        self._idle: queue.LifoQueue[WorkerHandle] = queue.LifoQueue()
        for worker in self.workers:
            self._idle.put(worker)
        weakref.finalize(self, _kill, self.workers, os.getpid()).atexit = False

    def send(self, content: Any, *, max_bytes: int | None = None) -> SharedPickle:
        """Pickle a pipeline for the workers; see `SharedPickle`."""
        shared = SharedPickle(content, max_bytes=max_bytes)
        self.pipelines.add(shared)
        return shared

    @contextmanager
    def worker(self) -> Iterator[WorkerHandle]:
        """Provide a worker within a `with` block, as soon as one is free."""
        worker = self._idle.get()
        try:
            yield worker
        finally:
            self._idle.put(worker)

    @contextmanager
    def unstarted(self) -> Iterator[list[WorkerHandle]]:
        """Provide the free workers without a running process within a `with` block."""
        free: list[WorkerHandle] = []
        with suppress(queue.Empty):
            while True:
                free.append(self._idle.get_nowait())
        running = [worker for worker in reversed(free) if worker.process_id is not None]
        unstarted = [worker for worker in free if worker not in running]
        for worker in running:
            self._idle.put(worker)
        try:
            yield unstarted
        finally:
            for worker in unstarted:
                self._idle.put(worker)


def _call_in_threads(calls: Sequence[Callable[[], object]]) -> list[Exception]:
    """Make calls at the same time, and return the errors."""
    errors: list[Exception] = []

    def run(call: Callable[[], object]) -> None:
        try:
            call()
        except Exception as error:
            errors.append(error)

    # Not a pool, for which an exiting program would wait.
    threads = [
        threading.Thread(target=run, args=(call,), name=f"{THREAD_NAME}-start-{k}", daemon=True)
        for k, call in enumerate(calls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


_WORKER_POOLS: "weakref.WeakValueDictionary[tuple[int, str], _WorkerPool]" = (
    weakref.WeakValueDictionary()
)


def _worker_pool(num_workers: int, start_method: str) -> _WorkerPool:
    """Return the pool of this size and start method, or a new one if none is in use."""
    pool = _WORKER_POOLS.get((num_workers, start_method))
    if pool is None:
        pool = _WORKER_POOLS[num_workers, start_method] = _WorkerPool(num_workers, start_method)
    return pool


def running_pool(num_workers: int) -> object | None:
    """Return a pool of this size that has a process; it lasts while it is referenced."""
    pool = _WORKER_POOLS.get((num_workers, START_METHOD))
    return pool if pool is not None and any(w.process_id for w in pool.workers) else None


def _kill(workers: list[WorkerHandle], owner: int) -> None:
    # A forked child has a copy of the pool, but the processes are its parent's.
    if os.getpid() == owner:
        for worker in workers:
            worker.kill()


@at_exit(Turn.PROCESSES)
def _end_processes() -> None:
    """Kill all workers, so that the threads that wait for them end too."""
    PROCESS_ENDS.set()
    workers = [worker for pool in list(_WORKER_POOLS.values()) for worker in pool.workers]
    for worker in workers:
        worker.interrupt()
    # Afterwards, only this process uses shared resources, such as a cache in memory.
    for worker in workers:
        worker.await_end()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_WORKER_POOLS.clear)
