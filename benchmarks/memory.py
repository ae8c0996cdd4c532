"""Measure what a contender and its workers hold in memory, and whether it grows."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from types import ModuleType
from typing import Any

from benchmarks.processes import memory_mb, own_mb, worker_mb
from benchmarks.work import Batch, Epochs, Job

# A pass over a million files would take a quarter of an hour. Forked workers copy a list of
# strings page by page as they read it, so what they hold after these batches is still growing.
MAX_BATCHES = 128
# A look takes milliseconds.
BATCHES_PER_LOOK = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """One contender: the largest figures seen in its last pass, in units of 10**6 bytes.

    Attributes:
        main_mb: Of the main process alone: libraries, list of files, batches.
        worker_mb: Of a worker process alone, the mean; None where the workers are threads.
        total_mb: Of all processes; shared pages count once.
        growth_mb: By how much the total grew in the second half of the passes; None with one.
    """

    main_mb: float
    worker_mb: float | None
    total_mb: float
    growth_mb: float | None = None


def measure_memory(
    contender: ModuleType, options: dict[str, Any], job: Job, num_passes: int
) -> Memory:
    """Take passes; look at the memory in the last one, and in the one half-way."""
    epochs = contender.epochs(job, **options)
    if num_passes == 1:
        return _look(next(epochs), job)
    # The system's allocator grows in steps at first: one of 69 MB came between passes 20 and 50 of
    # 64 images; from there to pass 400 the memory went up and down within 29 MB.
    half = num_passes // 2
    _use_up(epochs, half - 1)
    early = _look(next(epochs), job)
    _use_up(epochs, num_passes - half - 1)
    late = _look(next(epochs), job)
    return replace(late, growth_mb=late.total_mb - early.total_mb)


def _use_up(epochs: Epochs, num_passes: int) -> None:
    for batches in islice(epochs, num_passes):
        deque(batches, maxlen=0)


def _look(batches: Iterator[Batch], job: Job) -> Memory:
    """Look between batches, while the workers are there: some end with the pass."""
    looks = [
        (own_mb(), worker_mb(job.workers), memory_mb())
        for k, _ in enumerate(islice(batches, MAX_BATCHES))
        if k % BATCHES_PER_LOOK == 0
    ]
    main, worker, total = zip(*looks, strict=True)
    return Memory(
        main_mb=max(main),
        worker_mb=max((mb for mb in worker if mb is not None), default=None),
        total_mb=max(total),
    )
