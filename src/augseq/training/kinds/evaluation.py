"""How good a model is: what the evaluations of all kinds of targets share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from augseq.errors import ArgumentError
from augseq.inspection.drawing.picture import Picture
from augseq.inspection.evaluation_figures.curves import draw_history
from augseq.terminal_text import num_columns, padded, shortened
from augseq.training.kinds.predictions import Predictions
from augseq.training.sequence import ImageSequence

NAME_WIDTH = 30
_MOST_SHOWN = 6


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


def results_text(
    title: str,
    kind: str,
    results: Sequence[Any],
    figures: Callable[[Any], Mapping[str, str]],
    *,
    more: str,
    quality: Callable[[Any], float] | None = None,
) -> str:
    """Return a title, and below it a table of the first or worst results.

    Args:
        title: The first line.
        kind: Head of the names, such as "class".
        results: What is evaluated, each with a `name`.
        figures: Function that returns the figures of a result as text, by their heads.
        more: What further results are, such as "classes with higher recall".
        quality: Function by which the worst results are chosen if there are many; None for the
            first ones.
    """
    is_long = len(results) > _MOST_SHOWN and quality is not None
    shown = (sorted(results, key=quality) if is_long else results)[:_MOST_SHOWN]
    rows = [[shortened(found.name, NAME_WIDTH), *figures(found).values()] for found in shown]
    table = [[kind, *figures(results[0])], *rows]
    widths = [max(map(num_columns, column)) for column in zip(*table, strict=True)]
    lines = [title]
    for name, *texts in table:
        cells = map(str.rjust, texts, widths[1:])
        lines.append("  ".join(["", padded(name, widths[0]), *cells]))
    if len(results) > len(shown):
        lines.append(f"  and {len(results) - len(shown):,} more {more}")
    return "\n".join(lines)


def table_of(rows: Sequence[Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the attributes of objects as columns by name."""
    return {name: [getattr(row, name) for row in rows] for name in names}
