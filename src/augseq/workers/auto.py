"""Measure whether a pipeline is faster with threads, or holds the interpreter lock."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from augseq.loading.plan import BatchPlan
from augseq.manifest.record import Record
from augseq.sampling.schedule import Step
from augseq.workers.threads import ThreadWorkers
from augseq.workers.time_limit import TimeLimit

_NUM_SAMPLES = 5
_NUM_ROUNDS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """Times of one thread in seconds: start, end, CPU time, and time waiting for a CPU."""

    start: float
    end: float
    busy: float
    queued: float


def measure_gain(plan: BatchPlan, limit: TimeLimit | None = None) -> float:
    """Return the speed-up of two threads over one when loading samples: 2.0 at best.

    Takes about as long as loading 100 samples. The samples are discarded; since they depend only
    on plan, epoch and index, later ones do not change.

    Args:
        plan: Which samples to load.
        limit: Time limit of one measurement; None for no limit.

    Raises:
        BatchTimeoutError: A measurement takes longer.
        Exception: Any exception of loading a sample.
    """
    num_records = min(_NUM_SAMPLES, len(plan.manifest))
    records = plan.manifest.records(range(num_records))

    def make(samples: Sequence[Record]) -> None:
        for record in samples:
            plan.sample(record, epoch=0)

    # Each thread first loads one sample untimed, which imports, copies transforms and reads disks.
    # Alternate, so that other load on the machine slows both down.
    rounds = [
        [_seconds(make, records, count, limit) for count in (1, 2)] for _ in range(_NUM_ROUNDS)
    ]
    alone, both = (min(seconds) for seconds in zip(*rounds, strict=True))
    return float(2 * alone / both)


def _seconds(
    make: Callable[[Sequence[Record]], None],
    records: Sequence[Record],
    num_threads: int,
    limit: TimeLimit | None,
) -> float:
    """Return the time of concurrent threads that each load all records."""
    ready = threading.Barrier(num_threads)

    def run(_: Step) -> Any:
        try:
            make(records[:1])
        except BaseException:
            ready.abort()
            raise
        ready.wait()
        # Timed here: the waiting thread would read the clock too late while the lock is busy.
        start, queued, busy = time.perf_counter(), _seconds_queued(), time.thread_time()
        make(records)
        return _Span(
            start=start,
            busy=time.thread_time() - busy,
            queued=_seconds_queued() - queued,
            end=time.perf_counter(),
        )

    threads = ThreadWorkers(run, num_threads, limit)
    spans: list[Any] = []
    errors: list[Exception] = []
    for task in [threads.submit(Step(0, number)) for number in range(num_threads)]:
        try:
            spans.append(task.result())
        except Exception as error:
            ready.abort()
            errors.append(error)
    if errors:
        # Prefer the cause over a broken barrier.
        raise min(errors, key=lambda error: isinstance(error, threading.BrokenBarrierError))
    return _elapsed_s(spans)


def _elapsed_s(spans: Sequence[_Span]) -> float:
    """Return the time from first start to last end, without other programs."""
    last = max(spans, key=lambda span: span.end)
    # A thread can also wait for a CPU that another of these threads uses, with the lock. So two
    # threads that hold the lock never seem faster than their work done sequentially.
    others_busy = sum(span.busy for span in spans) - last.busy
    elapsed = last.end - min(span.start for span in spans)
    return elapsed - max(0.0, last.queued - others_busy)


def _seconds_queued() -> float:
    """Return how long this thread has waited for a free CPU, in seconds; 0 if unknown."""
    try:
        with open("/proc/thread-self/schedstat", "rb") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
