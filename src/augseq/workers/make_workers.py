"""Which kind of workers a sequence gets."""

import os
import warnings
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias, get_args

from augseq.errors import ArgumentError, AugseqWarning, SharedMemoryError, WorkerError
from augseq.loading.batch import load_batch
from augseq.loading.pipeline import Pipeline
from augseq.loading.plan import BatchPlan
from augseq.validation import check_choice, check_number, check_whole
from augseq.workers.auto import measure_gain
from augseq.workers.process_pool import ProcessWorkers
from augseq.workers.protocol import Workers
from augseq.workers.serial import SerialWorkers
from augseq.workers.shared_pickle import SharedPickle
from augseq.workers.threads import ThreadWorkers
from augseq.workers.time_limit import TimeLimit

WorkerKind: TypeAlias = Literal["threads", "processes", "serial", "auto"]

# Two threads that gain less than this wait for the interpreter lock more than half of the time.
_LEAST_GAIN = 1.4


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How batches are computed ahead; without influence on what is in them.

    Attributes:
        kind: "threads", "processes", "serial" or "auto".
        number: Workers; 0 is "serial".
        max_queue_size: Batches that are held ready at most.
        batch_timeout_s: Seconds that a batch may take; None for no limit.
    """

    kind: WorkerKind
    number: int
    max_queue_size: int
    batch_timeout_s: float | None = None

    def __post_init__(self) -> None:
        check_choice("worker_kind", self.kind, get_args(WorkerKind))
        check_whole("workers", self.number, least=0)
        check_whole("max_queue_size", self.max_queue_size, least=1)
        if self.batch_timeout_s is not None:
            _check_timeout(self.batch_timeout_s)

    @property
    def depth(self) -> int:
        """Batches that are computed ahead."""
        return 0 if self.kind == "serial" or self.number == 0 else self.max_queue_size

    def text(self, workers_text: str) -> str:
        """Describe them, given what they turned out to be; empty before they started."""
        if self.depth == 0:
            return SerialWorkers.text
        return f"{workers_text or f'{self.kind}: {self.number}'}, up to {self.depth} batches ahead"


def _check_timeout(value: Any) -> None:
    try:
        check_number("batch_timeout_s", value, above=0)
    except ArgumentError as error:
        raise ArgumentError(f"{error}. It is in seconds; take None for no limit.") from None


def make_workers(options: WorkerOptions, plan: BatchPlan) -> Workers:
    """Make the workers that options ask for.

    Processes that a pipeline cannot go to become threads, with an `AugseqWarning` that says
    what is in the way.

    Raises:
        SharedMemoryError: There is no room that processes can share.
        WorkerError: The system starts no process; "auto" takes threads then.
    """
    load = partial(load_batch, plan)
    if options.depth == 0:
        return SerialWorkers(load)
    limit_s = options.batch_timeout_s
    limit = None if limit_s is None else TimeLimit(plan=plan, seconds=limit_s)
    threads = ThreadWorkers(load, options.number, limit)
    if options.kind == "threads":
        return threads
    if options.kind == "auto":
        return _choose(plan, options, limit, threads)
    try:
        return _start_processes(plan, options)
    except _CannotTravelError as reason:
        warnings.warn(
            f'worker_kind="processes" needs a pipeline that other processes can load. {reason} '
            "Threads are used instead. Put functions and classes into a module, a .py file "
            "that the script or notebook imports.",
            AugseqWarning,
            stacklevel=2,
        )
        return threads


class _CannotTravelError(Exception):
    """A pipeline cannot go to another process."""


def _start_processes(plan: BatchPlan, options: WorkerOptions) -> ProcessWorkers:
    try:
        workers = ProcessWorkers(plan, options.number, limit_s=options.batch_timeout_s)
    except SharedMemoryError:
        raise
    except Exception as error:
        raise _CannotTravelError(_culprit(plan.pipeline, SharedPickle, error)) from error
    try:
        workers.start()
    except Exception as error:
        _require_processes(workers)
        raise _CannotTravelError(_culprit(plan.pipeline, workers.try_out, error)) from error
    return workers


def _require_processes(workers: ProcessWorkers) -> None:
    """Raise where not even nothing can be handed over: no augmentation is to blame for that."""
    try:
        workers.try_out(None)
    except (SharedMemoryError, CancelledError):
        raise
    except Exception as error:
        raise WorkerError(
            f"A worker process must start, but the system does not let it: {error}. "
            'worker_kind="threads" needs none.'
        ) from error


def _culprit(pipeline: Pipeline, send: Callable[[Any], object], error: Exception) -> str:
    """Say which element cannot be sent, and why."""
    steps = zip(pipeline.augment.names, pipeline.augment.steps, strict=True)
    for number, (name, step) in enumerate(steps, 1):
        try:
            send(step)
        except SharedMemoryError:
            raise
        except Exception as reason:
            return f"Element {number} of `augment`, {name!r}, is not: {reason}."
    return f"This one is not: {error}."


def _choose(
    plan: BatchPlan, options: WorkerOptions, limit: TimeLimit | None, threads: ThreadWorkers
) -> Workers:
    """Take processes only where threads do not help, since they cost time and memory to start."""
    if (os.cpu_count() or 1) == 1:
        return _chosen(threads, "there is one processor")
    try:
        gain = measure_gain(plan, limit)
    except Exception:
        # Not from here: the batch that the sample belongs to says so, with all that helps.
        return _chosen(threads, "a first sample failed")
    found = f"two threads are {gain:.1f} times as fast as one"
    if gain >= _LEAST_GAIN:
        return _chosen(threads, found)
    try:
        return _chosen(_start_processes(plan, options), found)
    except (_CannotTravelError, WorkerError) as reason:
        return _chosen(threads, f"{found}, but processes cannot be: {reason}")


def _chosen(workers: ThreadWorkers | ProcessWorkers, reason: str) -> Workers:
    workers.text = f"{workers.text} (auto: {reason})"
    return workers
