"""Plans of images in memory, and what they must give."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from augseq.augment.augmentation_list import make_augmentation_list
from augseq.indexing.folder import index_folder
from augseq.loading.batch import Batch, load_batch
from augseq.loading.pipeline import Pipeline
from augseq.loading.plan import BatchPlan
from augseq.loading.targets.array_row import ArrayRowTarget
from augseq.manifest.manifest import make_manifest
from augseq.pixels.cache.image_cache import ImageCache
from augseq.pixels.cache.source import make_source
from augseq.pixels.options import DecodeOptions, ResizeOptions
from augseq.pixels.source import ArraySource
from augseq.sampling.order import EachOnce
from augseq.sampling.schedule import Schedule, Step

NUM_BATCHES = 10
# The start method of tests for which it does not matter; `conftest` makes it the quickest one.
QUICK = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def numbered_images(num_images: int = 40, size: int = 8) -> np.ndarray:
    """Return images that are full of their number."""
    images = np.zeros((num_images, size, size, 3), np.uint8)
    images[:] = np.arange(num_images)[:, np.newaxis, np.newaxis, np.newaxis] % 256
    return images


def array_plan(
    augment: list[Any] | None = None,
    images: np.ndarray | None = None,
    *,
    shuffle: bool = False,
    **options: Any,
) -> BatchPlan:
    """Return a plan of images in memory, 10 batches of 4, in order."""
    images = numbered_images() if images is None else images
    paths = [f"x[{k}]" for k in range(len(images))]
    settings = {"batch_size": 4, "drop_remainder": False, "seed": 3, **options}
    return BatchPlan(
        manifest=make_manifest("", (), paths=paths, targets=None),
        schedule=Schedule(order=EachOnce(len(images), shuffle=shuffle), **settings),
        pipeline=Pipeline(
            source=ArraySource(images),
            augment=make_augmentation_list(augment),
            resize=None,
            dtype="uint8",
            targets={"number": ArrayRowTarget(np.arange(len(images)))},
        ),
    )


def cached_plan(folder: str) -> BatchPlan:
    """Return a plan of the images of a folder with a cache in memory, in batches of 40."""
    images = index_folder(folder, progress=False)
    cache = ImageCache(folder="memory")
    return BatchPlan(
        manifest=images,
        schedule=Schedule(
            order=EachOnce(len(images), shuffle=False), batch_size=40, drop_remainder=False, seed=3
        ),
        pipeline=Pipeline(
            source=make_source(images.root, DecodeOptions(), cache, scaled_decode=False),
            augment=make_augmentation_list(None),
            resize=ResizeOptions(image_size=(8, 8)),
            dtype="uint8",
        ),
    )


def bits(batch: Batch) -> tuple[bytes, list[int], list[Any]]:
    """Return all that a batch holds, to compare."""
    return batch.images.tobytes(), batch.y.tolist(), batch.records


def at(number: int) -> Step:
    """Return the step of a number that counts on through epochs of `NUM_BATCHES`."""
    return Step(*divmod(number, NUM_BATCHES))


def loaded(plan: BatchPlan, number: int) -> Batch:
    """Load the batch of the step of such a number, in this thread."""
    return load_batch(plan, at(number))


def wait_until(condition: Callable[[], Any], limit_s: float = 10) -> bool:
    """Tell whether a condition comes true in time."""
    deadline, pause = time.monotonic() + limit_s, threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.01)
    return True


@contextmanager
def no_more_open_files() -> Iterator[None]:
    """Let the system refuse to open anything but the one file that comes before a pipe."""
    # Not above, since programs that import this module need no pytest.
    import pytest

    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + 1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
