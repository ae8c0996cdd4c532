"""augseq with a mask for each image."""

from typing import Any

import augseq
from benchmarks import data
from benchmarks.contenders.augseq_sequence import epochs_of
from benchmarks.loading import transforms
from benchmarks.work import Epochs, Job

ONCE_PER_EPOCH = True


def make_sequence(job: Job, **options: Any) -> augseq.ImageSequence:
    """Make the sequence; `options` are those of `ImageSequence`."""
    masks = data.find_masks(job.folder)
    images = augseq.index_folder(job.folder, progress=False)
    images = images.with_column("mask", pattern=f"../{masks.name}/{{folder}}/{{stem}}.png")
    classes = [str(number) for number in range(data.NUM_MASK_CLASSES)]
    return augseq.ImageSequence(
        images,
        image_size=job.image_size,
        batch_size=job.batch_size,
        shuffle=True,
        augment=transforms(job),
        dtype=job.dtype,
        targets={"label": augseq.Label(), "mask": augseq.Mask("mask", classes=classes)},
        **options,
    )


def epochs(job: Job, **options: Any) -> Epochs:
    for epoch in epochs_of(make_sequence(job, **options)):
        yield ((images, targets["label"]) for images, targets in epoch)
