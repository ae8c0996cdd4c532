"""Whether threads serve a pipeline, or whether it holds the interpreter lock."""

import threading
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from augseq.batch import BatchPlan
from augseq.manifest.record import Record
from augseq.workers.threads import ThreadWorkers
from augseq.workers.time_limit import TimeLimit

_NUM_SAMPLES = 5
_NUM_ROUNDS = 4


def measure_gain(plan: BatchPlan, limit: TimeLimit | None = None) -> float:
    """Return how much faster than one thread two threads make samples: 2.0 at best.

    Takes about as long as 70 samples. The samples are thrown away, and since they hang on
    nothing but plan, epoch and index, what is made later is the same.

    Args:
        plan: Whose samples.
        limit: How long one measurement may take; None for no limit.

    Raises:
        BatchTimeoutError: One takes longer.
        Exception: Whatever making a sample raises.
    """
    num_records = min(_NUM_SAMPLES, len(plan.manifest))
    records = plan.manifest.records(range(num_records))

    def make(samples: Sequence[Record]) -> None:
        for record in samples:
            plan.sample(record, epoch=0)

    # In each thread once before: the first sample imports, copies transforms and reads disks.
    # In turns, so that what else the machine does slows both down.
    rounds = [
        [_seconds(make, records, count, limit) for count in (1, 2)] for _ in range(_NUM_ROUNDS)
    ]
    alone, both = zip(*rounds, strict=True)
    # Not the best of both: where the second thread begins after the first one's end, neither
    # waited for the lock.
    return float(2 * min(alone) / median(both))


def _seconds(
    make: Callable[[Sequence[Record]], None],
    records: Sequence[Record],
    num_threads: int,
    limit: TimeLimit | None,
) -> float:
    """Return how long threads take that each make all of the records' samples at once."""
    ready = threading.Barrier(num_threads)

    def run(_: int) -> Any:
        try:
            make(records[:1])
        except BaseException:
            ready.abort()
            raise
        queued = _seconds_queued()
        ready.wait()
        # Not by the thread that waits for these: over a busy lock it would look too late.
        start = time.perf_counter()
        make(records)
        return start, time.perf_counter() - (_seconds_queued() - queued)

    threads = ThreadWorkers(run, num_threads, limit)
    spans: list[Any] = []
    errors: list[Exception] = []
    for task in [threads.submit(number) for number in range(num_threads)]:
        try:
            spans.append(task.result())
        except Exception as error:
            ready.abort()
            errors.append(error)
    if errors:
        # A barrier that breaks is not the cause.
        raise min(errors, key=lambda error: isinstance(error, threading.BrokenBarrierError))
    starts, ends = zip(*spans, strict=True)
    return float(max(ends) - min(starts))


def _seconds_queued() -> float:
    """Return how long this thread could have run, had a processor been free; 0.0 if unknown."""
    try:
        with open("/proc/thread-self/schedstat", "rb") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
