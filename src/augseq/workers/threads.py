"""Worker threads: right for pipelines whose time goes to decoders, which release the lock."""

import queue
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future

from augseq.batch import Batch

_Task = tuple[Future[Batch], Callable[[int], Batch], int]


class ThreadWorkers:
    """Threads that start with the first batch and end with this object.

    Unlike those of `ThreadPoolExecutor` they are daemons: when a program ends, it waits neither
    for the batches that lie ahead nor for a transform that hangs.
    """

    def __init__(self, num_workers: int) -> None:
        self._num_workers = num_workers
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._are_running = False

    def submit(self, load: Callable[[int], Batch], step: int) -> Future[Batch]:
        """Queue a batch; the first free thread computes it."""
        if not self._are_running:
            self._start()
        future: Future[Batch] = Future()
        self._tasks.put((future, load, step))
        return future

    def _start(self) -> None:
        self._are_running = True
        for number in range(self._num_workers):
            name = f"augseq-{number}"
            threading.Thread(target=_work, args=(self._tasks,), name=name, daemon=True).start()
        weakref.finalize(self, _stop, self._tasks, self._num_workers).atexit = False


def _work(tasks: "queue.SimpleQueue[_Task | None]") -> None:
    while (task := tasks.get()) is not None:
        future, load, step = task
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(load(step))
            # Whatever it is, it belongs to the one who asks for this batch.
            except BaseException as error:
                future.set_exception(error)
        # While this thread waits, nothing of a batch may be kept alive by its variables.
        del task, future, load


def _stop(tasks: "queue.SimpleQueue[_Task | None]", num_workers: int) -> None:
    while not tasks.empty():
        task = tasks.get()
        if task is not None:
            task[0].cancel()
    for _ in range(num_workers):
        tasks.put(None)
