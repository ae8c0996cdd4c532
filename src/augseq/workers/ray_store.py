"""Find nodes whose object store is slow, or too small for the batches on their way."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from augseq.storage.quota import size_text
from augseq.workers.ray_cluster import import_ray

_MEMORY = "/dev/shm"
_OPTION = b"--plasma_directory="
# Ray writes objects to disk when its store is fuller than this.
_USABLE = 0.8


class StoreUser(Protocol):
    """A worker, as far as its node's store is concerned.

    Attributes:
        node_id: Ray's id of its node.
        node: Name of its node, for messages.
        store_folder: Folder of the object store of its node; empty if unknown.
    """

    node_id: str
    node: str
    store_folder: str


def store_folder() -> str:
    """Return the folder of the object store of this node, as a worker; empty if unknown."""
    # Its parent, the raylet, is started with it. Linux only, as is the folder in memory.
    with suppress(OSError):
        words = Path(f"/proc/{os.getppid()}/cmdline").read_bytes().split(b"\0")
        for word in words:
            if word.startswith(_OPTION):
                return os.fsdecode(word.removeprefix(_OPTION))
    return ""


def slow_stores(workers: Sequence[StoreUser]) -> Iterator[tuple[str, str]]:
    """Yield each node whose object store is in files, and a warning."""
    sizes = _store_sizes()
    for worker in {one.node_id: one for one in workers}.values():
        folder = worker.store_folder
        if folder and not folder.startswith(_MEMORY):
            size = size_text(sizes.get(worker.node_id, 0))
            yield (
                worker.node_id,
                f"Ray keeps the object store of {worker.node} in {folder!r}, since {_MEMORY} is "
                f"smaller than its {size}. Batches then pass through files, which is slow. Start "
                "the container of the node with a larger --shm-size, or the node with a smaller "
                "--object-store-memory.",
            )


def small_stores(workers: Sequence[StoreUser], batch_bytes: int) -> Iterator[tuple[str, str]]:
    """Yield each node whose object store is too small for one batch of each worker, and a warning.

    All batches pass through the store of the node of this program.

    Args:
        workers: All workers.
        batch_bytes: Size of a batch.
    """
    own = import_ray().get_runtime_context().get_node_id()
    names = {worker.node_id: worker.node for worker in workers}
    numbers = {**Counter(worker.node_id for worker in workers), own: len(workers)}
    sizes = _store_sizes()
    for node_id, number in numbers.items():
        need, size = number * batch_bytes, sizes.get(node_id, 0)
        if size and need > _USABLE * size:
            where = names.get(node_id, f"Ray node {node_id[:8]}")
            where += " (of this program)" * (node_id == own)
            plural = "s" * (number != 1)
            yield (
                node_id,
                f"The object store of {where} has {size_text(size)}, but the batches of {number} "
                f"worker{plural} need {size_text(need)}, so that Ray writes some of them to disk, "
                f"which is slow. Start the node with --object-store-memory={round(need / _USABLE)} "
                "or more, or use a smaller `batch_size` or fewer `workers`.",
            )


def _store_sizes() -> Mapping[str, int]:
    """Return the size in bytes of the object store of each node, by its id."""
    return {
        node["NodeID"]: int(node["Resources"].get("object_store_memory", 0))
        for node in import_ray().nodes()
        if node["Alive"]
    }
