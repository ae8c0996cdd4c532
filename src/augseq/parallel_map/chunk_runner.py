"""What applies a function to a few items at a time: this process, or the nodes of a cluster.

The nodes are reached through the workers that load batches, which are part of a higher layer and
cannot be imported here. `augseq/__init__` sets the function that starts them; its module is
imported on the first call.
"""

from collections.abc import Callable, Mapping
from threading import Event
from typing import Any, Generic, Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class ChunkRunner(Protocol[Item, Result]):
    """Applies a function to chunks of items; several threads use it at the same time."""

    def __call__(self, chunk: list[Item]) -> list[Result]:
        """Return the result of each item.

        Raises:
            CancelledError: The work was cancelled meanwhile.
            Exception: Any exception of the function.
        """
        ...

    def cancel(self) -> None:
        """Stop as soon as possible: the results are no longer wanted."""
        ...


class LocalRunner(Generic[Item, Result]):
    """Applies a function in the thread that asks for it."""

    def __init__(self, function: Callable[[Item], Result]) -> None:
        self._function = function
        self._cancelled = Event()

    def __call__(self, chunk: list[Item]) -> list[Result]:
        """Return the result of each item."""
        # Checked before each item, so that Ctrl-C does not wait for a whole chunk.
        return [self._function(item) for item in chunk if not self._cancelled.is_set()]

    def cancel(self) -> None:
        """Stop after the current item."""
        self._cancelled.set()


class _StartOnNodes(Protocol):
    def __call__(
        self, function: Callable[[Any], Any], *, num_workers: int, must_see: Mapping[str, int]
    ) -> ChunkRunner[Any, Any]: ...


start_on_nodes: _StartOnNodes
