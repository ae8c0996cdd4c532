"""Whether threads serve a pipeline, or whether it holds the interpreter lock."""

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
    """What one thread did, in seconds: from when to when, on a processor, and waiting for one."""

    start: float
    end: float
    busy: float
    queued: float


def measure_gain(plan: BatchPlan, limit: TimeLimit | None = None) -> float:
    """Return how much faster than one thread two threads make samples: 2.0 at best.

    Takes about as long as 100 samples. The samples are thrown away, and since they hang on
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
    alone, both = (min(seconds) for seconds in zip(*rounds, strict=True))
    return float(2 * alone / both)


def _seconds(
    make: Callable[[Sequence[Record]], None],
    records: Sequence[Record],
    num_threads: int,
    limit: TimeLimit | None,
) -> float:
    """Return how long threads take that each make all of the records' samples at once."""
    ready = threading.Barrier(num_threads)

    def run(_: Step) -> Any:
        try:
            make(records[:1])
        except BaseException:
            ready.abort()
            raise
        ready.wait()
        # Not by the thread that waits for these: over a busy lock it would look too late.
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
        # A barrier that breaks is not the cause.
        raise min(errors, key=lambda error: isinstance(error, threading.BrokenBarrierError))
    return _elapsed_s(spans)


def _elapsed_s(spans: Sequence[_Span]) -> float:
    """Return the time from the first start to the last end, without what other programs took."""
    last = max(spans, key=lambda span: span.end)
    # A thread may also wait for the processor that another of these has, and the lock with it. So
    # two that hold the lock never seem to take less than their work, one after the other.
    others_busy = sum(span.busy for span in spans) - last.busy
    elapsed = last.end - min(span.start for span in spans)
    return elapsed - max(0.0, last.queued - others_busy)


def _seconds_queued() -> float:
    """Return how long this thread could have run, had a processor been free; 0 if unknown."""
    try:
        with open("/proc/thread-self/schedstat", "rb") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
