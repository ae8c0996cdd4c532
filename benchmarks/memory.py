"""Measure the memory of a contender and its workers, and whether it grows."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from types import ModuleType
from typing import Any

from benchmarks.processes import memory_mb, own_mb, worker_mb
from benchmarks.work import Batch, Epochs, Job

# A pass over a million files would take a quarter of an hour. Forked workers copy a list of
# strings page by page as they read it, so their memory is still growing after these batches.
MAX_BATCHES = 128
# Reading the memory of all processes takes milliseconds.
BATCHES_PER_LOOK = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Memory of one contender: the maximum in its last pass, in units of 10**6 bytes.

    Attributes:
        main_mb: Unshared memory of the main process: libraries, list of files, batches.
        worker_mb: Unshared memory of a worker process, the mean; None if workers are threads.
        total_mb: Memory of all processes; shared pages count once.
        growth_mb: Growth of the total in the second half of the passes; None for one pass.
    """

    main_mb: float
    worker_mb: float | None
    total_mb: float
    growth_mb: float | None = None


def measure_memory(
    contender: ModuleType, options: dict[str, Any], job: Job, num_passes: int
) -> Memory:
    """Run passes; measure the memory in the last one and in the one half-way."""
    epochs = contender.epochs(job, **options)
    if num_passes == 1:
        return _look(next(epochs), job)
    # The system's allocator grows in steps at first: by 69 MB between passes 20 and 50 of 64
    # images; from there to pass 400 the memory varied within 29 MB.
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
    """Measure between batches, while the workers exist: some end with the pass."""
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
