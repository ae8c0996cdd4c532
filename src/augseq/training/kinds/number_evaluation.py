"""Evaluate a regression model: errors of each number, and pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.inspection.drawing.picture import Picture
from augseq.inspection.evaluation_figures.number_figures import draw_largest_errors, draw_scatter
from augseq.terminal_text import call_text, counted, short_number, shortened
from augseq.training.kinds.evaluation import NAME_WIDTH, Evaluation, results_text, table_of
from augseq.training.kinds.number_predictions import NumberPredictions
from augseq.training.sequence import ImageSequence

_COLUMNS = ("name", "mean_error", "root_mean_square_error", "r2")


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberResult:
    """How well a model predicts one number.

    Attributes:
        name: Name of the number, as that of its column.
        mean_error: Mean absolute difference between predicted and true numbers.
        root_mean_square_error: Square root of the mean squared difference.
        r2: Coefficient of determination: 1 if all are exact, 0 for a model that always predicts
            the mean of the true numbers, negative for worse ones; NaN if all true ones are equal.
    """

    name: str
    mean_error: float
    root_mean_square_error: float
    r2: float

    def __repr__(self) -> str:
        name = repr(shortened(self.name, NAME_WIDTH))
        error = f"mean error {short_number(self.mean_error)}"
        return call_text("NumberResult", name, error, f"R2 {self.r2:.3f}")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NumberEvaluation(Evaluation):
    """What a regression model predicts for images with known numbers.

    Attributes:
        predictions: The numbers of each image, with its path and the true ones.
        history: Loss and metrics of each epoch, to draw; empty if not given.
        batches: The images.
    """

    predictions: NumberPredictions = field()
    history: Mapping[str, Sequence[float]] = field()
    batches: ImageSequence = field()

    @property
    def truth(self) -> npt.NDArray[np.float32]:
        """The true numbers, shape (num_images, num_numbers)."""
        assert self.predictions.truth is not None
        return self.predictions.truth

    @property
    def numbers(self) -> tuple[NumberResult, ...]:
        """How well each number is predicted, in the order of the model's outputs."""
        truth, names = self.truth.astype(np.float64), self.predictions.names
        errors = self.predictions.values - truth
        squares = (errors**2).mean(axis=0)
        variances = truth.var(axis=0)
        return tuple(
            NumberResult(
                name=name,
                mean_error=float(np.abs(errors[:, place]).mean()),
                root_mean_square_error=float(np.sqrt(squares[place])),
                r2=float(1 - squares[place] / variances[place]) if variances[place] else np.nan,
            )
            for place, name in enumerate(names)
        )

    @property
    def summary(self) -> dict[str, str]:
        """Mean absolute error and R2 of each number as text."""
        results = self.numbers
        of = {found.name: f" of {found.name}" if len(results) > 1 else "" for found in results}
        texts = [f"{short_number(found.mean_error)} (R2 {found.r2:.3f})" for found in results]
        return {
            f"mean absolute error{of[found.name]}": text
            for found, text in zip(results, texts, strict=True)
        }

    def tables(self) -> dict[str, dict[str, Any]]:
        """Return the figures of each number, as a table for a run folder."""
        return {"numbers.csv": table_of(self.numbers, _COLUMNS)}

    def pictures(self) -> dict[str, Picture]:
        """Return the pictures of a run folder, by name of the file."""
        return {
            "scatter.png": self.draw_scatter(),
            "largest_errors.png": self.draw_largest_errors(),
        }

    def draw_scatter(self) -> Picture:
        """Draw predicted against true numbers."""
        return draw_scatter(self.truth, self.predictions.values, self.predictions.names)

    def draw_largest_errors(self, *, num_images: int = 20) -> Picture:
        """Draw the images with the largest errors.

        The error of a number is relative to its standard deviation, so that several compare.

        Args:
            num_images: Maximum number of images.
        """
        return draw_largest_errors(
            self.batches.manifest,
            self.batches.pipeline,
            self.truth,
            self.predictions.values,
            self.predictions.names,
            num_images=num_images,
        )

    def __repr__(self) -> str:
        numbers = counted(len(self.numbers), "number")
        title = f"Evaluation: {numbers} of {self.num_images:,} images"
        return results_text(title, "number", self.numbers, _figures, more="numbers")


def _figures(found: NumberResult) -> dict[str, str]:
    return {
        "mean error": f"{found.mean_error:.4g}",
        "RMSE": f"{found.root_mean_square_error:8.4g}",
        "R2": f"{found.r2:6.3f}",
    }
