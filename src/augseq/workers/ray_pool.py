"""The actors of a process on the nodes of a Ray cluster."""

import itertools
import os
import threading
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from functools import partial
from typing import Any

from augseq.errors import AugseqWarning, WorkerError
from augseq.loading.load_samples import PROCESS_ENDS
from augseq.loading.plan import BatchPlan
from augseq.runtime.at_exit import Turn, at_exit
from augseq.workers.pool_loader import NodeDiedError
from augseq.workers.process_link import WorkerDiedError
from augseq.workers.ray_actor import BatchActor, Greeting
from augseq.workers.ray_cluster import (
    free_cpus_text,
    import_ray,
    is_own_cluster,
    last_line,
    start_advice,
    version_differences,
)
from augseq.workers.ray_store import slow_stores, small_stores
from augseq.workers.ray_worker import ASIDE, RayPickle, RayWorker
from augseq.workers.shared_memory import LiveNumbers
from augseq.workers.start_processes import culprit
from augseq.workers.time_limit import Patience

# How long to wait for actors that do not start: a node can be busy, or lack a free CPU.
_START_S = 60.0


class ActorPool:
    """The actors of this process; they end with the last sequence or work that uses them."""

    def __init__(self) -> None:
        self.pipelines = LiveNumbers()
        options = {
            # A cluster of this process alone needs no such limit.
            "num_cpus": 0 if is_own_cluster() else 1,
            "scheduling_strategy": "SPREAD",
        }
        actor = import_ray().remote(concurrency_groups={ASIDE: 1})(BatchActor)
        self._create: Callable[[], Any] = actor.options(**options).remote
        # Never held during a call of Ray, whose threads call `_greeted`.
        self._changed = threading.Condition()
        self._idle: list[RayWorker] = []
        self._running: set[RayWorker] = set()
        # Ray starts them as soon as a node has a free CPU.
        self._starting: dict[int, Any] = {}
        self._numbers = itertools.count()
        # Why actors did not start, one for each node.
        self._refused: deque[str] = deque()
        # Nodes that died, and those of which a worker did: for one warning each.
        self._deaths: set[tuple[str, bool]] = set()
        # Nodes whose object store is slow or too small, likewise, and the largest batch so far.
        self._stores: set[str] = set()
        self._batch_bytes = 0

    @property
    def num_nodes(self) -> int:
        """Number of nodes with actors."""
        with self._changed:
            return len({worker.node_id for worker in self._running})

    def send(self, content: Any) -> RayPickle:
        """Pickle a pipeline or function for the actors; see `RayPickle`."""
        sent = RayPickle(content)
        self.pipelines.add(sent)
        return sent

    def start(self, num_workers: int) -> None:
        """Start actors until there are this many, and wait for the first ones.

        Raises:
            WorkerError: They do not start, or a node has other versions of the software.

        Warns:
            AugseqWarning: The object store of a node is in files.
        """
        with self._changed:
            is_first = not self._running
            num_missing = num_workers - len(self._running) - len(self._starting)
        for _ in range(num_missing):
            self._start_one()
        if not is_first:
            # Some may have been lost since, and their node with them.
            return
        with self._changed:
            Patience(_START_S).wait(
                lambda seconds: self._changed.wait_for(lambda: not self._starting, seconds)
            )
            num_running = len(self._running)
        if num_running < num_workers:
            text = (
                f"Ray started {num_running} of {num_workers} workers in {_START_S:g} s. "
                f"{free_cpus_text()} {start_advice(num_workers)}"
            )
            if self._refused:
                nodes = "\n".join(dict.fromkeys(self._refused))
                text = f"Every Ray worker must run the same software as this program.\n{nodes}"
            self.end()
            raise WorkerError(text)
        self._warn_of_stores(slow_stores(list(self._running)))

    def teach(self, plan: BatchPlan, sent: RayPickle, limit_s: float | None) -> None:
        """Let all actors load the pipeline of a plan, and then open the first image.

        Raises:
            WorkerError: One of them cannot; the message names its node.
        """
        try:
            self._teach(plan, sent, limit_s)
        finally:
            self._drop_lost()

    def _teach(self, plan: BatchPlan, sent: RayPickle, limit_s: float | None) -> None:
        with self._changed:
            workers = list(self._running)
        record = plan.manifest[0]
        for worker, error in _errors(workers, lambda one: one.learn(sent), limit_s):
            try_out = partial(_try_out, worker)
            reason = (
                f"It died {error}." if worker.is_lost else culprit(plan.pipeline, try_out, error)
            )
            raise WorkerError(
                f"Every node of the Ray cluster must be able to load the pipeline, but "
                f"{worker.node} cannot. {reason}"
            ) from error
        for worker, error in _errors(workers, lambda one: one.open(sent, record), limit_s):
            raise WorkerError(
                f"Every node of the Ray cluster must be able to read the images, but "
                f"{worker.node} cannot: {error}"
            ) from error

    def prepare(self, sent: RayPickle) -> None:
        """Let all actors load a function.

        Raises:
            WorkerError: One of them cannot; the message names its node.
        """
        with self._changed:
            workers = list(self._running)
        try:
            for worker, error in _errors(workers, lambda one: one.learn(sent), _START_S):
                if isinstance(error, WorkerError):
                    raise error
                raise WorkerError(
                    "Every node of the Ray cluster must be able to load the function that it "
                    f"runs, but {worker.node} cannot: {error}"
                ) from error
        finally:
            self._drop_lost()

    @contextmanager
    def worker(self) -> Iterator[RayWorker]:
        """Provide an actor within a `with` block, as soon as one is free.

        Raises:
            WorkerError: No actor is left, and none starts.

        Warns:
            AugseqWarning: A node died, or for the first time an actor of a node did; or its object
                store is too small for the batches.
        """
        self._warn_of_refused()
        worker = self._take()
        try:
            yield worker
        except WorkerDiedError as death:
            if not (worker.is_interrupted or PROCESS_ENDS.is_set()):
                self._note_death(worker, death)
            raise
        else:
            self._check_stores(worker.batch_bytes)
        finally:
            self._give_back(worker)

    def _take(self) -> RayWorker:
        def is_clear() -> bool:
            return bool(self._running) or not self._starting or PROCESS_ENDS.is_set()

        patience = Patience(_START_S)
        with self._changed:
            while not self._idle:
                if PROCESS_ENDS.is_set():
                    raise CancelledError
                if self._running:
                    self._changed.wait(1.0)
                elif not self._starting or not patience.wait(
                    lambda seconds: self._changed.wait_for(is_clear, seconds)
                ):
                    break
            else:
                return self._idle.pop()
        raise WorkerError(
            f"No Ray worker is left, and none started in {_START_S:g} s. {free_cpus_text()} "
            "Check the nodes with `ray status`. An interrupted training run continues with "
            "BackupAndResume, probe_manifest with `checkpoint`."
        )

    def _give_back(self, worker: RayWorker) -> None:
        with self._changed:
            if worker.is_lost:
                is_replaced = worker in self._running
                self._running.discard(worker)
            else:
                is_replaced = False
                self._idle.append(worker)
            self._changed.notify_all()
        if is_replaced and not PROCESS_ENDS.is_set():
            self._start_one()

    def _warn_of_refused(self) -> None:
        """Warn of actors that were started later, to replace others, and cannot be used."""
        while self._refused:
            text = (
                f"A Ray worker must run the same software as the program. {self._refused.popleft()}"
            )
            warnings.warn(text, AugseqWarning, stacklevel=2)

    def _check_stores(self, batch_bytes: int) -> None:
        with self._changed:
            is_checked = batch_bytes <= self._batch_bytes
            self._batch_bytes = max(batch_bytes, self._batch_bytes)
            workers = list(self._running)
        if not is_checked:
            self._warn_of_stores(small_stores(workers, batch_bytes))

    def _warn_of_stores(self, findings: Iterable[tuple[str, str]]) -> None:
        for node_id, text in findings:
            if node_id not in self._stores:
                self._stores.add(node_id)
                warnings.warn(text, AugseqWarning, stacklevel=2)

    def _drop_lost(self) -> None:
        """Replace idle actors that died or were killed."""
        with self._changed:
            lost = [worker for worker in self._idle if worker.is_lost]
            self._idle = [worker for worker in self._idle if not worker.is_lost]
        for worker in lost:
            self._give_back(worker)

    def _note_death(self, worker: RayWorker, death: WorkerDiedError) -> None:
        is_node = isinstance(death, NodeDiedError)
        with self._changed:
            is_known = (worker.node_id, is_node) in self._deaths
            self._deaths.add((worker.node_id, is_node))
            if is_node:
                # They would only fail one batch after the other.
                for one in self._running:
                    one.is_lost |= one.node_id == worker.node_id
        self._drop_lost()
        if not is_known:
            what = "A node of the Ray cluster" if is_node else "A Ray worker"
            warnings.warn(
                f"{what} died {death}. Other workers repeat its work, with the same results.",
                AugseqWarning,
                stacklevel=2,
            )

    def end(self) -> None:
        """Kill all actors, so that the threads that wait for them end."""
        with self._changed:
            workers = list(self._running)
            starting = list(self._starting.values())
            self._running, self._idle = set(), []
            self._starting.clear()
            self._changed.notify_all()
        for worker in workers:
            worker.interrupt()
        for actor in starting:
            # Without a handle it would still start, and take a CPU, before it ended.
            import_ray().kill(actor)

    def _start_one(self) -> None:
        number, actor = next(self._numbers), self._create()
        with self._changed:
            self._starting[number] = actor
        greeted = partial(_greeted, weakref.ref(self), number)
        actor.greet.remote().future().add_done_callback(greeted)

    def greeted(self, number: int, answer: "Future[Greeting]") -> None:
        """Add an actor that has started, or remember why it did not."""
        with self._changed:
            actor = self._starting.pop(number, None)
            if actor is None:
                return
            try:
                greeting = answer.result()
            except import_ray().exceptions.RayActorError as error:
                # Otherwise its node died meanwhile, of which there is a warning already.
                if error.actor_init_failed:
                    self._refused.append(f"{last_line(error)}.")
            except Exception as error:
                self._refused.append(f"{last_line(error)}.")
            else:
                if different := version_differences(greeting.versions):
                    self._refused.append(f"{greeting.node} has {different}.")
                else:
                    worker = RayWorker(actor, greeting)
                    self._running.add(worker)
                    self._idle.append(worker)
            self._changed.notify_all()


