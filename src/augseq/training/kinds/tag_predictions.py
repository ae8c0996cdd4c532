"""The tags that a model predicts for images, as a table."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.terminal_text import first_few
from augseq.training.kinds.predictions import Predictions, check_outputs, probability_columns

THRESHOLD = 0.5
"""A tag is predicted if its probability is above this."""

_BETWEEN = "; "
_MOST_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TagPredictions(Predictions):
    """Probabilities of the tags of images, in the order of the images.

    Attributes:
        paths: Path of each image; its position for images in an array.
        names: Names of the tags.
        probabilities: Shape (num_images, num_tags), float32, 0 to 1.
        truth: Whether an image has a tag, of the same shape, bool; None if unknown.
        threshold: A tag is predicted if its probability is above this.
    """

    # With `field`, since the property of `Predictions` would be taken for the default.
    paths: tuple[str, ...] = field()
    names: tuple[str, ...]
    probabilities: npt.NDArray[np.float32]
    truth: npt.NDArray[np.bool_] | None = None
    threshold: float = THRESHOLD

    def __post_init__(self) -> None:
        check_outputs(self.probabilities, self.paths, self.names, "probability for each tag")

    @property
    def is_predicted(self) -> npt.NDArray[np.bool_]:
        """Whether a tag is predicted for an image, shape (num_images, num_tags), bool."""
        return np.asarray(self.probabilities > self.threshold)

    @property
    def tags(self) -> list[tuple[str, ...]]:
        """The predicted tags of each image."""
        return self._named(self.is_predicted)

    @property
    def f1(self) -> npt.NDArray[np.float64] | None:
        """F1 of each tag, 0 to 1, shape (num_tags,); None if the truth is unknown.

        It is the harmonic mean of precision and recall, and NaN for a tag that no image has and
        that is predicted for none.
        """
        if self.truth is None or not len(self.truth):
            return None
        num_right = (self.truth & self.is_predicted).sum(axis=0)
        num_all = self.truth.sum(axis=0) + self.is_predicted.sum(axis=0)
        return np.where(num_all > 0, 2 * num_right / np.maximum(num_all, 1), np.nan)

    @property
    def mean_f1(self) -> float | None:
        """Mean F1 of the tags, without NaN; None if the truth is unknown."""
        if self.f1 is None:
            return None
        known = self.f1[~np.isnan(self.f1)]
        return float(known.mean()) if len(known) else 0.0

    @property
    def score(self) -> str | None:
        """The mean F1 as text; None if the true tags are unknown."""
        return None if self.mean_f1 is None else f"mean F1 {self.mean_f1:.3f}"

    @property
    def row_content(self) -> str:
        """What a row of the table contains, beside the path."""
        known = "" if self.truth is None else "true tags, "
        return f"{known}predicted tags (those with a probability above {self.threshold:g})"

    def columns(self, *, all_classes: bool = False) -> dict[str, Any]:
        """Return the columns of the table: label if known, and prediction.

        Tags are separated by ";".

        Args:
            all_classes: Whether to add a column with the probability of each tag.
        """
        columns: dict[str, Any] = {}
        if self.truth is not None:
            columns["label"] = [_BETWEEN.join(tags) for tags in self._named(self.truth)]
        columns["prediction"] = [_BETWEEN.join(tags) for tags in self.tags]
        if not all_classes:
            return columns
        return probability_columns(columns, self.names, self.probabilities)

    def texts(self, start: int, end: int) -> list[str]:
        """Return the tags of the images from `start` to before `end`."""
        shown = self._named(self.is_predicted[start:end])
        return [first_few(tags, _MOST_SHOWN) or "no tag" for tags in shown]

    def _named(self, flags: npt.NDArray[np.bool_]) -> list[tuple[str, ...]]:
        return [tuple(self.names[k] for k in np.flatnonzero(row)) for row in flags]
