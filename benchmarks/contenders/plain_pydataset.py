"""A hand-written PyDataset: OpenCV, albumentations, Keras' own queue.

Its workers are threads, or with `use_multiprocessing` a process pool, restarted in each epoch.
As it comes, it has one thread.
Outside `fit`, batches come from `OrderedEnqueuer`, the queue that `fit` itself uses.
"""

from itertools import islice
from typing import Any

import keras
import numpy as np
from keras.src.trainers.data_adapters.py_dataset_adapter import OrderedEnqueuer

from benchmarks import work
from benchmarks.loading import load_image
from benchmarks.work import Batch, Epochs, Job

ONCE_PER_EPOCH = True


class ImageFolder(keras.utils.PyDataset):
    """Shuffled, augmented batches of an image folder."""

    def __init__(self, job: Job, **options: Any) -> None:
        super().__init__(**options)
        self._job = job
        self._paths, self._labels = work.list_files(job.folder)
        self._rng = np.random.default_rng()
        self.on_epoch_end()

    def __len__(self) -> int:
        return work.num_batches(len(self._paths), self._job)

    def __getitem__(self, index: int) -> Batch:
        start = index * self._job.batch_size
        chosen = self._order[start : start + self._job.batch_size]
        images = np.empty((len(chosen), *self._job.image_size, 3), self._job.dtype)
        for image, k in zip(images, chosen, strict=True):
            image[:] = load_image(self._paths[k], self._job)
        return images, self._labels[chosen]

    def on_epoch_end(self) -> None:
        """Reshuffle the images."""
        self._order = self._rng.permutation(len(self._paths))


def make_dataset(
    job: Job, use_multiprocessing: bool = False, as_it_comes: bool = False
) -> ImageFolder:
    if as_it_comes:
        return ImageFolder(job)
    return ImageFolder(job, workers=job.workers, use_multiprocessing=use_multiprocessing)


def epochs(job: Job, *, use_multiprocessing: bool = False, as_it_comes: bool = False) -> Epochs:
    dataset = make_dataset(job, use_multiprocessing, as_it_comes)
    while True:
        yield _one_pass(dataset)


def _one_pass(dataset: ImageFolder) -> Any:
    queue = OrderedEnqueuer(dataset, dataset.workers, dataset.use_multiprocessing)
    queue.start()
    yield from islice(queue.get(), len(dataset))
    queue.stop()
    dataset.on_epoch_end()


def fit_arguments(job: Job, *, use_multiprocessing: bool = False) -> dict[str, Any]:
    return {"x": make_dataset(job, use_multiprocessing), "shuffle": False}
