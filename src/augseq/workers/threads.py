"""Worker threads: right for pipelines whose time goes to decoders, which release the lock."""

import contextlib
import queue
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future, wait

from augseq.at_exit import Turn, at_exit
from augseq.loading.batch import Batch
from augseq.loading.load_images import PROCESS_ENDS
from augseq.progress_note import NO_RECORD, THIS_THREAD
from augseq.sampling.schedule import Step
from augseq.workers.time_limit import Patience, TimeLimit

_NAME = "augseq"
# Enough for the slowest of usual samples; a transform that hangs gets no more than this.
_GRACE_S = 2.0

_LEFT_BEHIND = (
    "A thread cannot be ended from outside: this one is left behind until it or the program ends, "
    'and another took its place; worker_kind="processes" has the process killed.'
)


class ThreadWorkers:
    """Threads that start with the first batch and end with this object.

    Unlike those of `ThreadPoolExecutor` they are daemons: when a program ends, it waits for the
    sample that each is at, but neither for the batches that lie ahead nor for a transform that
    hangs.

    Args:
        load: Makes the batch of a step.
        num_workers: Threads.
        limit: How long a batch may take; None for no limit.
    """

    def __init__(
        self, load: Callable[[Step], Batch], num_workers: int, limit: TimeLimit | None = None
    ) -> None:
        self.text = f"threads: {num_workers}"
        self._load = load
        self._num_workers = num_workers
        self._limit = limit
        self._tasks: _Tasks = queue.SimpleQueue()
        self._are_running = False
        self._asker = threading.local()

    def load(self, step: Step) -> Batch:
        """Make a batch for which somebody waits, at once and beside those that lie ahead.

        With a limit it is made in a thread that belongs to the one who asks, since nobody could
        stop waiting for what hangs in his own.
        """
        if self._limit is None:
            return self._load(step)
        helper = getattr(self._asker, "helper", None) or ThreadWorkers(self._load, 1, self._limit)
        # Kept only if it comes back: after Ctrl-C or the limit it may still be at work.
        self._asker.helper = None
        batch = helper.submit(step).result()
        self._asker.helper = helper
        return batch

    def submit(self, step: Step) -> Future[Batch]:
        """Queue a batch; the first free thread computes it."""
        if not self._are_running:
            self._start()
        task = _Task(self._load, step, self._limit, self._tasks)
        self._tasks.put(task)
        if PROCESS_ENDS.is_set():
            # What comes after all that waits was given up, no thread takes.
            task.cancel()
        return task

    def _start(self) -> None:
        self._are_running = True
        _RUNNING.add(self)
        for number in range(self._num_workers):
            _start_thread(self._tasks, str(number))
        weakref.finalize(self, _stop, self._tasks, self._num_workers).atexit = False

    def stop(self) -> None:
        """Give up all batches that wait, and end each thread after the one that it is at."""
        _stop(self._tasks, self._num_workers)


_RUNNING: "weakref.WeakSet[ThreadWorkers]" = weakref.WeakSet()


class _Task(Future[Batch]):
    """A batch to be made by a thread, for which nobody waits longer than the limit.

    Args:
        load: Makes the batch of a step.
        step: Which.
        limit: How long it may take.
        tasks: What the thread goes on with; not the workers, which end when nobody holds them.
    """

    def __init__(
        self, load: Callable[[Step], Batch], step: Step, limit: TimeLimit | None, tasks: "_Tasks"
    ) -> None:
        super().__init__()
        self.load = load
        self.step = step
        self.note = THIS_THREAD.note
        self.is_given_up = False
        self._limit = limit
        self._tasks = tasks

    def result(self, timeout: float | None = None) -> Batch:
        """Return the batch of a task that a thread has begun.

        Raises:
            BatchTimeoutError: It takes longer than the limit.
            Exception: Whatever making it raised.
        """
        if timeout is None and self._limit is not None and not self.done():
            patience = Patience(self._limit.seconds)
            if not patience.wait(lambda seconds: wait([self], seconds).done):
                self._give_up()
                raise self._limit.error(self.step, self.note.tolist(), _LEFT_BEHIND)
        return super().result(timeout)

    def _give_up(self) -> None:
        self.is_given_up = True
        _start_thread(self._tasks, f"{self.step.epoch}-{self.step.batch}")


_Tasks = queue.SimpleQueue[_Task | None]


def _start_thread(tasks: _Tasks, name: str) -> None:
    threading.Thread(target=_work, args=(tasks,), name=f"{_NAME}-{name}", daemon=True).start()


def _work(tasks: _Tasks) -> None:
    is_replaced = False
    while not (is_replaced or PROCESS_ENDS.is_set()) and (task := tasks.get()) is not None:
        task.note, THIS_THREAD.note[0] = THIS_THREAD.note, NO_RECORD
        if task.set_running_or_notify_cancel():
            try:
                task.set_result(task.load(task.step))
            # Whatever it is, it belongs to the one who asks for this batch.
            except BaseException as error:
                task.set_exception(error)
        is_replaced = task.is_given_up
        # While this thread waits, nothing of a batch may be kept alive by its variables.
        del task


def _stop(tasks: _Tasks, num_workers: int) -> None:
    with contextlib.suppress(queue.Empty):
        # Not `empty` and then `get`: a thread may take the last task between the two.
        while (task := tasks.get_nowait()) is not None:
            task.cancel()
    for _ in range(num_workers):
        tasks.put(None)


@at_exit(Turn.THREADS)
def _end_threads() -> None:
    """Let threads finish their sample: one that is killed inside native code aborts or hangs."""
    PROCESS_ENDS.set()
    for workers in list(_RUNNING):
        workers.stop()
    deadline = time.monotonic() + _GRACE_S
    for thread in threading.enumerate():
        if thread.name.startswith(f"{_NAME}-"):
            thread.join(max(0.0, deadline - time.monotonic()))
