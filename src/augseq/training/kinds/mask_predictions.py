"""The masks that a model predicts for images, as PNG files and a table."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.inspection.evaluation_figures.mask_files import mask_names
from augseq.terminal_text import first_few
from augseq.training.kinds.mask_writer import (
    ROW_CONTENT,
    MaskWriter,
    check_masks,
    class_shares,
    count_pixels,
    iou_of,
    mean_of,
    score_of,
    share_columns,
)
from augseq.training.kinds.predictions import Predictions
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
        check_masks(self.masks, self.paths, len(self.class_names))

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
        return count_pixels(self.masks[place], self.truth[place], len(self.class_names))

    @property
    def confusion(self) -> npt.NDArray[np.int64] | None:
        """Pixels of all images by class, as in `count_pixels`; None if unknown."""
        if self.truth is None or not len(self.truth):
            return None
        # Image by image, since the codes of all pixels would take eight times the memory.
        counts = [self.count_pixels(place) for place in range(len(self))]
        return np.asarray(np.sum(counts, axis=0), np.int64)

    @property
    def mean_iou(self) -> float | None:
        """Mean intersection over union of the classes that occur; None if unknown."""
        return None if self.confusion is None else mean_of(iou_of(self.confusion))

    @property
    def score(self) -> str | None:
        """The mean intersection over union as text; None if the truth is unknown."""
        return None if self.confusion is None else score_of(self.confusion)

    @property
    def row_content(self) -> str:
        """What a row of the table contains, beside the path."""
        return ROW_CONTENT

    def columns(self, *, all_classes: bool = False) -> dict[str, Any]:
        """Return the columns of the table: the name of the mask.

        Args:
            all_classes: Whether to add a column with the share of the pixels of each class.
        """
        columns: dict[str, Any] = {"mask": mask_names(self.paths)}
        if all_classes:
            columns |= share_columns(self.class_names, self._shares(slice(None)))
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
                "Masks are written beside the table, so `file` must be a path. "
                f"Received: {type(file).__name__}"
            )
        writer = MaskWriter(
            file=Path(file),
            paths=self.paths,
            class_names=self.class_names,
            batches=self.batches,
            all_classes=all_classes,
        )
        writer.add(self.masks)
        writer.finish()

    def _shares(self, shown: slice) -> npt.NDArray[np.float64]:
        return class_shares(self.masks[shown], len(self.class_names))
