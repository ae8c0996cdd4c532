"""Evaluate a model that predicts tags: precision and recall of each tag, and pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.inspection.drawing.picture import Picture
from augseq.inspection.evaluation_figures.tag_figures import (
    draw_precision_and_recall,
    draw_wrong_tags,
)
from augseq.training.kinds.class_evaluation import ClassResult, class_results_text
from augseq.training.kinds.evaluation import Evaluation, table_of
from augseq.training.kinds.tag_predictions import TagPredictions
from augseq.training.sequence import ImageSequence

_COLUMNS = ("name", "num_images", "num_right", "num_predicted", "recall", "precision")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TagEvaluation(Evaluation):
    """What a model predicts for images with known tags.

    Attributes:
        predictions: The probabilities of each image, with its path and true tags.
        history: Loss and metrics of each epoch, to draw; empty if not given.
        batches: The images.
    """

    predictions: TagPredictions = field()
    history: Mapping[str, Sequence[float]] = field()
    batches: ImageSequence = field()

    @property
    def truth(self) -> npt.NDArray[np.bool_]:
        """Whether an image has a tag, shape (num_images, num_tags), bool."""
        assert self.predictions.truth is not None
        return self.predictions.truth

    @property
    def tags(self) -> tuple[ClassResult, ...]:
        """How well each tag is recognized, in the order of the model's outputs."""
        predicted = self.predictions.is_predicted
        return tuple(
            ClassResult(
                name=name,
                num_images=int(self.truth[:, place].sum()),
                num_right=int((self.truth & predicted)[:, place].sum()),
                num_predicted=int(predicted[:, place].sum()),
            )
            for place, name in enumerate(self.predictions.names)
        )

    @property
    def mean_f1(self) -> float:
        """Mean F1 of the tags, from 0 to 1."""
        found = self.predictions.mean_f1
        assert found is not None
        return found

    @property
    def num_right(self) -> int:
        """Number of images of which all tags are right."""
        return int((self.truth == self.predictions.is_predicted).all(axis=1).sum())

    @property
    def summary(self) -> dict[str, str]:
        """Mean F1, and the number of images with all tags right, as text."""
        return {
            "mean F1 of the tags": f"{self.mean_f1:.3f}",
            "images with all tags right": f"{self.num_right / self.num_images:.1%} "
            f"({self.num_right} of {self.num_images})",
        }

    def tables(self) -> dict[str, dict[str, Any]]:
        """Return the figures of each tag, as a table for a run folder."""
        columns = table_of(self.tags, _COLUMNS)
        assert self.predictions.f1 is not None
        return {"tags.csv": {**columns, "f1": self.predictions.f1.tolist()}}

    def pictures(self) -> dict[str, Picture]:
        """Return the pictures of a run folder, by name of the file."""
        return {"tags.png": self.draw_tags(), "wrong_images.png": self.draw_wrong()}

    def draw_tags(self) -> Picture:
        """Draw precision and recall of each tag."""
        tags = self.tags
        return draw_precision_and_recall(
            [found.name for found in tags],
            np.array([found.precision for found in tags]),
            np.array([found.recall for found in tags]),
            [found.num_images for found in tags],
        )

    def draw_wrong(self, *, num_images: int = 20) -> Picture:
        """Draw the images with wrong or missing tags, most confident mistakes first.

        Args:
            num_images: Maximum number of images.
        """
        return draw_wrong_tags(
            self.batches.manifest,
            self.batches.pipeline,
            self.truth,
            self.predictions.probabilities,
            self.predictions.names,
            threshold=self.predictions.threshold,
            num_images=num_images,
        )

    def __repr__(self) -> str:
        title = f"Evaluation: mean F1 {self.mean_f1:.3f} of {len(self.tags)} tags, "
        return class_results_text(f"{title}{self.num_images:,} images", "tag", "tags", self.tags)
