"""A function for the nodes of a Ray cluster, and the files that a node must see to run it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from augseq.errors import WorkerError


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFunction:
    """A function that is applied to many items.

    Attributes:
        function: The function.
        must_see: Files that the node must be able to see, with their size in bytes. Otherwise a
            node without the images would report all of them as missing.
    """

    function: Callable[[Any], Any]
    must_see: Mapping[str, int]

    def check(self, node: str) -> None:
        """Raise `WorkerError` if this node does not see a file.

        Args:
            node: Name of this node, for messages.
        """
        for path, num_bytes in self.must_see.items():
            try:
                size = os.stat(path).st_size
                found, is_equal = f"there it has {size:,} bytes", size == num_bytes
            except OSError as error:
                found, is_equal = f"there: {error.strerror}", False
            if not is_equal:
                raise WorkerError(
                    "Every node of the Ray cluster must see the same files at the same paths, but "
                    f"{node} does not see {path!r} with {num_bytes:,} bytes; {found}. Use a folder "
                    "that all nodes share."
                )
