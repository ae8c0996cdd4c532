"""What a classifier predicts for images, as a table."""

import os
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from augseq.errors import ArgumentError
from augseq.storage.atomic_file import atomic_write
from augseq.terminal_text import num_columns, padded, shortened
from augseq.types import PathLike

_MOST_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Class probabilities of images, in the order in which the images were given.

    Attributes:
        paths: Path of each image; its position for images in an array.
        class_names: Names of the classes.
        probabilities: Shape (num_images, num_classes), float32, 0 to 1.
        labels: True class of each image, as its number; None if unknown.
    """

    paths: tuple[str, ...]
    class_names: tuple[str, ...]
    probabilities: npt.NDArray[np.float32] = field(repr=False)
    labels: npt.NDArray[np.integer[Any]] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        shape = (len(self.paths), len(self.class_names))
        if self.probabilities.shape != shape:
            raise ArgumentError(
                "The model must return one probability for each class. Received: shape "
                f"{self.probabilities.shape} for {shape[0]} images and {shape[1]} classes"
            )
        is_finite = np.isfinite(self.probabilities).all(axis=1)
        if not is_finite.all():
            path = self.paths[int(np.argmin(is_finite))]
            raise ArgumentError(
                "The model must return finite probabilities; its weights may contain NaN, as after "
                f"a training that diverged. Received: NaN or infinity for {path!r}"
            )

    @property
    def numbers(self) -> npt.NDArray[np.integer[Any]]:
        """Number of the most probable class of each image, shape (num_images,)."""
        found: npt.NDArray[np.integer[Any]] = self.probabilities.argmax(axis=1)
        return found

    @property
    def names(self) -> list[str]:
        """Name of the most probable class of each image."""
        return [self.class_names[number] for number in self.numbers]

    @property
    def accuracy(self) -> float | None:
        """Fraction of images that are classified correctly; None without labels."""
        if self.labels is None or not len(self.labels):
            return None
        return float((self.labels == self.numbers).mean())

    def table(self, *, all_classes: bool = False) -> pa.Table:
        """Return one row per image: path, label if known, prediction, probability.

        Args:
            all_classes: Whether to add a column with the probability of each class, under its
                name; "path probability" and so on for a class that is named like another column.
        """
        names = np.array(self.class_names, dtype=object)
        columns: dict[str, Any] = {"path": list(self.paths)}
        if self.labels is not None:
            columns["label"] = names[self.labels]
        columns["prediction"] = names[self.numbers]
        columns["probability"] = self.probabilities.max(axis=1, initial=0).round(4)
        if all_classes:
            for name, values in zip(self.class_names, self.probabilities.T.round(6), strict=True):
                columns[f"{name} probability" if name in columns else name] = values
        return pa.table({name: pa.array(values) for name, values in columns.items()})

    def write_csv(self, file: PathLike | BinaryIO, *, all_classes: bool = False) -> None:
        """Write the table as CSV.

        Args:
            file: Path of the file, which is replaced at once, so that an interrupted program
                leaves no partial file; or an open binary file.
            all_classes: As in `table`.
        """
        table = self.table(all_classes=all_classes)
        if isinstance(file, str | os.PathLike):
            with atomic_write(file) as opened:
                pyarrow.csv.write_csv(table, opened)
        else:
            pyarrow.csv.write_csv(table, file)

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        shown = slice(_MOST_SHOWN)
        paths = [shortened(path, 50) for path in self.paths[shown]]
        width = max(map(num_columns, paths), default=0)
        highest = self.probabilities[shown].max(axis=1, initial=0)
        right = "" if self.accuracy is None else f", {self.accuracy:.1%} right"
        lines = [f"Predictions for {len(self):,} image{'s' * (len(self) != 1)}{right}"]
        lines += [
            f"  {padded(path, width)}  {shortened(name, 30)} ({probability:.0%})"
            for path, name, probability in zip(paths, self.names[shown], highest, strict=True)
        ]
        if len(self) > _MOST_SHOWN:
            lines += [f"  and {len(self) - _MOST_SHOWN:,} more"]
        return "\n".join(lines)
