"""What a model predicts for images, as a table: what all kinds of targets share."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from augseq.errors import ArgumentError
from augseq.storage.atomic_file import atomic_write
from augseq.terminal_text import WIDTH, counted, num_columns, padded, shortened
from augseq.types import PathLike

_MOST_SHOWN = 8


class Predictions(Protocol):
    """What a model predicts for images, in the order in which the images were given.

    `ClassPredictions`, `NumberPredictions`, `TagPredictions` and `MaskPredictions` have the values
    as arrays.
    """

    @property
    def paths(self) -> tuple[str, ...]:
        """Path of each image; its position for images in an array."""
        ...

    @property
    def score(self) -> str | None:
        """How good they are, such as "accuracy 97.1%"; None if that is unknown."""
        ...

    @property
    def row_content(self) -> str:
        """What a row of the table contains, beside the path."""
        ...

    def columns(self, *, all_classes: bool = False) -> dict[str, Any]:
        """Return the columns of the table, after the paths.

        Args:
            all_classes: Whether to add a column for each class or tag, with its probability, or
                the share of its pixels.
        """
        ...

    def texts(self, start: int, end: int) -> list[str]:
        """Return what is predicted for the images from `start` to before `end`, as text."""
        ...

    def table(self, *, all_classes: bool = False) -> pa.Table:
        """Return one row per image: path, true value if known, prediction.

        Args:
            all_classes: Whether to add a column with the probability of each class or tag, under
                its name; "path probability" and so on for one that is named like another column.
        """
        columns = {"path": list(self.paths), **self.columns(all_classes=all_classes)}
        return pa.table({name: pa.array(values) for name, values in columns.items()})

    def write_csv(self, file: PathLike | BinaryIO, *, all_classes: bool = False) -> None:
        """Write the table as CSV.

        Args:
            file: Path of the file, which is replaced at once, so that an interrupted program
                leaves no partial file; or an open binary file.
            all_classes: As in `table`.
        """
        write_csv(self.table(all_classes=all_classes), file)

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        paths = [shortened(path, 50) for path in self.paths[:_MOST_SHOWN]]
        width = max(map(num_columns, paths), default=0)
        score = "" if self.score is None else f", {self.score}"
        title = f"Predictions for {counted(len(self), 'image')}{score}"
        shown = zip(paths, self.texts(0, len(paths)), strict=True)
        lines = [shortened(title, WIDTH)]
        lines += [f"  {padded(path, width)}  {shortened(text, 40)}" for path, text in shown]
        if len(self) > _MOST_SHOWN:
            lines += [f"  and {len(self) - _MOST_SHOWN:,} more"]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenPredictions:
    """A table of predictions that was written.

    Attributes:
        num_images: Number of its rows.
        row_content: What a row contains, beside the path.
        score: How good they are, such as "accuracy 97.1%"; None if that is unknown.
    """

    num_images: int
    row_content: str
    score: str | None


def write_csv(columns: pa.Table | Mapping[str, Any], file: PathLike | BinaryIO) -> None:
    """Write columns as CSV: to a path, atomically, or to an open binary file."""
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    if isinstance(file, str | os.PathLike):
        with atomic_write(file) as opened:
            pyarrow.csv.write_csv(table, opened)
    else:
        pyarrow.csv.write_csv(table, file)


def check_outputs(
    outputs: npt.NDArray[Any], paths: tuple[str, ...], names: tuple[str, ...], what: str
) -> None:
    """Raise `ArgumentError` unless a model returned one finite number for each name.

    Args:
        outputs: What it returned.
        paths: Path of each image.
        names: Names of the classes, tags or numbers.
        what: What the model must return for each, such as "probability for each class".
    """
    shape = (len(paths), len(names))
    if outputs.shape != shape:
        raise ArgumentError(
            f"The model must return one {what}. Received: shape {outputs.shape} for {shape[0]} "
            f"images and {shape[1]} of these"
        )
    is_finite = np.isfinite(outputs).all(axis=1)
    if not is_finite.all():
        path = paths[int(np.argmin(is_finite))]
        raise ArgumentError(
            "The model must return finite numbers; its weights may contain NaN, as after a "
            f"training that diverged. Received: NaN or infinity for {path!r}"
        )


def probability_columns(
    columns: dict[str, Any], names: tuple[Any, ...], probabilities: npt.NDArray[Any]
) -> dict[str, Any]:
    """Return columns with one for each class or tag, whose name must be a new one.

    Args:
        columns: The columns so far, after the paths.
        names: Names of the classes or tags.
        probabilities: Shape (num_images, num_classes).
    """
    found = {"path": None, **columns}
    for name, values in zip(map(str, names), probabilities.T.round(6), strict=True):
        found[f"{name} probability" if name in found else name] = values
    return {name: values for name, values in found.items() if name != "path"}
