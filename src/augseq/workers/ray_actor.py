"""What runs on the nodes of a Ray cluster: the counterpart of a worker process.

Like a worker process, it loads neither Keras nor a backend nor pyarrow.
"""

import os
import pickle
import platform
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from augseq.errors import AugseqWarning
from augseq.loading.load_images import PartKey, load_arrays
from augseq.manifest.record import Record
from augseq.progress_note import NO_RECORD, THIS_THREAD
from augseq.types import Array
from augseq.workers.messages import Failed, Make, failed
from augseq.workers.node_function import NodeFunction
from augseq.workers.ray_cluster import import_ray, software_versions
from augseq.workers.ray_store import store_folder
from augseq.workers.shared_pickle import load_pickle
from augseq.workers.worker_main import prepare_libraries


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What an actor tells when it has started.

    Attributes:
        node_id: Ray's id of its node.
        node: Name of the node, for messages.
        versions: See `software_versions`.
        store_folder: See `ray_store`.
    """

    node_id: str
    node: str
    versions: Mapping[str, str]
    store_folder: str = ""


class BatchActor:
    """Loads the arrays of batches, one after the other, or applies functions to many items."""

    def __init__(self) -> None:
        prepare_libraries()
        # Pipelines and functions, by number.
        self._contents: dict[int, Any] = {}
        self._note = THIS_THREAD.note
        self._node = ""

    def greet(self) -> Greeting:
        """Return where this runs, and with which software."""
        node_id = import_ray().get_runtime_context().get_node_id()
        self._node = f"{platform.node()} (Ray node {node_id[:8]})"
        return Greeting(
            node_id=node_id,
            node=self._node,
            versions=software_versions(),
            store_folder=store_folder(),
        )

    def learn(self, number: int, parts: list[Any]) -> Failed | None:
        """Load a pipeline or function.

        Args:
            number: Its number.
            parts: See `RayPickle`.
        """
        try:
            self._content(number, parts)
        except BaseException as error:
            return self._failed(error)
        return None

    def open(self, number: int, parts: list[Any], record: Record) -> Failed | None:
        """Open the image of a record, to see whether this node can."""
        try:
            self._content(number, parts).source.open(record)
        except BaseException as error:
            return self._failed(error)
        return None

    def make(self, order: Make, parts: list[Any]) -> dict[PartKey, Array] | Failed:
        """Load the samples of records."""
        self._note = THIS_THREAD.note
        self._note[0] = NO_RECORD
        try:
            self._discard(order.wanted)
            pipeline = self._content(order.pipeline, parts)
            return dict(load_arrays(order.turns, pipeline, seed=order.seed, epoch=order.epoch))
        # Also SystemExit: it is raised where the batch is requested, as with threads.
        except BaseException as error:
            return self._failed(error)

    def apply(
        self, number: int, wanted: set[int], parts: list[Any], items: list[Any]
    ) -> bytes | Failed:
        """Apply a function to items.

        Args:
            number: Its number.
            wanted: Numbers of all pipelines and functions still in use.
            parts: See `RayPickle`.
            items: The items.

        Returns:
            A pickle of the results and of the texts of warnings.
        """
        try:
            self._discard(wanted)
            function = self._content(number, parts).function
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", AugseqWarning)
                results = [function(item) for item in items]
            findings = [str(one.message) for one in caught if one.category is AugseqWarning]
            # Arrays inside, so that they can be written to and do not occupy the object store.
            return pickle.dumps((results, findings))
        except BaseException as error:
            return self._failed(error)

    def progress(self) -> list[int]:
        """Return what it is working on, see `progress_note`; runs beside the other methods."""
        return self._note.tolist()

    def _discard(self, wanted: set[int]) -> None:
        for number in self._contents.keys() - wanted:
            del self._contents[number]

    def _content(self, number: int, parts: list[Any]) -> Any:
        if number not in self._contents:
            pickled, arrays = import_ray().get(parts[0])
            content = load_pickle(pickled, arrays)
            if isinstance(content, NodeFunction):
                content.check(self._node)
            self._contents[number] = content
        return self._contents[number]

    def _failed(self, error: BaseException) -> Failed:
        return failed(error, f"Ray worker {os.getpid()} on {self._node}")
