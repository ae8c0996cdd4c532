"""NVIDIA DALI on the CPU: fused decoder and crop, its own threads, an endless stream."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from nvidia.dali import fn, pipeline_def, types

from benchmarks import work
from benchmarks.work import Batch, Epochs, Job

ONCE_PER_EPOCH = False


@pipeline_def(device_id=None)
def _images_and_labels(job: Job, paths: list[str], labels: list[int]) -> Any:
    contents, targets = fn.readers.file(files=paths, labels=labels, shuffle_after_epoch=True)
    images = fn.decoders.image_random_crop(
        contents,
        device="cpu",
        output_type=types.RGB,
        random_area=work.CROP_AREA,
        random_aspect_ratio=work.CROP_ASPECT,
    )
    # Bilinear without antialiasing, the default of OpenCV and TensorFlow.
    images = fn.resize(
        images, size=job.image_size, interp_type=types.INTERP_LINEAR, antialias=False
    )
    images = fn.brightness_contrast(
        images,
        brightness_shift=fn.random.uniform(range=(-work.BRIGHTNESS, work.BRIGHTNESS)),
        contrast=fn.random.uniform(range=(1 - work.CONTRAST, 1 + work.CONTRAST)),
        contrast_center=0.0,
    )
    flipped = fn.random.coin_flip(probability=work.FLIP_PROBABILITY)
    if job.dtype == "uint8":
        return fn.flip(images, horizontal=flipped), targets
    mean, std = 255 * np.array(work.MEAN), 255 * np.array(work.STD)
    images = fn.crop_mirror_normalize(
        images, mirror=flipped, mean=mean.tolist(), std=std.tolist(), output_layout="HWC"
    )
    return images, targets


def epochs(job: Job) -> Epochs:
    paths, labels = work.list_files(job.folder)
    pipeline = _images_and_labels(
        job, paths, labels.tolist(), batch_size=job.batch_size, num_threads=job.workers
    )
    pipeline.build()
    batches = _stream(pipeline)
    while True:
        yield islice(batches, work.num_batches(len(paths), job))


def _stream(pipeline: Any) -> Iterator[Batch]:
    while True:
        images, labels = pipeline.run()
        # A copy, since DALI reuses the memory of a batch.
        yield np.array(images.as_tensor()), np.array(labels.as_tensor())[:, 0]
