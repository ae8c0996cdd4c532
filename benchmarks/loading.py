"""The work with OpenCV or Pillow and albumentations, shared by several contenders."""

import threading
from typing import Any, Literal

import albumentations as A
import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks import work
from benchmarks.work import Job

Decoder = Literal["opencv", "pillow"]


def transforms(job: Job) -> list[Any]:
    """Return the work as albumentations transforms."""
    varied = [
        A.RandomResizedCrop(job.image_size, scale=work.CROP_AREA, ratio=work.CROP_ASPECT),
        A.HorizontalFlip(p=work.FLIP_PROBABILITY),
        A.RandomBrightnessContrast(work.BRIGHTNESS, work.CONTRAST, p=1),
    ]
    return varied if job.dtype == "uint8" else [*varied, A.Normalize(work.MEAN, work.STD)]


def load_image(path: str, job: Job, decoder: Decoder = "opencv") -> npt.NDArray[Any]:
    """Read, decode and augment one image.

    Returns:
        Shape (height, width, 3), RGB; dtype and range as in `Job.dtype`.
    """
    image = _read_with_opencv(path) if decoder == "opencv" else _read_with_pillow(path)
    varied: npt.NDArray[Any] = _compose_of_this_thread(job)(image=image)["image"]
    return varied


def load_image_and_mask(
    path: str, mask: npt.NDArray[Any], job: Job
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Read an image with OpenCV, and augment it with its mask.

    Returns:
        The image, as `load_image`; and the mask, shape (height, width).
    """
    varied = _compose_of_this_thread(job)(image=_read_with_opencv(path), mask=mask)
    return varied["image"], varied["mask"]


def _read_with_opencv(path: str) -> npt.NDArray[np.uint8]:
    image = cv2.imread(path, cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise ValueError(f"OpenCV cannot read {path!r}")
    return image


def _read_with_pillow(path: str) -> npt.NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


_of_thread = threading.local()


def _compose_of_this_thread(job: Job) -> A.Compose:
    """Return a `Compose` that no other thread or process uses.

    A `Compose` stores its random state and parameters as attributes. Threads that share one
    overwrite them; forked processes that inherit one all draw the same numbers.
    """
    if getattr(_of_thread, "job", None) != job:
        _of_thread.compose = A.Compose(transforms(job))
        _of_thread.job = job
    return _of_thread.compose
