"""Measure how long it takes to list and label the files of a folder."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import work
from benchmarks.processes import cpu_seconds, memory_mb
from benchmarks.work import Job


def _with_augseq(folder: Path) -> int:
    import augseq

    return len(augseq.index_folder(folder, progress=False))


def _with_keras(folder: Path) -> int:
    """Call the indexing function of `image_dataset_from_directory`, without making a data set."""
    from keras.src.utils.dataset_utils import index_directory

    paths, _, _ = index_directory(
        str(folder), labels="inferred", formats=work.IMAGE_SUFFIXES, shuffle=False, verbose=False
    )
    return len(paths)


def _with_scandir(folder: Path) -> int:
    """Walk and count only: the time of the system itself."""
    with os.scandir(folder) as entries:
        return sum(
            _with_scandir(Path(entry.path))
            if entry.is_dir()
            else entry.name.endswith(work.IMAGE_SUFFIXES)
            for entry in entries
        )


INDEXERS: dict[str, Callable[[Path], int]] = {
    "augseq": _with_augseq,
    "keras": _with_keras,
    "scandir": _with_scandir,
}


def measure_indexing(name: str, job: Job, num_passes: int) -> dict[str, Any]:
    """Index once to import libraries and to fill the system's cache of names; then time passes.

    Returns:
        `num_images`, `wall_s`, `between_s`, `cpu_s` and `memory_mb`, as in `Throughput`.
    """
    index = INDEXERS[name]
    index(job.folder)
    cpu_before, start = cpu_seconds(), time.perf_counter()
    num_images = sum(index(job.folder) for _ in range(num_passes))
    return {
        "num_images": num_images,
        "wall_s": time.perf_counter() - start,
        "between_s": 0.0,
        "cpu_s": cpu_seconds() - cpu_before,
        "memory_mb": memory_mb(),
    }
