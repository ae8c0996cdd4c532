"""Evaluate a classifier: accuracy, figures of each class, and pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.inspection.drawing.picture import Picture
from augseq.inspection.evaluation_figures.confusion import count_confusion, draw_confusion
from augseq.inspection.evaluation_figures.wrong_images import draw_wrong_images
from augseq.terminal_text import call_text, shortened
from augseq.training.kinds.class_predictions import ClassPredictions
from augseq.training.kinds.evaluation import NAME_WIDTH, Evaluation, percent, results_text, table_of
from augseq.training.sequence import ImageSequence

_COLUMNS = ("name", "num_images", "num_right", "num_predicted", "recall", "precision")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassResult:
    """How well a model recognizes one class or tag.

    Attributes:
        name: Name of the class.
        num_images: Number of images of the class.
        num_right: Number of those that were recognized.
        num_predicted: Number of all images that were predicted to be of this class.
    """

    name: str
    num_images: int
    num_right: int
    num_predicted: int

    def __repr__(self) -> str:
        name = repr(shortened(self.name, NAME_WIDTH))
        right = f"{self.num_right:,} of {self.num_images:,} images correct"
        return call_text("ClassResult", name, right, f"{self.num_predicted:,} predicted")

    @property
    def recall(self) -> float:
        """Fraction of the images of the class that were recognized; NaN without images."""
        return self.num_right / self.num_images if self.num_images else float("nan")

    @property
    def precision(self) -> float:
        """Fraction of the predictions of the class that are right; NaN if there are none."""
        return self.num_right / self.num_predicted if self.num_predicted else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ClassEvaluation(Evaluation):
    """What a classifier predicts for labelled images.

    Attributes:
        predictions: The probabilities of each image, with its path and label.
        history: Loss and metrics of each epoch, to draw; empty if not given.
        batches: The images.
        confusion: Number of images, shape (num_classes, num_classes), int64: true class by row,
            predicted class by column.
    """

    predictions: ClassPredictions = field()
    history: Mapping[str, Sequence[float]] = field()
    batches: ImageSequence = field()
    confusion: npt.NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        found = self.predictions
        assert found.labels is not None
        confusion = count_confusion(found.labels, found.numbers, len(found.class_names))
        object.__setattr__(self, "confusion", confusion)

    @property
    def num_right(self) -> int:
        """Number of images that were classified correctly."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """Fraction of images that were classified correctly, 0 to 1."""
        return self.num_right / self.num_images

    @property
    def classes(self) -> tuple[ClassResult, ...]:
        """How well each class is recognized, in the order of the model's outputs."""
        return tuple(
            ClassResult(
                name=name,
                num_images=int(self.confusion[number].sum()),
                num_right=int(self.confusion[number, number]),
                num_predicted=int(self.confusion[:, number].sum()),
            )
            for number, name in enumerate(self.predictions.class_names)
        )

    @property
    def summary(self) -> dict[str, str]:
        """The accuracy as text."""
        return {"accuracy": f"{self.accuracy:.1%} ({self.num_right} of {self.num_images} images)"}

    def tables(self) -> dict[str, dict[str, Any]]:
        """Return the figures of each class, as a table for a run folder."""
        return {"classes.csv": table_of(self.classes, _COLUMNS)}

    def pictures(self) -> dict[str, Picture]:
        """Return the pictures of a run folder, by name of the file."""
        return {
            "confusion_matrix.png": self.draw_confusion(),
            "wrong_images.png": self.draw_wrong(),
        }

    def draw_confusion(self) -> Picture:
        """Draw how often each class was taken for another."""
        return draw_confusion(self.confusion, self.predictions.class_names)

    def draw_wrong(self, *, num_images: int = 20) -> Picture:
        """Draw the images that were classified wrongly, most confident mistakes first.

        Args:
            num_images: Maximum number of images.
        """
        assert self.predictions.labels is not None
        return draw_wrong_images(
            self.batches.manifest,
            self.batches.pipeline,
            self.predictions.labels,
            self.predictions.probabilities,
            self.predictions.class_names,
            num_images=num_images,
        )

    def __repr__(self) -> str:
        title = f"Evaluation: {self.accuracy:.1%} of {self.num_images:,} images correct"
        return class_results_text(title, "class", "classes", self.classes)


def class_results_text(title: str, kind: str, plural: str, results: Sequence[ClassResult]) -> str:
    """Return a title, and below it a table of classes or tags, those of low recall if many.

    Args:
        title: The first line.
        kind: What they are: "class" or "tag".
        plural: The same for several.
        results: How well each is recognized.
    """
    return results_text(
        title, kind, results, _figures, more=f"{plural} with higher recall", quality=_recall_or_best
    )


def _figures(found: ClassResult) -> dict[str, str]:
    shares = {"recall": percent(found.recall), "precision": percent(found.precision)}
    return {"images": f"{found.num_images:,}", **shares}


def _recall_or_best(found: ClassResult) -> float:
    return found.recall if found.num_images else 1.0
