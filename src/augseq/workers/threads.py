"""Worker threads, for pipelines dominated by decoders, which release the lock."""

import contextlib
import queue
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait

from augseq.loading.batch import Batch
from augseq.loading.load_samples import PROCESS_ENDS
from augseq.progress_note import NO_RECORD, THIS_THREAD
from augseq.runtime.at_exit import Turn, at_exit
from augseq.sampling.schedule import Step
from augseq.workers.time_limit import Patience, TimeLimit

THREAD_NAME = "augseq"
# Long enough for the slowest ordinary sample; a transform that hangs is not awaited longer.
_GRACE_S = 2.0

_LEFT_BEHIND = (
    "A thread cannot be killed: this one keeps running until it or the program ends, and a new one "
    'replaces it; with worker_kind="processes", the process is killed.'
)


class ThreadWorkers:
    """Threads that start with the first batch and end with this object.

    Unlike those of `ThreadPoolExecutor` they are daemons: an exiting program waits for the sample
    that each is loading, but not for batches loaded ahead or for a transform that hangs.

    Args:
        load: Loads the batch of a step.
        num_workers: Number of threads.
        limit: Time limit of a batch; None for no limit.
        interrupt: Ends the loading of a batch that is no longer waited for, if that is possible.
        limits_itself: Whether the loading of a batch keeps to a time limit of its own.
    """

    def __init__(
        self,
        load: Callable[[Step], Batch],
        num_workers: int,
        limit: TimeLimit | None = None,
        *,
        interrupt: Callable[[Step], None] = lambda _: None,
        limits_itself: Callable[[Step], bool] = lambda _: False,
    ) -> None:
        self.text = f"threads: {num_workers}"
        self._load = load
        self._num_workers = num_workers
        self._limit = limit
        self._interrupt = interrupt
        self._limits_itself = limits_itself
        self._tasks = _Tasks()
        self._are_running = False

    def submit(self, step: Step, *, urgent: bool = False) -> Future[Batch]:
        """Queue a batch, ahead of all others if it is urgent; the first free thread loads it."""
        if not self._are_running:
            self._start()
        task = _Task(self, step)
        self._tasks.put(task, first=urgent)
        if PROCESS_ENDS.is_set():
            # No thread loads what is queued after `_end_threads` has emptied the queue.
            task.cancel()
        return task

    def _start(self) -> None:
        self._are_running = True
        _RUNNING.add(self)
        self._tasks.start_threads(self._num_workers)
        weakref.finalize(self, self._tasks.close).atexit = False

    def grow(self, num_workers: int) -> None:
        """Start threads until there are this many."""
        self._num_workers = max(num_workers, self._num_workers)
        if self._are_running:
            self._tasks.start_threads(self._num_workers)

    def stop(self) -> None:
        """Cancel all queued batches, and end each thread after its current one."""
        self._tasks.close()


_RUNNING: "weakref.WeakSet[ThreadWorkers]" = weakref.WeakSet()


class _Tasks:
    """The queue of tasks. It is reentrant, since a finalizer can close it at any time.

    `queue.LifoQueue` and similar classes are not: a finalizer that runs inside `put` would wait
    for a lock that its own thread holds.
    """

    def __init__(self) -> None:
        self._waiting: deque[_Task] = deque()
        # True for each queued task; False ends a thread.
        self._tickets: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._num_threads = 0

    def start_threads(self, num_threads: int) -> None:
        """Start threads until there are this many."""
        for number in range(self._num_threads, num_threads):
            _start_thread(self, str(number))
            self._num_threads += 1

    def put(self, task: "_Task", *, first: bool) -> None:
        (self._waiting.appendleft if first else self._waiting.append)(task)
        self._tickets.put(True)

    def take(self) -> "_Task | None":
        """Wait for the next task; None to end the thread."""
        while self._tickets.get():
            # The queue may have been emptied in the meantime.
            with contextlib.suppress(IndexError):
                return self._waiting.popleft()
        return None

    def close(self) -> None:
        """Cancel all tasks, and end all threads."""
        with contextlib.suppress(IndexError):
            while True:
                self._waiting.popleft().cancel()
        for _ in range(self._num_threads):
            self._tickets.put(False)


class _Task(Future[Batch]):
    """A batch to be loaded by a thread, within a time limit.

    Args:
        workers: Whose options it takes; not kept, as they end when no longer referenced.
        step: The step of the batch.
    """

    def __init__(self, workers: ThreadWorkers, step: Step) -> None:
        super().__init__()
        self.load = workers._load
        self.step = step
        self.note = THIS_THREAD.note
        self.is_given_up = False
        # Also set when it is cancelled.
        self.is_begun = threading.Event()
        self._limit = workers._limit
        self._interrupt = workers._interrupt
        self._limits_itself = workers._limits_itself
        self._tasks = workers._tasks

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
            Exception: Any exception of loading it.
        """
        if timeout is None and not self.done():
            try:
                self._await()
            except BaseException:
                # The time limit or Ctrl-C: the thread may hang, and must not hold up other batches.
                self._give_up()
                raise
        return super().result(timeout)

    def _await(self) -> None:
        """Wait until it is done."""
        if self._limit is None:
            wait([self])
            return
        while not Patience(self._limit.seconds).wait(self.is_begun.wait):
            # All threads hang; the calls that wait for their batches report where.
            _start_thread(self._tasks, self._name, lasts=False)
        is_done = Patience(self._limit.seconds).wait(lambda seconds: wait([self], seconds).done)
        if not is_done and self._limits_itself(self.step):
            wait([self])
        elif not is_done:
            raise self._limit.error(self.step, self.note.tolist(), _LEFT_BEHIND)

    def _give_up(self) -> None:
        """Replace the thread that loads it, and end its work if that is possible."""
        if not self.cancel() and not self.done():
            self.is_given_up = True
            _start_thread(self._tasks, self._name)
            self._interrupt(self.step)

    @property
    def _name(self) -> str:
        return f"{self.step.epoch}-{self.step.batch}"


def _start_thread(tasks: _Tasks, name: str, *, lasts: bool = True) -> None:
    threading.Thread(
        target=_work, args=(tasks, lasts), name=f"{THREAD_NAME}-{name}", daemon=True
    ).start()


def _work(tasks: _Tasks, lasts: bool) -> None:
    """Load batches until the queue closes or this thread is replaced; one if not `lasts`."""
    is_over = False
    while not (is_over or PROCESS_ENDS.is_set()) and (task := tasks.take()) is not None:
        task.note, THIS_THREAD.note[0] = THIS_THREAD.note, NO_RECORD
        if task.set_running_or_notify_cancel():
            task.is_begun.set()
            try:
                task.set_result(task.load(task.step))
            # Any exception is raised where the batch is requested.
            except BaseException as error:
                task.set_exception(error)
            is_over = task.is_given_up or not lasts
        # So that a waiting thread does not keep a batch alive.
        del task


@at_exit(Turn.THREADS)
def _end_threads() -> None:
    """Let threads finish their sample: killing one inside native code aborts or hangs."""
    PROCESS_ENDS.set()
    for workers in list(_RUNNING):
        workers.stop()
    deadline = time.monotonic() + _GRACE_S
    for thread in threading.enumerate():
        if thread.name.startswith(f"{THREAD_NAME}-"):
            thread.join(max(0.0, deadline - time.monotonic()))
