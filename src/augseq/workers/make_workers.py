"""Choose and create the workers of a sequence."""

import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias, get_args

from augseq.errors import ArgumentError, AugseqWarning
from augseq.loading.batch import load_batch
from augseq.loading.plan import BatchPlan
from augseq.parallel_map.map_options import MapKind, MapOptions, check_ray_workers
from augseq.runtime.cores import num_cores
from augseq.validation import check_choice, check_number, check_whole
from augseq.workers.auto import AutoWorkers
from augseq.workers.protocol import Workers
from augseq.workers.ray_workers import RayWorkers
from augseq.workers.serial import SerialWorkers
from augseq.workers.start_processes import CannotTravelError, start_processes
from augseq.workers.threads import ThreadWorkers
from augseq.workers.time_limit import TimeLimit

WorkerKind: TypeAlias = Literal["auto", "processes", "threads", "serial", "ray"]

# By default, like Keras, but no fewer than workers can load at the same time.
_QUEUE_SIZE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How batches are loaded ahead; does not affect their content.

    Attributes:
        kind: "auto", "processes", "threads", "serial" or "ray".
        number: Number of workers; 0 is the same as "serial", None as many as cores, which "ray"
            does not allow.
        max_queue_size: Maximum number of batches to load ahead; None for 10, or two per worker if
            that is more.
        batch_timeout_s: Maximum seconds to load a batch; None for no limit.
    """

    kind: WorkerKind
    number: int | None
    max_queue_size: int | None
    batch_timeout_s: float | None = None

    def __post_init__(self) -> None:
        check_choice("worker_kind", self.kind, get_args(WorkerKind))
        if self.number is not None:
            check_whole("workers", self.number, least=0)
        check_ray_workers(self.kind, self.number)
        if self.max_queue_size is not None:
            check_whole("max_queue_size", self.max_queue_size, least=1)
        if self.batch_timeout_s is not None:
            _check_timeout(self.batch_timeout_s)

    @property
    def num_workers(self) -> int:
        """Number of workers on this machine; 0 to load each batch when requested."""
        if self.kind == "serial":
            return 0
        # Not when created: options can be sent to another machine.
        return num_cores() if self.number is None else self.number

    def map_options(self, *, progress: bool) -> MapOptions:
        """Return where all images are processed, as for a cache: with threads if not with Ray."""
        kind: MapKind = "ray" if self.kind == "ray" and self.num_workers else "threads"
        return MapOptions(workers=max(1, self.num_workers), worker_kind=kind, progress=progress)

    @property
    def queue_size(self) -> int:
        """Maximum number of batches to load ahead, if there are workers."""
        return self.max_queue_size or max(_QUEUE_SIZE, 2 * self.num_workers)

    @property
    def depth(self) -> int:
        """Maximum number of batches to load ahead."""
        return self.queue_size if self.num_workers else 0

    def text(self, workers_text: str) -> str:
        """Describe the options and the workers, whose text is empty before they start."""
        if self.depth == 0:
            return SerialWorkers.text
        before = f"{self.kind}: {self.num_workers}"
        if self.kind == "auto":
            before = f"{self.num_workers} (auto: threads, and processes for longer work)"
        return f"{workers_text or before}, up to {self.depth} batches ahead"


def _check_timeout(value: Any) -> None:
    try:
        check_number("batch_timeout_s", value, above=0)
    except ArgumentError as error:
        raise ArgumentError(f"{error}. It is in seconds; use None for no limit.") from None


def make_workers(options: WorkerOptions, plan: BatchPlan) -> Workers:
    """Create the workers that the options specify.

    If the pipeline cannot be sent to processes, threads are used instead: with "processes", an
    `AugseqWarning` gives the reason; with "auto", the text of the workers does.

    Raises:
        MissingExtraError: Ray is not installed.
        SharedMemoryError: There is not enough shared memory; "auto" uses threads instead.
        WorkerError: The system cannot start a process; "auto" uses threads instead. Or a node of
            the Ray cluster cannot load the batches.
    """
    load = partial(load_batch, plan)
    num_workers, limit_s = options.num_workers, options.batch_timeout_s
    if num_workers == 0:
        return SerialWorkers(load)
    if options.kind == "auto":
        return AutoWorkers(plan, num_workers, limit_s=limit_s)
    if options.kind == "ray":
        return RayWorkers(plan, num_workers, limit_s=limit_s)
    limit = None if limit_s is None else TimeLimit(plan=plan, seconds=limit_s)
    threads = ThreadWorkers(load, num_workers, limit)
    if options.kind == "threads":
        return threads
    try:
        return start_processes(plan, num_workers, limit_s=limit_s)
    except CannotTravelError as reason:
        warnings.warn(
            f'worker_kind="processes" requires a pipeline that other processes can load. {reason} '
            "Threads are used instead.",
            AugseqWarning,
            stacklevel=2,
        )
        return threads
