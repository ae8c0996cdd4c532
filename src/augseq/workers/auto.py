"""Threads for the first batches, and processes for longer work."""

import multiprocessing
import sys
import threading
import time
from concurrent.futures import Future
from functools import partial

from augseq.loading.batch import Batch, load_batch
from augseq.loading.plan import BatchPlan
from augseq.runtime.cores import num_cores
from augseq.sampling.schedule import Step
from augseq.workers.pool_loader import PoolLoader
from augseq.workers.process_pool import ProcessWorkers, running_pool
from augseq.workers.shared_pickle import SharedPickle
from augseq.workers.start_processes import start_processes
from augseq.workers.threads import THREAD_NAME, ThreadWorkers
from augseq.workers.time_limit import TimeLimit

# CPU time that starting a process costs, with albumentations. Processes start once loading has
# cost as much: whenever a loop ends, the choice has then cost at most twice the best one.
_START_S = 0.5
# A row of an array takes 0.03 to 0.05 ms of CPU time, and 0.025 ms more through a process: one
# thread then loads 20,000 images/s, which is enough.
_LEAST_SAMPLE_S = 100e-6
# More threads would delay the first batch, since each holds the interpreter lock in turn.
_FIRST_THREADS = 4
# Arrays in memory are copied once for all processes.
_MAX_COPIED_BYTES = 2**29


class AutoWorkers:
    """Threads that load batches themselves, until processes are ready to do so for them.

    Processes need no time of the interpreter lock, which the threads share with the training loop,
    but take half a second to start. They start in the background once a loop has proved long
    enough; until then, and if they cannot be used, the threads do the work.

    Args:
        plan: The batches to load.
        num_workers: Number of threads, and of processes.
        limit_s: Maximum seconds to load a batch; None for no limit.
    """

    def __init__(self, plan: BatchPlan, num_workers: int, *, limit_s: float | None = None) -> None:
        limit = None if limit_s is None else TimeLimit(plan=plan, seconds=limit_s)
        self._num_workers = num_workers
        self._loader = _Loader(plan, num_workers, limit_s)
        self._threads = ThreadWorkers(
            self._loader,
            min(num_workers, _FIRST_THREADS),
            limit,
            interrupt=self._loader.interrupt,
            limits_itself=self._loader.is_in_process,
        )

    @property
    def text(self) -> str:
        """What loads batches now, and why."""
        kind = "threads" if self._loader.processes is None else "processes"
        return f"{kind}: {self._num_workers} (auto: {self._loader.reason})"

    def submit(self, step: Step, *, urgent: bool = False) -> Future[Batch]:
        """Queue a batch; the first free thread loads it, or has a process load it."""
        if self._loader.num_samples:
            self._threads.grow(self._num_workers)
        self._loader.decide()
        if urgent:
            self._loader.refresh()
        return self._threads.submit(step, urgent=urgent)


class _Loader:
    """Loads batches in the calling thread or in a process, and decides which.

    Attributes:
        processes: The processes; None until they are ready.
        reason: Why there are processes or not.
        num_samples: Number of samples loaded by threads.
    """

    def __init__(self, plan: BatchPlan, num_workers: int, limit_s: float | None) -> None:
        self._plan = plan
        self._num_workers = num_workers
        self._limit_s = limit_s
        # Processes of another sequence or plan; kept until this one uses them.
        self._pool = running_pool(num_workers)
        self._cpu_s = 0.0
        self._lock = threading.Lock()
        self.num_samples = 0
        self.processes: ProcessWorkers | None = None
        obstacle = _obstacle()
        self._is_decided = obstacle is not None
        self.reason = obstacle or "processes start only for longer work"

    def __call__(self, step: Step) -> Batch:
        """Load the batch of a step."""
        load = self._process_loader
        if load is not None:
            return load(step)
        start_s = time.thread_time()
        batch = load_batch(self._plan, step)
        with self._lock:
            self._cpu_s += time.thread_time() - start_s
            self.num_samples += len(batch.records)
        return batch

    def refresh(self) -> None:
        """Send changed functions of a notebook to the processes, or use none if that fails."""
        load = self._process_loader
        if load is None:
            return
        try:
            load.refresh()
        except Exception as error:
            self.reason = f"processes cannot be used: {error}"
            self.processes = None

    def interrupt(self, step: Step) -> None:
        """End the loading of a batch that is no longer waited for, if a process loads it."""
        load = self._process_loader
        if load is not None:
            load.interrupt(step)

    def is_in_process(self, step: Step) -> bool:
        """Return whether a process loads this batch."""
        load = self._process_loader
        return load is not None and load.is_loading(step)

    @property
    def _process_loader(self) -> PoolLoader[SharedPickle] | None:
        return None if self.processes is None else self.processes.loader

    def decide(self) -> None:
        """Start processes in the background, if the samples so far show that they pay off."""
        if self._is_decided or not self.num_samples:
            return
        self._pool = self._pool or running_pool(self._num_workers)
        if self._pool is None and self._cpu_s < _START_S * self._num_workers:
            return
        self._is_decided = True
        # CPU time, since the clock on the wall also counts what other programs do.
        sample_s = self._cpu_s / self.num_samples
        takes = f"{1000 * sample_s:.2g} ms of CPU time"
        if sample_s < _LEAST_SAMPLE_S:
            self._pool, self.reason = None, f"a sample takes only {takes}"
            return
        self.reason = f"a sample takes {takes}"
        start = partial(self._start, self.reason)
        threading.Thread(target=start, name=f"{THREAD_NAME}-start", daemon=True).start()

    def _start(self, measured: str) -> None:
        self.reason = f"{measured}; processes are starting"
        try:
            processes = start_processes(
                self._plan, self._num_workers, limit_s=self._limit_s, max_bytes=_MAX_COPIED_BYTES
            )
            processes.start_all()
        # Also a CancelledError of a program that is exiting.
        except Exception as error:
            self.reason = f"processes cannot be used: {error}"
        else:
            self.reason = measured
            self.processes = processes
        self._pool = None


def _obstacle() -> str | None:
    """Return why this program should not start processes, whatever they would load."""
    if num_cores() == 1:
        return "this program may use one core"
    if multiprocessing.current_process().daemon:
        return "this process may not start others"
    if getattr(sys, "frozen", False):
        # The executable is the program itself, which would run again.
        return "a packaged program may not start others"
    return None
