"""Choose and create the workers of a sequence."""

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

# With a smaller speed-up, two threads wait for the interpreter lock most of the time.
_LEAST_GAIN = 1.4


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How batches are loaded ahead; does not affect their content.

    Attributes:
        kind: "threads", "processes", "serial" or "auto".
        number: Number of workers; 0 is the same as "serial".
        max_queue_size: Maximum number of batches to load ahead.
        batch_timeout_s: Maximum seconds to load a batch; None for no limit.
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
        """Maximum number of batches to load ahead."""
        return 0 if self.kind == "serial" or self.number == 0 else self.max_queue_size

    def text(self, workers_text: str) -> str:
        """Describe the options and the workers, whose text is empty before they start."""
        if self.depth == 0:
            return SerialWorkers.text
        return f"{workers_text or f'{self.kind}: {self.number}'}, up to {self.depth} batches ahead"


def _check_timeout(value: Any) -> None:
    try:
        check_number("batch_timeout_s", value, above=0)
    except ArgumentError as error:
        raise ArgumentError(f"{error}. It is in seconds; use None for no limit.") from None


def make_workers(options: WorkerOptions, plan: BatchPlan) -> Workers:
    """Create the workers that the options specify.

    If the pipeline cannot be sent to processes, threads are used instead, with an `AugseqWarning`
    that gives the reason.

    Raises:
        SharedMemoryError: There is not enough shared memory.
        WorkerError: The system cannot start a process; "auto" uses threads instead.
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
            f'worker_kind="processes" requires a pipeline that other processes can load. {reason} '
            "Threads are used instead. Move functions and classes to a module, a .py file "
            "that the script or notebook imports.",
            AugseqWarning,
            stacklevel=2,
        )
        return threads


class _CannotTravelError(Exception):
    """A pipeline cannot be sent to another process."""


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
    """Raise if a process cannot load even None, so that no augmentation is the cause."""
    try:
        workers.try_out(None)
    except (SharedMemoryError, CancelledError):
        raise
    except Exception as error:
        raise WorkerError(
            f"A worker process could not be started: {error}. "
            'Use worker_kind="threads", which starts none.'
        ) from error


def _culprit(pipeline: Pipeline, send: Callable[[Any], object], error: Exception) -> str:
    """Return a sentence on which element cannot be sent, and why."""
    steps = zip(pipeline.augment.names, pipeline.augment.steps, strict=True)
    for number, (name, step) in enumerate(steps, 1):
        try:
            send(step)
        except SharedMemoryError:
            raise
        except Exception as reason:
            return f"Element {number} of `augment`, {name!r}, cannot be loaded there: {reason}."
    return f"This one cannot be loaded there: {error}."


def _choose(
    plan: BatchPlan, options: WorkerOptions, limit: TimeLimit | None, threads: ThreadWorkers
) -> Workers:
    """Use processes only if threads do not help, since processes cost more."""
    if (os.cpu_count() or 1) == 1:
        return _chosen(threads, "there is one processor")
    try:
        gain = measure_gain(plan, limit)
    except Exception:
        # Not raised here: loading the batch of this sample raises it with a complete message.
        return _chosen(threads, "a first sample failed")
    measured = f"two threads are {gain:.1f} times as fast as one"
    if gain >= _LEAST_GAIN:
        return _chosen(threads, measured)
    try:
        return _chosen(_start_processes(plan, options), measured)
    except (_CannotTravelError, WorkerError) as reason:
        return _chosen(threads, f"{measured}, but processes cannot be used: {reason}")


def _chosen(workers: ThreadWorkers | ProcessWorkers, reason: str) -> Workers:
    workers.text = f"{workers.text} (auto: {reason})"
    return workers
