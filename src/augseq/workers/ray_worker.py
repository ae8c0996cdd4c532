"""One actor on a node of a Ray cluster, as the main process sees it."""

import pickle
from concurrent.futures import CancelledError
from typing import Any

import numpy as np

from augseq.loading.load_images import PartKey, aligned_copy
from augseq.loading.load_samples import PROCESS_ENDS
from augseq.manifest.record import Record
from augseq.types import Array
from augseq.workers.messages import Failed, Make
from augseq.workers.pool_loader import NodeDiedError
from augseq.workers.process_link import WorkerDiedError, WorkerHungError
from augseq.workers.ray_actor import Greeting
from augseq.workers.ray_cluster import import_ray, last_line
from augseq.workers.shared_pickle import SentPickle, pack
from augseq.workers.time_limit import Patience

# How long an actor that hangs has to tell where.
_NOTE_S = 2.0

ASIDE = "aside"
"""The group of methods that an actor runs beside the others."""


class RayPickle(SentPickle):
    """A pipeline or function in Ray's object store, pickled as for worker processes.

    Its large arrays are stored once on each node; actors get read-only views of them.

    Args:
        content: What to pickle.

    Attributes:
        parts: The object in the store, in a list so that Ray does not fetch it for each batch.
    """

    def __init__(self, content: Any) -> None:
        pickled, buffers, is_by_value = pack(content)
        super().__init__(pickled, is_by_value=is_by_value)
        arrays = [np.frombuffer(buffer, np.uint8) for buffer in buffers]
        self.parts = [import_ray().put((pickled, arrays))]


class RayWorker:
    """An actor that has started. Only one thread can load batches with it at a time.

    Args:
        actor: Ray's handle.
        greeting: Where it runs.

    Attributes:
        node_id: Ray's id of its node.
        node: Name of its node, for messages.
        store_folder: See `ray_store`.
        batch_bytes: Size of its last batch; 0 before the first one.
        is_lost: Whether it died or was killed.
        is_interrupted: Whether it was killed from here.
    """

    def __init__(self, actor: Any, greeting: Greeting) -> None:
        self._actor = actor
        self.node_id, self.node = greeting.node_id, greeting.node
        self.store_folder, self.batch_bytes = greeting.store_folder, 0
        self.is_lost = self.is_interrupted = False

    def make(self, sent: RayPickle, order: Make, limit_s: float | None) -> dict[PartKey, Array]:
        """Return the arrays of a request.

        Raises:
            WorkerDiedError: The actor died.
            NodeDiedError: Its node died.
            WorkerHungError: It took longer than the limit, and was killed.
            Exception: Any exception of loading them.
        """
        answer = self.await_answer(self._actor.make.remote(order, sent.parts), limit_s)
        self.batch_bytes = sum(array.nbytes for array in answer.values())
        # Those in the object store are read-only, and occupy it as long as they are used.
        return {key: aligned_copy(array) for key, array in answer.items()}

    def apply(
        self, sent: RayPickle, wanted: set[int], items: list[Any]
    ) -> tuple[list[Any], list[str]]:
        """Return the results of a function for items, and the texts of its warnings.

        Args:
            sent: The function.
            wanted: Numbers of all pipelines and functions still in use.
            items: The items.

        Raises:
            WorkerDiedError: The actor died.
            NodeDiedError: Its node died.
            Exception: Any exception of the function.
        """
        answer = self._actor.apply.remote(sent.number, wanted, sent.parts, items)
        results, findings = pickle.loads(self.await_answer(answer, None))
        return results, findings

    def learn(self, sent: RayPickle) -> Any:
        """Request that it loads a pipeline or function; `await_answer` takes the result."""
        return self._actor.learn.remote(sent.number, sent.parts)

    def open(self, sent: RayPickle, record: Record) -> Any:
        """Request that it opens an image; `await_answer` takes the result."""
        return self._actor.open.remote(sent.number, sent.parts, record)

    def await_answer(self, answer: Any, limit_s: float | None) -> Any:
        """Wait for the answer to a request, and return it.

        Raises:
            Exception: As for `make`.
        """
        ray = import_ray()

        def wait(seconds: float) -> Any:
            if PROCESS_ENDS.is_set():
                raise CancelledError
            return ray.wait([answer], timeout=seconds)[0]

        try:
            if not Patience(limit_s).wait(wait):
                note = self._progress()
                self.interrupt()
                raise WorkerHungError(note)
            found = ray.get(answer)
        except (
            ray.exceptions.RayActorError,
            ray.exceptions.ObjectLostError,
            ray.exceptions.OutOfMemoryError,
        ) as error:
            if PROCESS_ENDS.is_set():
                raise CancelledError from error
            self.is_lost = True
            ray.kill(self._actor)
            raise self._death(error) from error
        if isinstance(found, Failed):
            raise found.exception()
        return found

    def interrupt(self) -> None:
        """Kill the actor; threads that wait for it get a `WorkerDiedError`."""
        self.is_lost = self.is_interrupted = True
        import_ray().kill(self._actor)

    def _progress(self) -> list[int] | None:
        """Return what it is working on; None if it does not answer."""
        ray = import_ray()
        asked = self._actor.progress.options(concurrency_group=ASIDE).remote()
        try:
            note: list[int] = ray.get(asked, timeout=_NOTE_S)
        except ray.exceptions.RayError:
            return None
        return note

    def _death(self, error: Exception) -> WorkerDiedError:
        alive = {node["NodeID"] for node in import_ray().nodes() if node["Alive"]}
        kind = WorkerDiedError if self.node_id in alive else NodeDiedError
        return kind(f"on {self.node}: {last_line(error)}")
