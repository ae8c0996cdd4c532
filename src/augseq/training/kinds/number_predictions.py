"""The numbers that a model predicts for images, as a table."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.loading.targets.view import numbers_text
from augseq.training.kinds.predictions import Predictions, check_outputs


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NumberPredictions(Predictions):
    """Predicted numbers of images, in the order in which the images were given.

    Attributes:
        paths: Path of each image; its position for images in an array.
        names: Name of each number, as that of its column.
        values: The predicted numbers, shape (num_images, num_numbers), float32.
        truth: The true numbers, of the same shape; None if unknown.
    """

    # With `field`, since the property of `Predictions` would be taken for the default.
    paths: tuple[str, ...] = field()
    names: tuple[str, ...]
    values: npt.NDArray[np.float32]
    truth: npt.NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        check_outputs(self.values, self.paths, self.names, "number for each column")

    @property
    def mean_errors(self) -> tuple[float, ...] | None:
        """Mean absolute error of each number; None if the true ones are unknown."""
        if self.truth is None or not len(self.truth):
            return None
        return tuple(np.abs(self.values - self.truth).mean(axis=0, dtype=np.float64).tolist())

    @property
    def score(self) -> str | None:
        """The mean absolute error of each number as text; None if unknown."""
        if self.mean_errors is None:
            return None
        errors = numbers_text(np.array([float(f"{e:.4g}") for e in self.mean_errors]), self.names)
        return f"mean absolute error {errors}"

    @property
    def row_content(self) -> str:
        """What a row of the table contains, beside the path."""
        known = "" if self.truth is None else "true and "
        return f"{known}predicted number{'s' * (len(self.names) > 1)}"

    def columns(self, *, all_classes: bool = False) -> dict[str, Any]:
        """Return the columns of the table: "true NAME", if known, and NAME.

        Args:
            all_classes: Not used.
        """
        columns: dict[str, Any] = {}
        for place, name in enumerate(self.names):
            if self.truth is not None:
                columns[f"true {name}"] = self.truth[:, place]
            # A column of the user's own can be named like that of the paths.
            columns[f"predicted {name}" if name == "path" else name] = self.values[:, place]
        return columns

    def texts(self, start: int, end: int) -> list[str]:
        """Return the numbers of the images from `start` to before `end`."""
        return [numbers_text(row, self.names) for row in self.values[start:end]]
