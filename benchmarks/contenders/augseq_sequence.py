"""augseq as it comes: `ImageSequence` with its default workers."""

import importlib.util
import inspect
import tempfile
from collections.abc import Iterator
from itertools import count
from typing import Any

import augseq
from benchmarks.loading import transforms
from benchmarks.work import Batch, Epochs, Job, UnavailableError

ONCE_PER_EPOCH = True


def make_sequence(job: Job, **options: Any) -> augseq.ImageSequence:
    """Make the sequence; `options` are those of `ImageSequence`.

    By default it uses as many workers as this process may use cores, which are `job.workers`.

    `cache="folder"` caches in a new folder; `shorter_side_px` limits the size of cached images.

    Raises:
        UnavailableError: This version of augseq lacks an option, or Ray is not installed.
    """
    side = options.pop("shorter_side_px", None)
    known = inspect.signature(augseq.ImageSequence).parameters
    for name in options.keys() - known.keys():
        raise UnavailableError(f"augseq {augseq.__version__} has no option {name!r}")
    if options.get("worker_kind") == "ray":
        if importlib.util.find_spec("ray") is None:
            raise UnavailableError("Ray is not installed")
        options["workers"] = job.workers
    if options.get("cache") == "folder":
        options["cache"] = augseq.ImageCache(folder=tempfile.mkdtemp(), shorter_side_px=side)
    return augseq.ImageSequence(
        augseq.index_folder(job.folder, progress=False),
        image_size=job.image_size,
        batch_size=job.batch_size,
        shuffle=True,
        augment=transforms(job),
        dtype=job.dtype,
        **options,
    )


def epochs(job: Job, **options: Any) -> Epochs:
    return epochs_of(make_sequence(job, **options))


def epochs_of(sequence: augseq.ImageSequence) -> Epochs:
    """Yield one pass over a sequence after the other, each of the next epoch."""
    for epoch in count():
        sequence.set_epoch(epoch)
        yield _one_pass(sequence)


def _one_pass(sequence: augseq.ImageSequence) -> Iterator[Batch]:
    sequence.on_epoch_begin()
    yield from sequence
    sequence.on_epoch_end()


def fit_arguments(job: Job, **options: Any) -> dict[str, Any]:
    sequence = make_sequence(job, **options)
    return {"x": sequence, "shuffle": False, "callbacks": [augseq.EpochSync(sequence)]}
