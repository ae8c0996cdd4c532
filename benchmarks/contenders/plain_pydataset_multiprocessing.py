"""The PyDataset written by hand with `use_multiprocessing=True`: Keras' own pool of processes."""

from typing import Any

from benchmarks.contenders.plain_pydataset import ImageFolder, passes_through
from benchmarks.work import Epochs, Job

ONCE_PER_EPOCH = True


def make_dataset(job: Job) -> ImageFolder:
    return ImageFolder(job, workers=job.workers, use_multiprocessing=True)


def epochs(job: Job) -> Epochs:
    return passes_through(make_dataset(job))


def fit_arguments(job: Job) -> dict[str, Any]:
    return {"x": make_dataset(job), "shuffle": False}
