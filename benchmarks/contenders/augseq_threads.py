"""augseq as its README shows it: `ImageSequence` with one thread for each core."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import augseq
from benchmarks.opencv_loading import transforms
from benchmarks.work import Batch, Epochs, Job

ONCE_PER_EPOCH = True


def make_sequence(job: Job) -> augseq.ImageSequence:
    return augseq.ImageSequence(
        augseq.index_folder(job.folder, progress=False),
        image_size=job.image_size,
        batch_size=job.batch_size,
        shuffle=True,
        augment=transforms(job),
        dtype=job.dtype,
        workers=job.workers,
    )


def epochs(job: Job) -> Epochs:
    sequence = make_sequence(job)
    for epoch in count():
        sequence.set_epoch(epoch)
        yield _one_pass(sequence)


def _one_pass(sequence: augseq.ImageSequence) -> Iterator[Batch]:
    sequence.on_epoch_begin()
    yield from sequence
    sequence.on_epoch_end()


def fit_arguments(job: Job) -> dict[str, Any]:
    sequence = make_sequence(job)
    return {"x": sequence, "shuffle": False, "callbacks": [augseq.EpochSync(sequence)]}