def _errors(
    workers: Sequence[RayWorker], ask: Callable[[RayWorker], Any], limit_s: float | None
) -> list[tuple[RayWorker, Exception]]:
    """Send a request to all workers at the same time, and return those that it fails in."""
    # All are awaited, so that those that die are known to be lost.
    found: list[tuple[RayWorker, Exception]] = []
    for worker, answer in [(worker, ask(worker)) for worker in workers]:
        try:
            worker.await_answer(answer, limit_s)
        except NodeDiedError:
            # Found again with the next batch.
            continue
        except Exception as error:
            if not worker.is_interrupted:
                found.append((worker, error))
    return found


def _try_out(worker: RayWorker, content: Any) -> None:
    worker.await_answer(worker.learn(RayPickle(content)), _START_S)


def _greeted(pool: "weakref.ref[ActorPool]", number: int, answer: "Future[Greeting]") -> None:
    # Not a bound method, since Ray would keep a pool alive whose actors wait for a CPU.
    alive = pool()
    if alive is not None:
        alive.greeted(number, answer)


_POOLS: "weakref.WeakValueDictionary[int, ActorPool]" = weakref.WeakValueDictionary()


def actor_pool() -> ActorPool:
    """Return the pool of this process, or a new one if none is in use."""
    pool = _POOLS.get(os.getpid())
    if pool is None:
        pool = _POOLS[os.getpid()] = ActorPool()
    return pool


@at_exit(Turn.PROCESSES)
def _end_actors() -> None:
    PROCESS_ENDS.set()
    pool = _POOLS.get(os.getpid())
    if pool is not None and import_ray().is_initialized():
        pool.end()
