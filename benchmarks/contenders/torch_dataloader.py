"""torch's DataLoader with albumentations: with persistent workers, or as it comes, without."""

from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, RandomSampler

from benchmarks import work
from benchmarks.loading import Decoder, load_image
from benchmarks.work import Epochs, Job

ONCE_PER_EPOCH = True


class ImageFolder(Dataset[tuple[torch.Tensor, int]]):
    """Augmented images of a folder."""

    def __init__(self, job: Job, decoder: Decoder) -> None:
        self._job = job
        self._decoder = decoder
        self._paths, self._labels = work.list_files(job.folder)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = load_image(self._paths[index], self._job, self._decoder)
        return torch.from_numpy(image), int(self._labels[index])


def make_loader(
    job: Job, decoder: Decoder, num_passes: int = 1, prefetch_factor: int = 4
) -> DataLoader[Any]:
    """Make the loader; one of its epochs has `num_passes` passes, each reshuffled."""
    images = ImageFolder(job, decoder)
    return DataLoader(
        images,
        batch_size=job.batch_size,
        sampler=RandomSampler(images, num_samples=num_passes * len(images)),
        num_workers=job.workers,
        persistent_workers=True,
        prefetch_factor=prefetch_factor,
    )


def epochs(job: Job, decoder: Decoder = "opencv", as_it_comes: bool = False) -> Epochs:
    if as_it_comes:
        images = ImageFolder(job, decoder)
        loader = DataLoader(images, batch_size=job.batch_size, shuffle=True)
    else:
        loader = make_loader(job, decoder)
    while True:
        yield iter(loader)


def fit_arguments(job: Job, decoder: Decoder = "opencv") -> dict[str, Any]:
    return {"x": make_loader(job, decoder)}
