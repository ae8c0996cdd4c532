"""Start worker processes for a plan, or say why its pipeline cannot be loaded there."""

from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any

from augseq.errors import SharedMemoryError, WorkerError
from augseq.loading.pipeline import Pipeline
from augseq.loading.plan import BatchPlan
from augseq.remote.url import is_remote
from augseq.workers.process_pool import ProcessWorkers
from augseq.workers.shared_pickle import SharedPickle


class CannotTravelError(Exception):
    """A pipeline cannot be sent to another process, or should not be."""


def start_processes(
    plan: BatchPlan, num_workers: int, *, limit_s: float | None, max_bytes: int | None = None
) -> ProcessWorkers:
    """Start one process of the workers of a plan; the others start with their first batch.

    Args:
        plan: The batches to load.
        num_workers: Number of processes.
        limit_s: Maximum seconds to load a batch; None for no limit.
        max_bytes: Maximum size of the pipeline's arrays, which are copied. Given it, a pipeline
            that loads a backend of Keras is refused too. None for no limits.

    Raises:
        CannotTravelError: The pipeline cannot be sent to processes; the message names the element.
        SharedMemoryError: There is not enough shared memory, or `max_bytes` is exceeded.
        WorkerError: The system cannot start a process.
    """
    try:
        workers = ProcessWorkers(plan, num_workers, limit_s=limit_s, max_bytes=max_bytes)
    except SharedMemoryError:
        raise
    except Exception as error:
        raise CannotTravelError(culprit(plan.pipeline, SharedPickle, error)) from error
    try:
        backends = workers.start()
    except Exception as error:
        _require_processes(workers)
        raise CannotTravelError(culprit(plan.pipeline, workers.try_out, error)) from error
    # This process can read what no other can: "memory://photos", or a storage of the user's own
    # that is registered with fsspec.
    if is_remote(plan.manifest.root) and len(plan.manifest):
        try:
            workers.fetch(plan.manifest[0])
        except Exception as error:
            raise CannotTravelError(f"The first image cannot be read there: {error}") from error
    if backends and max_bytes is not None:
        raise CannotTravelError(f"It would load {' and '.join(backends)} in each process.")
    return workers


def _require_processes(workers: ProcessWorkers) -> None:
    """Raise if a process cannot load even None, so that no augmentation is the cause."""
    try:
        workers.try_out(None)
    except (SharedMemoryError, CancelledError):
        raise
    except Exception as error:
        raise WorkerError(
            f"A worker process could not be started: {error}. "
            'Use worker_kind="threads", which starts none.'
        ) from error


def culprit(pipeline: Pipeline, send: Callable[[Any], object], error: Exception) -> str:
    """Return a sentence on which element cannot be sent, and why."""
    steps = zip(pipeline.augment.names, pipeline.augment.steps, strict=True)
    for number, (name, step) in enumerate(steps, 1):
        try:
            send(step)
        except SharedMemoryError:
            raise
        except Exception as reason:
            return f"Element {number} of `augment`, {name!r}, cannot be loaded there: {reason}."
    return f"This one cannot be loaded there: {error}."
