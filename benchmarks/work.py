"""The work of every contender."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

# (images, labels): numpy arrays, or the tensors that the contender normally returns.
Batch = tuple[Any, Any]
Epochs = Iterator[Iterator[Batch]]

CROP_AREA = (0.08, 1.0)
CROP_ASPECT = (3 / 4, 4 / 3)
FLIP_PROBABILITY = 0.5
# pixel * (1 + c) + 255 * b, with b and c uniform between minus and plus this.
BRIGHTNESS = 0.2
CONTRAST = 0.2
# Of red, green and blue in ImageNet, in units of 255.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


class UnavailableError(Exception):
    """A contender lacks a library or option: it is skipped with this message as the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The task of a contender.

    Attributes:
        folder: Folder with one sub-folder of images per class.
        image_size: (height, width) of the images in a batch, in pixels.
        batch_size: Images in a batch; the last one of an epoch may be smaller.
        workers: Number of worker threads or processes.
        dtype: Dtype of the images in a batch. "uint8": 0 to 255. "float32": normalised, pixel / 255
            minus `MEAN`, divided by `STD`.
        warm_up_s: Minimum seconds of the passes before the timed ones, in which augseq's workers
            move from threads to processes, and tf.data tunes itself.
    """

    folder: Path
    image_size: tuple[int, int] = (224, 224)
    batch_size: int = 64
    workers: int = 2
    dtype: Literal["uint8", "float32"] = "uint8"
    warm_up_s: float = 5


def list_files(folder: Path) -> tuple[list[str], npt.NDArray[np.int32]]:
    """Return the paths of all images, and their labels, numbered by class folder."""
    classes = sorted(entry.path for entry in os.scandir(folder) if entry.is_dir())
    found = [
        (path, label)
        for label, class_dir in enumerate(classes)
        for path in sorted(entry.path for entry in os.scandir(class_dir))
        if path.lower().endswith(IMAGE_SUFFIXES)
    ]
    return [path for path, _ in found], np.array([label for _, label in found], np.int32)


def num_batches(num_images: int, job: Job) -> int:
    return -(-num_images // job.batch_size)
