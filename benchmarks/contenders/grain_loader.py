"""Grain: an endless shuffled MapDataset with albumentations.

Batched in worker processes; or as it comes, in the threads of one process.
"""

from itertools import islice, repeat
from typing import Any

import grain
import numpy as np
from absl import flags

from benchmarks import work
from benchmarks.loading import Decoder, load_image
from benchmarks.work import Epochs, Job

ONCE_PER_EPOCH = False

# Grain reads absl's flags, also in its worker processes, where `absl.app.run` has not parsed them.
flags.FLAGS.mark_as_parsed()


class LoadImage(grain.transforms.Map):
    """Loads and augments the image of (path, label)."""

    def __init__(self, job: Job, decoder: Decoder) -> None:
        self._job = job
        self._decoder = decoder

    def map(self, element: tuple[str, np.int32]) -> tuple[Any, np.int32]:
        """Return (image, label)."""
        path, label = element
        return load_image(path, self._job, self._decoder), label


def make_dataset(
    job: Job, decoder: Decoder, as_it_comes: bool = False
) -> tuple[grain.IterDataset, int]:
    """Return an endless data set and the number of batches in an epoch."""
    paths, labels = work.list_files(job.folder)
    images = (
        grain.MapDataset.source(list(zip(paths, labels, strict=True)))
        .seed(0)
        .shuffle()
        .repeat()
        .map(LoadImage(job, decoder))
    )
    if as_it_comes:
        dataset = images.to_iter_dataset().batch(job.batch_size)
    else:
        # One reader per process: more would contend for its interpreter lock.
        readers = grain.ReadOptions(num_threads=1, prefetch_buffer_size=job.batch_size)
        dataset = (
            images.to_iter_dataset(readers)
            .batch(job.batch_size)
            .mp_prefetch(grain.MultiprocessingOptions(num_workers=job.workers))
        )
    return dataset, work.num_batches(len(paths), job)


def epochs(job: Job, decoder: Decoder = "opencv", as_it_comes: bool = False) -> Epochs:
    dataset, num_batches = make_dataset(job, decoder, as_it_comes)
    for batches in repeat(iter(dataset)):
        yield islice(batches, num_batches)


def fit_arguments(job: Job, decoder: Decoder = "opencv") -> dict[str, Any]:
    dataset, num_batches = make_dataset(job, decoder)
    return {"x": dataset, "steps_per_epoch": num_batches}
