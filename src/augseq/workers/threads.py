"""Worker threads: right for pipelines whose time goes to decoders, which release the lock."""

import contextlib
import queue
import threading
import time
import weakref
from collections import deque
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
    sample that each is loading, but neither for the batches ahead nor for a transform that hangs.

    Args:
        load: Loads the batch of a step.
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
        self._tasks = _Tasks()
        self._are_running = False

    def submit(self, step: Step, *, urgent: bool = False) -> Future[Batch]:
        """Queue a batch, ahead of all others if it is urgent; the first free thread loads it."""
        if not self._are_running:
            self._start()
        task = _Task(self._load, step, self._limit, self._tasks)
        self._tasks.put(task, first=urgent)
        if PROCESS_ENDS.is_set():
            # No thread takes what is queued after `_end_threads` has emptied the queue.
            task.cancel()
        return task

    def _start(self) -> None:
        self._are_running = True
        _RUNNING.add(self)
        for number in range(self._num_workers):
            _start_thread(self._tasks, str(number))
        weakref.finalize(self, self._tasks.close, self._num_workers).atexit = False

    def stop(self) -> None:
        """Cancel all queued batches, and end each thread after its present one."""
        self._tasks.close(self._num_workers)


_RUNNING: "weakref.WeakSet[ThreadWorkers]" = weakref.WeakSet()


class _Tasks:
    """The queue of tasks. All of it is reentrant: a finalizer may close it at any moment.

    `queue.LifoQueue` and the like are not: a finalizer that runs inside `put` would wait for the
    lock that its own thread holds.
    """

    def __init__(self) -> None:
        self._waiting: deque[_Task] = deque()
        # True for each task that was put; False ends a thread.
        self._tickets: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def put(self, task: "_Task", *, first: bool) -> None:
        (self._waiting.appendleft if first else self._waiting.append)(task)
        self._tickets.put(True)

    def take(self) -> "_Task | None":
        """Wait for the next task; None to end the thread."""
        while self._tickets.get():
            # The queue may have been emptied since.
            with contextlib.suppress(IndexError):
                return self._waiting.popleft()
        return None

    def close(self, num_threads: int) -> None:
        """Cancel all tasks, and end so many threads."""
        with contextlib.suppress(IndexError):
            while True:
                self._waiting.popleft().cancel()
        for _ in range(num_threads):
            self._tickets.put(False)


class _Task(Future[Batch]):
    """A batch to be loaded by a thread, which nobody awaits longer than the limit.

    Args:
        load: Loads the batch of a step.
        step: Which.
        limit: How long it may take.
        tasks: The queue of its thread; not the workers, which end when nobody holds them.
    """

    def __init__(
        self, load: Callable[[Step], Batch], step: Step, limit: TimeLimit | None, tasks: _Tasks
    ) -> None:
        super().__init__()
        self.load = load
        self.step = step
        self.note = THIS_THREAD.note
        self.is_given_up = False
        # Set as well when it is cancelled.
        self.is_begun = threading.Event()
        self._limit = limit
        self._tasks = tasks

    def cancel(self) -> bool:
        """Cancel it, unless a thread has begun it."""
        is_cancelled = super().cancel()
        if is_cancelled:
            self.is_begun.set()
        return is_cancelled

    def result(self, timeout: float | None = None) -> Batch:
        """Return the batch.

        Raises:
            BatchTimeoutError: It takes longer than the limit.
            Exception: Whatever loading it raised.
        """
        if timeout is None and self._limit is not None and not self.done():
            while not Patience(self._limit.seconds).wait(self.is_begun.wait):
                # Every thread hangs; those that wait for their batches will say where.
                _start_thread(self._tasks, self._name, lasts=False)
            if not Patience(self._limit.seconds).wait(lambda s: wait([self], s).done):
                self.is_given_up = True
                _start_thread(self._tasks, self._name)
                raise self._limit.error(self.step, self.note.tolist(), _LEFT_BEHIND)
        return super().result(timeout)

    @property
    def _name(self) -> str:
        return f"{self.step.epoch}-{self.step.batch}"


def _start_thread(tasks: _Tasks, name: str, *, lasts: bool = True) -> None:
    threading.Thread(target=_work, args=(tasks, lasts), name=f"{_NAME}-{name}", daemon=True).start()


def _work(tasks: _Tasks, lasts: bool) -> None:
    """Load batches until the queue is closed or another thread took over; one if not `lasts`."""
    is_over = False
    while not (is_over or PROCESS_ENDS.is_set()) and (task := tasks.take()) is not None:
        task.note, THIS_THREAD.note[0] = THIS_THREAD.note, NO_RECORD
        if task.set_running_or_notify_cancel():
            task.is_begun.set()
            try:
                task.set_result(task.load(task.step))
            # Whatever it is, it belongs to the one who asks for this batch.
            except BaseException as error:
                task.set_exception(error)
            is_over = task.is_given_up or not lasts
        # While this thread waits, nothing of a batch may be kept alive by its variables.
        del task


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
