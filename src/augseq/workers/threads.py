"""Worker threads: right for pipelines whose time goes to decoders, which release the lock."""

import atexit
import contextlib
import queue
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future

from augseq.batch import Batch
from augseq.collate import PROCESS_ENDS

_NAME = "augseq"
# Enough for the slowest of usual samples; a transform that hangs gets no more than this.
_GRACE_S = 2.0

_Task = tuple[Future[Batch], Callable[[int], Batch], int]


class ThreadWorkers:
    """Threads that start with the first batch and end with this object.

    Unlike those of `ThreadPoolExecutor` they are daemons: when a program ends, it waits for the
    sample that each is at, but neither for the batches that lie ahead nor for a transform that
    hangs.

    Args:
        load: Makes the batch of a step.
        num_workers: Threads.
    """

    def __init__(self, load: Callable[[int], Batch], num_workers: int) -> None:
        self.load = load
        self.text = f"threads: {num_workers}"
        self._num_workers = num_workers
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._are_running = False

    def submit(self, step: int) -> Future[Batch]:
        """Queue a batch; the first free thread computes it."""
        if not self._are_running:
            self._start()
        future: Future[Batch] = Future()
        self._tasks.put((future, self.load, step))
        return future

    def _start(self) -> None:
        self._are_running = True
        _RUNNING.add(self)
        for number in range(self._num_workers):
            name = f"{_NAME}-{number}"
            threading.Thread(target=_work, args=(self._tasks,), name=name, daemon=True).start()
        weakref.finalize(self, _stop, self._tasks, self._num_workers).atexit = False

    def stop(self) -> None:
        """Give up all batches that wait, and end each thread after the one that it is at."""
        _stop(self._tasks, self._num_workers)


_RUNNING: "weakref.WeakSet[ThreadWorkers]" = weakref.WeakSet()


def _work(tasks: "queue.SimpleQueue[_Task | None]") -> None:
    while not PROCESS_ENDS.is_set() and (task := tasks.get()) is not None:
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
    with contextlib.suppress(queue.Empty):
        # Not `empty` and then `get`: a thread may take the last task between the two.
        while (task := tasks.get_nowait()) is not None:
            task[0].cancel()
    for _ in range(num_workers):
        tasks.put(None)


@atexit.register
def _end_threads() -> None:
    """Let threads finish their sample: one that is killed inside native code aborts or hangs."""
    PROCESS_ENDS.set()
    for workers in list(_RUNNING):
        workers.stop()
    deadline = time.monotonic() + _GRACE_S
    for thread in threading.enumerate():
        if thread.name.startswith(f"{_NAME}-"):
            thread.join(max(0.0, deadline - time.monotonic()))
