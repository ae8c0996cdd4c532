"""Write predicted masks batch by batch: PNG files, and a table with their names."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.inspection.evaluation_figures.mask_files import mask_names, write_mask
from augseq.pixels.cache.source import CachedSource
from augseq.training.kinds.predictions import WrittenPredictions, write_csv
from augseq.training.sequence import ImageSequence

ROW_CONTENT = "name of the predicted mask, a PNG of class numbers"
"""What a row of the table contains, beside the path."""

Masks = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(slots=True, kw_only=True)
class MaskWriter:
    """Writes predicted masks into a folder, one batch after the other, and then their table.

    Attributes:
        file: Path of the table; the folder is beside it, with its name without the extension.
        paths: Path of each image.
        class_names: Names of the classes.
        batches: The images.
        all_classes: Whether the table has a column with the share of the pixels of each class.
    """

    file: Path
    paths: tuple[str, ...]
    class_names: tuple[str, ...]
    batches: ImageSequence
    all_classes: bool = False
    _names: list[str] = field(init=False)
    _shares: list[npt.NDArray[np.float64]] = field(init=False, default_factory=list)
    _confusion: npt.NDArray[np.int64] | None = field(init=False, default=None)
    _num_written: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._names = mask_names(self.paths)

    def add(self, masks: Masks, truth: Masks | None = None) -> None:
        """Write the masks of the next images, each in the size of its upright image.

        Args:
            masks: Class of each pixel, shape (num_images, height, width).
            truth: The true ones; None if unknown.

        Raises:
            ArgumentError: The model returned NaN.
        """
        start, self._num_written = self._num_written, self._num_written + len(masks)
        positions = range(start, self._num_written)
        check_masks(masks, self.paths[start : self._num_written], len(self.class_names))
        if truth is not None:
            counts = count_pixels(masks, truth, len(self.class_names))
            self._confusion = counts if self._confusion is None else self._confusion + counts
        source: Any = self.batches.pipeline.source
        files = source.files if isinstance(source, CachedSource) else source
        records = self.batches.manifest.records(positions)
        for place, record, mask in zip(positions, records, masks, strict=True):
            height, width, *_ = files.open(record).shape
            path = self.file.with_suffix("") / self._names[place]
            write_mask(path, mask, self.class_names, (height, width))
        if self.all_classes:
            self._shares.append(class_shares(masks, len(self.class_names)))

    def finish(self) -> WrittenPredictions:
        """Write the table."""
        folder = self.file.with_suffix("").name
        columns: dict[str, Any] = {
            "path": list(self.paths),
            "mask": [f"{folder}/{name}" for name in self._names],
        }
        if self.all_classes:
            columns |= share_columns(self.class_names, np.concatenate(self._shares))
        write_csv(columns, self.file)
        score = None if self._confusion is None else score_of(self._confusion)
        return WrittenPredictions(num_images=len(self.paths), row_content=ROW_CONTENT, score=score)


def check_masks(masks: Masks, paths: tuple[str, ...], num_classes: int) -> None:
    """Raise `ArgumentError` unless these are the classes of all pixels of images.

    Args:
        masks: Class of each pixel; `num_classes` where the outputs of the model are not finite.
        paths: Path of each image.
        num_classes: Number of classes.
    """
    if masks.ndim != 3 or len(masks) != len(paths):
        raise ArgumentError(
            "The model must return one number for each class of each pixel. Received: masks "
            f"of shape {masks.shape} for {len(paths)} images"
        )
    is_invalid = (masks >= num_classes).any(axis=(1, 2))
    if is_invalid.any():
        path = paths[int(is_invalid.argmax())]
        raise ArgumentError(
            "The model must return finite numbers; its weights may contain NaN, as after a "
            f"training that diverged. Received: NaN for {path!r}"
        )


def count_pixels(masks: Masks, truth: Masks, num_classes: int) -> npt.NDArray[np.int64]:
    """Count pixels by true class (row) and predicted class (column), without ignored ones.

    Args:
        masks: Predicted class of each pixel.
        truth: True class of each pixel, of the same shape; `num_classes` for ignored pixels.
        num_classes: Number of classes.

    Returns:
        Counts, shape (num_classes, num_classes), int64.
    """
    is_known = truth < num_classes
    codes = truth[is_known].astype(np.int64) * num_classes + masks[is_known]
    counts = np.bincount(codes, minlength=num_classes * num_classes)
    return counts.reshape(num_classes, num_classes).astype(np.int64)


def class_shares(masks: Masks, num_classes: int) -> npt.NDArray[np.float64]:
    """Return the share of the pixels of each class, shape (num_images, num_classes)."""
    count = partial(np.bincount, minlength=num_classes)
    rows = [count(mask.ravel()) / mask.size for mask in masks]
    return np.array(rows).reshape(-1, num_classes)


def share_columns(
    class_names: tuple[str, ...], shares: npt.NDArray[np.float64]
) -> dict[str, npt.NDArray[np.float64]]:
    """Return a column for each class, whose name must be a new one."""
    return {
        f"{name} share" if name in ("path", "mask") else name: values
        for name, values in zip(class_names, shares.T.round(6), strict=True)
    }


def iou_of(confusion: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the intersection over union of each class; NaN if it does not occur.

    Args:
        confusion: Pixels by true class (row) and predicted class (column).
    """
    found = np.diag(confusion)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - found
    return np.where(union > 0, found / np.maximum(union, 1), np.nan)


def score_of(confusion: npt.NDArray[np.int64]) -> str:
    """Return the mean intersection over union as text."""
    return f"mean IoU {mean_of(iou_of(confusion)):.3f}"


def mean_of(iou: npt.NDArray[np.float64]) -> float:
    """Return the mean over the classes that occur; 0 if none does."""
    known = iou[~np.isnan(iou)]
    return float(known.mean()) if len(known) else 0.0
