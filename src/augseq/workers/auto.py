"""Whether threads serve a pipeline, or whether it holds the interpreter lock."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from augseq.batch import BatchPlan
from augseq.manifest.record import Record

_NUM_SAMPLES = 5
_NUM_ROUNDS = 4


def measure_gain(plan: BatchPlan) -> float:
    """Return how much faster than one thread two threads make samples: 2.0 at best.

    Takes about as long as 70 samples. The samples are thrown away, and since they hang on
    nothing but plan, epoch and index, what is made later is the same.

    Raises:
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
        [_seconds(make, records, num_threads=count) for count in (1, 2)] for _ in range(_NUM_ROUNDS)
    ]
    alone, both = (min(seconds) for seconds in zip(*rounds, strict=True))
    return float(2 * alone / both)


def _seconds(
    make: Callable[[Sequence[Record]], None], records: Sequence[Record], *, num_threads: int
) -> float:
    """Return how long threads take that each make all of the records' samples at once."""
    ready = threading.Barrier(num_threads)

    def run() -> tuple[float, float]:
        try:
            make(records[:1])
        except BaseException:
            ready.abort()
            raise
        ready.wait()
        # Not by the thread that waits for these: over a busy lock it would look too late.
        start = time.perf_counter()
        make(records)
        return start, time.perf_counter()

    with ThreadPoolExecutor(num_threads) as pool:
        runs = [pool.submit(run) for _ in range(num_threads)]
    errors = [error for error in (run.exception() for run in runs) if error]
    if errors:
        # A barrier that breaks is not the cause.
        raise min(errors, key=lambda error: isinstance(error, threading.BrokenBarrierError))
    starts, ends = zip(*(run.result() for run in runs), strict=True)
    return float(max(ends) - min(starts))
