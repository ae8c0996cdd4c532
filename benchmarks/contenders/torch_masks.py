"""torch's DataLoader with albumentations, OpenCV and a mask for each image."""

from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks import data, work
from benchmarks.loading import load_image_and_mask
from benchmarks.work import Epochs, Job

ONCE_PER_EPOCH = True


class ImagesAndMasks(Dataset[tuple[torch.Tensor, int, torch.Tensor]]):
    """Augmented images of a folder, with their masks."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._paths, self._labels = work.list_files(job.folder)
        folder = data.find_masks(job.folder)
        self._masks = [str(data.mask_path(folder, path)) for path in self._paths]

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int, torch.Tensor]:
        mask = cv2.imread(self._masks[index], cv2.IMREAD_UNCHANGED)
        image, mask = load_image_and_mask(self._paths[index], mask, self._job)
        # As augseq's masks are.
        whole = torch.from_numpy(mask.astype(np.int32))
        return torch.from_numpy(image), int(self._labels[index]), whole


def epochs(job: Job, **options: Any) -> Epochs:
    loader: DataLoader[Any] = DataLoader(
        ImagesAndMasks(job),
        batch_size=job.batch_size,
        shuffle=True,
        num_workers=job.workers,
        persistent_workers=True,
        prefetch_factor=4,
        **options,
    )
    while True:
        yield ((images, labels) for images, labels, _ in loader)
