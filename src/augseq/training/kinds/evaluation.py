"""How good a model is: what the evaluations of all kinds of targets share."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from augseq.errors import ArgumentError
from augseq.inspection.curves import draw_history
from augseq.inspection.picture import Picture
from augseq.training.kinds.predictions import Predictions
from augseq.training.sequence import ImageSequence


class Evaluation(Protocol):
    """What a model predicts for images with known values, and how good that is.

    `ClassEvaluation`, `NumberEvaluation`, `TagEvaluation` and `MaskEvaluation` have figures and
    pictures of their own.
    """

    @property
    def predictions(self) -> Predictions:
        """What is predicted for each image, with its path and true value."""
        ...

    @property
    def history(self) -> Mapping[str, Sequence[float]]:
        """Loss and metrics of each epoch, to draw; empty if not given."""
        ...

    @property
    def batches(self) -> ImageSequence:
        """The images."""
        ...

    @property
    def summary(self) -> dict[str, str]:
        """The most important figures as text, by name."""
        ...

    def tables(self) -> dict[str, dict[str, Any]]:
        """Return the tables of a run folder: columns by name, by name of the file."""
        ...

    def pictures(self) -> dict[str, Picture]:
        """Return pictures for a run folder, by name of the file."""
        ...

    @property
    def num_images(self) -> int:
        """Number of images."""
        return len(self.predictions)

    def draw_history(self) -> Picture:
        """Draw the loss, and the metrics of this kind of target, over the epochs.

        Raises:
            ArgumentError: `evaluate` was called without `history`.
        """
        if not self.history:
            raise ArgumentError(
                "The curves require the history of training: evaluate(model, batches, "
                "history=model.fit(...)). Received: no history"
            )
        return draw_history(self.history)


def percent(share: float) -> str:
    """Return a share as text: "-" for NaN."""
    return "-" if np.isnan(share) else f"{share:.0%}"


def table_of(rows: Sequence[Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the attributes of objects as columns by name."""
    return {name: [getattr(row, name) for row in rows] for name in names}
