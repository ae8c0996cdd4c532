"""Load batches with the workers of a pool, which may die: processes, here or on other machines."""

from collections.abc import Sequence
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from augseq.errors import WorkerError
from augseq.loading.batch import Batch, make_batch
from augseq.loading.load_images import PartKey
from augseq.loading.load_samples import PROCESS_ENDS
from augseq.loading.plan import BatchPlan
from augseq.loading.turns import RecordTurns
from augseq.manifest.record import Record
from augseq.sampling.schedule import Step
from augseq.terminal_text import first_few
from augseq.types import Array
from augseq.workers.messages import Make
from augseq.workers.process_link import WorkerDiedError, WorkerHungError
from augseq.workers.shared_memory import LiveNumbers
from augseq.workers.shared_pickle import SentPickle
from augseq.workers.time_limit import TimeLimit

MOST_DEATHS = 3
"""If a batch kills this many workers in a row, it would kill the next one too."""


class NodeDiedError(WorkerDiedError):
    """The machine of a worker died, whatever the worker was doing."""


Sent = TypeVar("Sent", bound=SentPickle)
SentTo = TypeVar("SentTo", bound=SentPickle, contravariant=True)


class PoolWorker(Protocol[SentTo]):
    """One worker of a pool. Only one thread can use it at a time."""

    def make(self, sent: SentTo, order: Make, limit_s: float | None) -> dict[PartKey, Array]:
        """Return the arrays of a request.

        Raises:
            WorkerDiedError: The worker died.
            WorkerHungError: It took longer than the limit, and was killed.
            Exception: Any exception of loading them.
        """
        ...

    def interrupt(self) -> None:
        """Kill it; the thread that waits for it gets a `WorkerDiedError`."""
        ...


class Pool(Protocol[Sent]):
    """Workers shared by several sequences.

    Attributes:
        pipelines: The numbers of the pipelines still in use.
    """

    pipelines: LiveNumbers

    def send(self, content: Any) -> Sent:
        """Pickle a pipeline for the workers."""
        ...

    def worker(self) -> AbstractContextManager[PoolWorker[Sent]]:
        """Provide a worker within a `with` block, as soon as one is free.

        Raises:
            WorkerError: No worker is left.
        """
        ...


class PoolLoader(Generic[Sent]):
    """Loads batches, with their images in any free worker of a pool.

    Args:
        plan: The batches to load.
        sent: Its pipeline.
        pool: The workers.
        limit_s: Maximum seconds to load a batch; then its worker is killed. None for no limit.
    """

    def __init__(
        self, plan: BatchPlan, sent: Sent, pool: Pool[Sent], limit_s: float | None
    ) -> None:
        self._plan = plan
        self._sent = sent
        self._pool = pool
        self._limit_s = limit_s
        self._loads: dict[Step, _Load[Sent]] = {}

    def refresh(self) -> None:
        """Send the pipeline again if functions of a notebook, or their globals, have changed."""
        if self._sent.is_by_value and not self._sent.is_of(self._plan.pipeline):
            self._sent = self._pool.send(self._plan.pipeline)

    def is_loading(self, step: Step) -> bool:
        """Return whether a batch is being loaded, or waits for a free worker."""
        return step in self._loads

    def interrupt(self, step: Step) -> None:
        """Kill the worker that loads a batch, which is no longer waited for."""
        load = self._loads.get(step)
        if load is not None:
            load.is_over = True
            if load.worker is not None:
                load.worker.interrupt()

    def __call__(self, step: Step) -> Batch:
        """Load the batch of a step.

        Raises:
            WorkerError: Several workers in a row died while loading it, or none is left.
            BatchTimeoutError: It took longer than the limit; the worker was killed.
            SharedMemoryError: There is not enough shared memory for its images.
            Exception: Any exception of an augmentation.
        """
        turns = self._plan.turns(step)
        load = self._loads[step] = _Load()
        try:
            arrays = self._load(turns, step.epoch, load)
        except WorkerHungError as hang:
            assert self._limit_s is not None
            limit = TimeLimit(plan=self._plan, seconds=self._limit_s)
            raise limit.error(step, hang.note, "The worker process was killed.") from hang
        finally:
            if self._loads.get(step) is load:
                del self._loads[step]
        return make_batch(self._plan, step, turns, arrays)

    def _load(self, turns: RecordTurns, epoch: int, load: "_Load[Sent]") -> dict[PartKey, Array]:
        # Read once: it can be replaced at any time.
        sent = self._sent
        order = Make(
            pipeline=sent.number,
            wanted=self._pool.pipelines.now(),
            turns=turns,
            seed=self._plan.schedule.seed,
            epoch=epoch,
        )
        deaths = 0
        while True:
            try:
                with self._pool.worker() as worker:
                    load.worker = worker
                    if load.is_over:
                        raise CancelledError
                    try:
                        return worker.make(sent, order, self._limit_s)
                    finally:
                        load.worker = None
            except WorkerDiedError as death:
                deaths += not isinstance(death, NodeDiedError)
                if load.is_over or PROCESS_ENDS.is_set():
                    raise CancelledError from death
                if deaths == MOST_DEATHS:
                    raise WorkerError(_advice(turns.records, epoch, death)) from death


@dataclass(slots=True)
class _Load(Generic[Sent]):
    """A batch that is being loaded.

    Attributes:
        worker: The worker that loads it; None for none at the moment.
        is_over: Whether it is no longer waited for.
    """

    worker: PoolWorker[Sent] | None = None
    is_over: bool = False


def _advice(records: Sequence[Record], epoch: int, death: WorkerDiedError) -> str:
    return (
        f"{MOST_DEATHS} worker processes in a row died while loading the same batch; the last "
        f"one {death}. SIGKILL usually means that the system ran out of memory, SIGSEGV a bug in "
        f"native code. Epoch {epoch}, records: {first_few(map(str, records), 8)}. "
        f"To find the record, call sequence.sample(epoch={epoch}, index=...) for each one, in a "
        "separate process."
    )
