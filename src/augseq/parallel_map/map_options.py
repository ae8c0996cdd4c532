"""Where a function is applied to many items, and whether that shows a progress bar."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from augseq.errors import ArgumentError
from augseq.validation import check_choice, check_whole

MapKind: TypeAlias = Literal["threads", "ray"]


def check_ray_workers(kind: str, number: int | None) -> None:
    """Raise `ArgumentError` if the number of Ray workers is not given."""
    if kind == "ray" and number is None:
        raise ArgumentError(
            'worker_kind="ray" requires `workers`, the number of CPUs to use of the cluster. '
            "Received: workers=None"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOptions:
    """Where a function is applied to many items; does not affect the results.

    Attributes:
        workers: Number of threads, or of Ray workers; None for the default number of threads.
        worker_kind: "threads" of this process, or "ray" for the nodes of a Ray cluster.
        progress: Whether long work shows a progress bar.
    """

    workers: int | None = None
    worker_kind: MapKind = "threads"
    progress: bool = True

    def __post_init__(self) -> None:
        check_choice("worker_kind", self.worker_kind, get_args(MapKind))
        if self.workers is not None:
            check_whole("workers", self.workers, least=1)
        check_ray_workers(self.worker_kind, self.workers)
