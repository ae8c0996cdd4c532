"""The work done by OpenCV and albumentations, as several contenders do it."""

import threading
from typing import Any

import albumentations as A
import cv2
import numpy.typing as npt

from benchmarks import work
from benchmarks.work import Job


def transforms(job: Job) -> list[Any]:
    """Return the work as albumentations transforms."""
    return [
        A.RandomResizedCrop(job.image_size, scale=work.CROP_AREA, ratio=work.CROP_ASPECT),
        A.HorizontalFlip(p=work.FLIP_PROBABILITY),
        A.RandomBrightnessContrast(work.BRIGHTNESS, work.CONTRAST, p=1),
    ]


def load_image(path: str, job: Job) -> npt.NDArray[Any]:
    """Read, decode and augment one image.

    Returns:
        Shape (height, width, 3), RGB, dtype `job.dtype`, range 0 to 255.
    """
    image = cv2.imread(path, cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise ValueError(f"OpenCV cannot read {path!r}")
    varied: npt.NDArray[Any] = _compose_of_this_thread(job)(image=image)["image"]
    return varied.astype(job.dtype, copy=False)


_of_thread = threading.local()


def _compose_of_this_thread(job: Job) -> A.Compose:
    """Return a `Compose` that no other thread or process shares.

    A `Compose` keeps its random state and parameters as attributes. Threads that share one mix
    them up; processes that inherit one by a fork all draw the same numbers.
    """
    if getattr(_of_thread, "job", None) != job:
        _of_thread.compose = A.Compose(transforms(job))
        _of_thread.job = job
    return _of_thread.compose
