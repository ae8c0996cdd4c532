"""Apply a function to many items on the nodes of a Ray cluster."""

import threading
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from typing import Any

from augseq.errors import AugseqWarning, WorkerError
from augseq.loading.load_samples import PROCESS_ENDS
from augseq.workers.node_function import NodeFunction
from augseq.workers.pool_loader import MOST_DEATHS, NodeDiedError
from augseq.workers.process_link import WorkerDiedError
from augseq.workers.ray_cluster import connect
from augseq.workers.ray_pool import actor_pool
from augseq.workers.ray_worker import RayWorker


class RayRunner:
    """Applies a function to chunks of items with the actors of this process, as `ChunkRunner`.

    The actors are those that load batches, so both together take no more CPUs than one of them.
    What an actor was doing when it or its node died is done again by another one.

    Args:
        function: Can be pickled.
        num_workers: Number of actors.
        must_see: As in `NodeFunction`.

    Raises:
        MissingExtraError: Ray is not installed.
        WorkerError: There is no cluster, or it has too few CPUs; or a node has other versions of
            the software, or does not see a file. The message names the node.
    """

    def __init__(
        self, function: Callable[[Any], Any], *, num_workers: int, must_see: Mapping[str, int]
    ) -> None:
        connect(num_workers)
        self._pool = actor_pool()
        self._pool.start(num_workers)
        try:
            self._sent = self._pool.send(NodeFunction(function=function, must_see=must_see))
        except Exception as error:
            raise WorkerError(
                'worker_kind="ray" requires that everything can be sent to the nodes. This cannot '
                f"be pickled: {error}"
            ) from error
        self._pool.prepare(self._sent)
        self._cancelled = threading.Event()
        self._busy: set[RayWorker] = set()
        self._warned: set[str] = set()

    def __call__(self, chunk: list[Any]) -> list[Any]:
        """Return the result of each item.

        Raises:
            CancelledError: The work was cancelled meanwhile.
            WorkerError: No actor is left, or several in a row died on the same item.
            Exception: Any exception of the function.
        """
        deaths = 0
        while True:
            try:
                return self._apply(chunk)
            except NodeDiedError:
                continue
            except WorkerDiedError as death:
                if len(chunk) > 1:
                    # One by one, since one of them can be the cause.
                    return [result for item in chunk for result in self([item])]
                deaths += 1
                if deaths == MOST_DEATHS:
                    raise WorkerError(
                        f"{MOST_DEATHS} Ray workers in a row died on {chunk[0]}; the last one "
                        f"{death}. They may lack memory, or native code may have a bug."
                    ) from death

    def _apply(self, chunk: list[Any]) -> list[Any]:
        with self._pool.worker() as worker:
            self._busy.add(worker)
            try:
                self._check_not_cancelled()
                results, findings = worker.apply(self._sent, self._pool.pipelines.now(), chunk)
            except WorkerDiedError:
                self._check_not_cancelled()
                raise
            finally:
                self._busy.discard(worker)
        for finding in findings:
            self._warn(finding)
        return results

    def _check_not_cancelled(self) -> None:
        if self._cancelled.is_set() or PROCESS_ENDS.is_set():
            raise CancelledError

    def _warn(self, finding: str) -> None:
        """Pass on a warning of a worker, once for all of them."""
        if finding not in self._warned:
            self._warned.add(finding)
            warnings.warn(finding, AugseqWarning, stacklevel=2)

    def cancel(self) -> None:
        """Kill the actors that are still working on it."""
        self._cancelled.set()
        for worker in self._busy.copy():
            worker.interrupt()
