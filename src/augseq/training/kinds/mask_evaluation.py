"""Evaluate a segmentation model: intersection over union of each class, and pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.inspection.drawing.picture import Picture
from augseq.inspection.evaluation_figures.mask_figures import draw_iou, draw_masks
from augseq.terminal_text import call_text, shortened
from augseq.training.kinds.evaluation import NAME_WIDTH, Evaluation, percent, results_text, table_of
from augseq.training.kinds.mask_predictions import MaskPredictions
from augseq.training.kinds.mask_writer import iou_of, mean_of
from augseq.training.sequence import ImageSequence

_COLUMNS = ("name", "num_pixels", "num_right", "num_predicted", "iou", "recall", "precision")


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskResult:
    """How well a model finds the pixels of one class; ignored pixels do not count.

    Attributes:
        name: Name of the class.
        num_pixels: Number of pixels of the class.
        num_right: Number of those that were found.
        num_predicted: Number of all pixels that were predicted to be of this class.
    """

    name: str
    num_pixels: int
    num_right: int
    num_predicted: int

    def __repr__(self) -> str:
        name = repr(shortened(self.name, NAME_WIDTH))
        right = f"{self.num_right:,} of {self.num_pixels:,} pixels found"
        return call_text("MaskResult", name, f"IoU {self.iou:.3f}", right)

    @property
    def iou(self) -> float:
        """Intersection over union, 0 to 1; NaN for a class that does not occur."""
        union = self.num_pixels + self.num_predicted - self.num_right
        return self.num_right / union if union else float("nan")

    @property
    def recall(self) -> float:
        """Fraction of the pixels of the class that were found; NaN without pixels."""
        return self.num_right / self.num_pixels if self.num_pixels else float("nan")

    @property
    def precision(self) -> float:
        """Fraction of the predicted pixels that are right; NaN if there are none."""
        return self.num_right / self.num_predicted if self.num_predicted else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MaskEvaluation(Evaluation):
    """What a segmentation model predicts for images with known masks.

    Attributes:
        predictions: The mask of each image, with its path and the true one.
        history: Loss and metrics of each epoch, to draw; empty if not given.
        batches: The images.
        confusion: Number of pixels, shape (num_classes, num_classes), int64: true class by row,
            predicted class by column.
    """

    predictions: MaskPredictions = field()
    history: Mapping[str, Sequence[float]] = field()
    batches: ImageSequence = field()
    confusion: npt.NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "confusion", self.predictions.confusion)

    @property
    def mean_iou(self) -> float:
        """Mean intersection over union of the classes that occur, 0 to 1."""
        return mean_of(iou_of(self.confusion))

    @property
    def classes(self) -> tuple[MaskResult, ...]:
        """How well each class is found, in the order of the model's outputs."""
        return tuple(
            MaskResult(
                name=name,
                num_pixels=int(self.confusion[number].sum()),
                num_right=int(self.confusion[number, number]),
                num_predicted=int(self.confusion[:, number].sum()),
            )
            for number, name in enumerate(self.predictions.class_names)
        )

    @property
    def summary(self) -> dict[str, str]:
        """Mean intersection over union, and the share of pixels that are right, as text."""
        right = np.trace(self.confusion) / max(1, self.confusion.sum())
        return {"mean IoU of the classes": f"{self.mean_iou:.3f}", "pixels right": f"{right:.1%}"}

    def tables(self) -> dict[str, dict[str, Any]]:
        """Return the figures of each class, as a table for a run folder."""
        return {"classes.csv": table_of(self.classes, _COLUMNS)}

    def pictures(self) -> dict[str, Picture]:
        """Return the pictures of a run folder, by name of the file."""
        return {"iou.png": self.draw_iou(), "worst_masks.png": self.draw_worst()}

    def draw_iou(self) -> Picture:
        """Draw the intersection over union of each class."""
        return draw_iou(self.predictions.class_names, iou_of(self.confusion), self.mean_iou)

    def draw_worst(self, *, num_images: int = 12) -> Picture:
        """Draw true and predicted masks over images, the lowest IoU first.

        Args:
            num_images: Maximum number of images.
        """
        found = self.predictions
        assert found.truth is not None
        iou = np.array([mean_of(iou_of(found.count_pixels(k))) for k in range(len(found))])
        return draw_masks(
            self.batches.manifest,
            self.batches.pipeline,
            found.truth,
            found.masks,
            found.class_names,
            places=np.argsort(iou, kind="stable")[:num_images].tolist(),
            iou=iou,
        )

    def __repr__(self) -> str:
        title = f"Evaluation: mean IoU {self.mean_iou:.3f} of {self.num_images:,} images"
        more = "classes with higher IoU"
        return results_text(title, "class", self.classes, _figures, more=more, quality=_iou_or_best)


def _figures(found: MaskResult) -> dict[str, str]:
    shares = {"recall": percent(found.recall), "precision": percent(found.precision)}
    return {"IoU": f"{found.iou:5.3f}", **shares}


def _iou_or_best(found: MaskResult) -> float:
    return 1.0 if np.isnan(found.iou) else found.iou
