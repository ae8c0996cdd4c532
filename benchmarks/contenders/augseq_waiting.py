"""augseq with a decoder that waits instead of computing, to see how its workers scale.

On a machine with few cores, a wait that needs no core stands for the decoder of a machine with
many. The images, of the size of web photographs, are in memory; all other work is done.
"""

import time
from dataclasses import dataclass, replace

import numpy as np

import augseq
from augseq.manifest.record import Record
from augseq.pixels.decoded_image import OpenImage
from augseq.pixels.source import ArraySource
from benchmarks.contenders.augseq_sequence import epochs_of
from benchmarks.loading import transforms
from benchmarks.work import Epochs, Job

ONCE_PER_EPOCH = True

NUM_BATCHES = 40
HEIGHT, WIDTH, NUM_DIFFERENT = 375, 500, 16


@dataclass(frozen=True, slots=True)
class WaitingSource(ArraySource):
    """A few images in memory, each of which takes a while to open."""

    wait_ms: float = 0

    def open(self, record: Record) -> OpenImage:
        """Wait, then return one of the images."""
        time.sleep(self.wait_ms / 1e3)
        return ArraySource.open(self, replace(record, index=record.index % len(self.images)))


def epochs(job: Job, *, wait_ms: float, workers: int, worker_kind: str) -> Epochs:
    """Return epochs of `NUM_BATCHES` batches for each worker, with any number of cores."""
    num_images = job.batch_size * NUM_BATCHES
    blank = augseq.ImageSequence.from_arrays(
        np.zeros((num_images, 1, 1, 3), np.uint8),
        np.arange(num_images),
        image_size=job.image_size,
        batch_size=job.batch_size,
        shuffle=True,
        augment=transforms(job),
        dtype=job.dtype,
        workers=workers,
        worker_kind=worker_kind,
        # Enough for each worker to have its next batch.
        max_queue_size=2 * workers,
    )
    shape = (NUM_DIFFERENT, HEIGHT, WIDTH, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    pipeline = replace(blank._plan.pipeline, source=WaitingSource(images, wait_ms))
    return epochs_of(blank._with(replace(blank._plan, pipeline=pipeline)))
