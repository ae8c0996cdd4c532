"""torch's DataLoader with persistent workers, OpenCV and albumentations."""

from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks import work
from benchmarks.opencv_loading import load_image
from benchmarks.work import Epochs, Job

ONCE_PER_EPOCH = True


class ImageFolder(Dataset[tuple[torch.Tensor, int]]):
    """Augmented images of a folder."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._paths, self._labels = work.list_files(job.folder)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = load_image(self._paths[index], self._job)
        return torch.from_numpy(image), int(self._labels[index])


def make_loader(job: Job) -> DataLoader[Any]:
    return DataLoader(
        ImageFolder(job),
        batch_size=job.batch_size,
        shuffle=True,
        num_workers=job.workers,
        persistent_workers=True,
        prefetch_factor=4,
    )


def epochs(job: Job) -> Epochs:
    loader = make_loader(job)
    while True:
        yield iter(loader)


def fit_arguments(job: Job) -> dict[str, Any]:
    return {"x": make_loader(job)}
