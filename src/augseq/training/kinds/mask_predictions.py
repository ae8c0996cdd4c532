"""The masks that a model predicts for images, as PNG files and a table."""

import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.inspection.mask_files import mask_names, write_mask
from augseq.pixels.cache.source import CachedSource
from augseq.terminal_text import first_few
from augseq.training.kinds.predictions import Predictions, write_table
from augseq.training.sequence import ImageSequence
from augseq.types import PathLike

_MOST_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MaskPredictions(Predictions):
    """Predicted masks of images, in the order in which the images were given.

    Attributes:
        paths: Path of each image; its position for images in an array.
        class_names: Names of the classes.
        masks: Class of each pixel, in the size that the model sees, shape
            (num_images, height, width), uint8, or uint16 for more than 255 classes.
        truth: The true classes, of the same shape, and the number of classes for ignored pixels;
            None if unknown.
        batches: The images.
    """

    # With `field`, since the property of `Predictions` would be taken for the default.
    paths: tuple[str, ...] = field()
    class_names: tuple[str, ...]
    masks: npt.NDArray[np.unsignedinteger[Any]]
    truth: npt.NDArray[np.unsignedinteger[Any]] | None = None
    batches: ImageSequence

    def __post_init__(self) -> None:
        if self.masks.ndim != 3 or len(self.masks) != len(self.paths):
            raise ArgumentError(
                "The model must return one number for each class of each pixel. Received: masks "
                f"of shape {self.masks.shape} for {len(self.paths)} images"
            )
        is_invalid = (self.masks >= len(self.class_names)).any(axis=(1, 2))
        if is_invalid.any():
            path = self.paths[int(is_invalid.argmax())]
            raise ArgumentError(
                "The model must return finite numbers; its weights may contain NaN, as after a "
                f"training that diverged. Received: NaN for {path!r}"
            )

    def count_pixels(self, place: int) -> npt.NDArray[np.int64]:
        """Return the pixels of an image by class, without ignored ones.

        Args:
            place: Position of the image.

        Returns:
            Counts, shape (num_classes, num_classes), int64: true class by row, predicted by column.

        Raises:
            ArgumentError: The true classes are unknown.
        """
        if self.truth is None:
            raise ArgumentError("The true masks are unknown, so nothing can be compared.")
        size = len(self.class_names)
        is_known = self.truth[place] < size
        codes = self.truth[place][is_known].astype(np.int64) * size + self.masks[place][is_known]
        return np.bincount(codes, minlength=size * size).reshape(size, size).astype(np.int64)

    @property
    def confusion(self) -> npt.NDArray[np.int64] | None:
        """Pixels of all images by class, as in `count_pixels`; None if unknown."""
        if self.truth is None or not len(self.truth):
            return None
        counts = [self.count_pixels(place) for place in range(len(self))]
        return np.asarray(np.sum(counts, axis=0), np.int64)

    @property
    def mean_iou(self) -> float | None:
        """Mean intersection over union of the classes that occur; None if unknown."""
        return None if self.confusion is None else mean_of(iou_of(self.confusion))

    @property
    def score(self) -> str | None:
        """The mean intersection over union as text; None if the truth is unknown."""
        return None if self.mean_iou is None else f"mean IoU {self.mean_iou:.3f}"

    @property
    def row_content(self) -> str:
        """What a row of the table contains, beside the path."""
        return "the name of its mask (PNG), whose values are the numbers of the classes"

    def columns(self, *, all_classes: bool = False) -> dict[str, Any]:
        """Return the columns of the table: the name of the mask.

        Args:
            all_classes: Whether to add a column with the share of the pixels of each class.
        """
        columns: dict[str, Any] = {"mask": mask_names(self.paths)}
        if all_classes:
            for name, values in zip(self.class_names, self._shares().T.round(6), strict=True):
                columns[f"{name} share" if name in ("path", "mask") else name] = values
        return columns

    def texts(self, start: int, end: int) -> list[str]:
        """Return the largest classes of the images from `start` to before `end`."""
        found = []
        for shares in self._shares(slice(start, end)):
            order = [k for k in np.argsort(-shares, kind="stable") if shares[k]]
            texts = [f"{self.class_names[k]} {shares[k]:.0%}" for k in order]
            found.append(first_few(texts, _MOST_SHOWN))
        return found

    def write_csv(self, file: PathLike | BinaryIO, *, all_classes: bool = False) -> None:
        """Write the masks as PNG files, and the table with their names as CSV.

        The masks are written into a folder beside the table, with its name without the extension,
        each in the size of its upright image.

        Args:
            file: Path of the table.
            all_classes: As in `columns`.

        Raises:
            ArgumentError: `file` is not a path.
        """
        if not isinstance(file, str | os.PathLike):
            raise ArgumentError(
                "Masks are written beside the table, so `file` must be a path (at the shell: "
                "-o FILE)."
            )
        folder = Path(file).with_suffix("")
        names = mask_names(self.paths)
        for name, mask, size in zip(names, self.masks, self._sizes(), strict=True):
            write_mask(folder / name, mask, self.class_names, size)
        table = self.table(all_classes=all_classes)
        places = [[f"{folder.name}/{name}" for name in names]]
        write_table(table.set_column(1, "mask", places), file)

    def _shares(self, shown: slice = slice(None)) -> npt.NDArray[np.float64]:
        """Return the share of the pixels of each class, shape (num_images, num_classes)."""
        size = len(self.class_names)
        count = partial(np.bincount, minlength=size)
        masks = self.masks[shown].reshape(len(self.masks[shown]), -1)
        return np.array([count(mask) / mask.size for mask in masks]).reshape(-1, size)

    def _sizes(self) -> list[tuple[int, int]]:
        """Return (height, width) of each upright image."""
        source: Any = self.batches.pipeline.source
        files = source.files if isinstance(source, CachedSource) else source
        sizes = []
        for record in self.batches.manifest:
            height, width, *_ = files.open(record).shape
            sizes.append((height, width))
        return sizes


def iou_of(confusion: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the intersection over union of each class; NaN if it does not occur.

    Args:
        confusion: Pixels by true class (row) and predicted class (column).
    """
    found = np.diag(confusion)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - found
    return np.where(union > 0, found / np.maximum(union, 1), np.nan)


def mean_of(iou: npt.NDArray[np.float64]) -> float:
    """Return the mean over the classes that occur; 0 if none does."""
    known = iou[~np.isnan(iou)]
    return float(known.mean()) if len(known) else 0.0
