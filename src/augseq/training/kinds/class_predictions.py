"""What a classifier predicts for images, as a table."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.terminal_text import shortened
from augseq.training.kinds.predictions import Predictions, check_outputs, probability_columns


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ClassPredictions(Predictions):
    """Class probabilities of images, in the order in which the images were given.

    Attributes:
        paths: Path of each image; its position for images in an array.
        class_names: Names of the classes.
        probabilities: Shape (num_images, num_classes), float32, 0 to 1.
        labels: True class of each image, as its number; None if unknown.
    """

    # With `field`, since the property of `Predictions` would be taken for the default.
    paths: tuple[str, ...] = field()
    class_names: tuple[str, ...]
    probabilities: npt.NDArray[np.float32]
    labels: npt.NDArray[np.integer[Any]] | None = None

    def __post_init__(self) -> None:
        names = self.class_names
        check_outputs(self.probabilities, self.paths, names, "probability for each class")

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

    @property
    def score(self) -> str | None:
        """The accuracy as text; None without labels."""
        return None if self.accuracy is None else f"accuracy {self.accuracy:.1%}"

    @property
    def row_content(self) -> str:
        """What a row of the table contains, beside the path."""
        known = "" if self.labels is None else "true class, "
        return f"{known}predicted class, probability of that class"

    def columns(self, *, all_classes: bool = False) -> dict[str, Any]:
        """Return the columns of the table: label if known, prediction, probability.

        Args:
            all_classes: Whether to add a column with the probability of each class.
        """
        names = np.array(self.class_names, dtype=object)
        columns: dict[str, Any] = {} if self.labels is None else {"label": names[self.labels]}
        columns["prediction"] = names[self.numbers]
        columns["probability"] = self.probabilities.max(axis=1, initial=0).round(4)
        if not all_classes:
            return columns
        return probability_columns(columns, self.class_names, self.probabilities)

    def texts(self, start: int, end: int) -> list[str]:
        """Return the classes of the images from `start` to before `end`."""
        shown = slice(start, end)
        highest = self.probabilities[shown].max(axis=1, initial=0)
        return [
            f"{shortened(name, 30)} ({probability:.0%})"
            for name, probability in zip(self.names[shown], highest, strict=True)
        ]
