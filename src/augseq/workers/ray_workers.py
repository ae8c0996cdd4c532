"""Workers on the nodes of a Ray cluster, for training hosts with too few cores."""

from concurrent.futures import Future

from augseq.errors import WorkerError
from augseq.loading.batch import Batch
from augseq.loading.plan import BatchPlan
from augseq.pixels.cache.source import CachedSource
from augseq.sampling.schedule import Step
from augseq.workers.cache_filling import check_cache_for_nodes
from augseq.workers.pool_loader import PoolLoader
from augseq.workers.ray_cluster import connect
from augseq.workers.ray_pool import actor_pool
from augseq.workers.shared_pickle import pack
from augseq.workers.start_processes import culprit
from augseq.workers.threads import ThreadWorkers


class RayWorkers:
    """Threads that each wait for an actor on a node of a Ray cluster to load images.

    An actor that dies is replaced, if a node has a free CPU for it, and its batch is loaded again
    by any other, with the same pixels. Sequences of a process share the actors.

    Args:
        plan: The batches to load.
        num_workers: Number of actors. Each takes one CPU of a cluster that others may use.
        limit_s: Maximum seconds to load a batch; then its actor is killed. None for no limit.

    Raises:
        ArgumentError: The images are cached in the memory of this machine.
        MissingExtraError: Ray is not installed.
        WorkerError: There is no cluster, or it has too few CPUs; or a node has other versions of
            the software, or cannot load the pipeline or open an image. The message names the node.
    """

    def __init__(self, plan: BatchPlan, num_workers: int, *, limit_s: float | None = None) -> None:
        source = plan.pipeline.source
        if isinstance(source, CachedSource):
            check_cache_for_nodes(source)
        connect(num_workers)
        self._pool = actor_pool()
        self._pool.start(num_workers)
        try:
            sent = self._pool.send(plan.pipeline)
        except Exception as error:
            reason = culprit(plan.pipeline, pack, error)
            raise WorkerError(
                f'worker_kind="ray" requires a pipeline that can be sent to the nodes. {reason}'
            ) from error
        self._pool.teach(plan, sent, limit_s)
        # Not a bound method, since the threads would then keep this object alive.
        loader = PoolLoader(plan, sent, self._pool, limit_s)
        self._loader = loader
        self._threads = ThreadWorkers(loader, num_workers, interrupt=loader.interrupt)
        self._num_workers = num_workers

    @property
    def text(self) -> str:
        """Short description."""
        num_nodes = self._pool.num_nodes
        return f"ray: {self._num_workers} on {num_nodes} node{'s' * (num_nodes != 1)}"

    def submit(self, step: Step, *, urgent: bool = False) -> Future[Batch]:
        """Queue a batch; the first free actor loads its images."""
        if urgent:
            self._loader.refresh()
        return self._threads.submit(step, urgent=urgent)
