"""Evaluate a classifier: accuracy, figures of each class, and pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.inspection.confusion import count_confusion, draw_confusion
from augseq.inspection.curves import draw_history
from augseq.inspection.picture import Picture
from augseq.inspection.wrong_images import draw_wrong_images
from augseq.terminal_text import call_text, num_columns, padded, shortened
from augseq.training.own_failure import own_failure
from augseq.training.predictions import Predictions
from augseq.training.sequence import ImageSequence

_MOST_SHOWN = 6
_NAME_WIDTH = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassResult:
    """How well a classifier recognizes one class.

    Attributes:
        name: Name of the class.
        num_images: Number of images of the class.
        num_right: Number of those that were classified correctly.
        num_predicted: Number of images of all classes that were predicted to be of this one.
    """

    name: str
    num_images: int
    num_right: int
    num_predicted: int

    def __repr__(self) -> str:
        name = repr(shortened(self.name, _NAME_WIDTH))
        right = f"{self.num_right:,} of {self.num_images:,} images right"
        return call_text("ClassResult", name, right, f"{self.num_predicted:,} predicted")

    @property
    def recall(self) -> float:
        """Fraction of the images of the class that were recognized; NaN without images."""
        return self.num_right / self.num_images if self.num_images else float("nan")

    @property
    def precision(self) -> float:
        """Fraction of the predictions of the class that are right; NaN if there are none."""
        return self.num_right / self.num_predicted if self.num_predicted else float("nan")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a classifier predicts for labelled images.

    Attributes:
        predictions: The probabilities of each image, with its path and label.
        confusion: Number of images, shape (num_classes, num_classes), int64: true class by row,
            predicted class by column.
        history: Loss and metrics of each epoch, to draw; empty if not given.
        batches: The images.
    """

    predictions: Predictions = field(repr=False)
    confusion: npt.NDArray[np.int64] = field(repr=False)
    history: Mapping[str, Sequence[float]] = field(repr=False)
    batches: ImageSequence = field(repr=False)

    @property
    def num_images(self) -> int:
        """Number of images."""
        return len(self.predictions)

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

    def draw_confusion(self) -> Picture:
        """Draw how often each class was taken for another."""
        return draw_confusion(self.confusion, self.predictions.class_names)

    def draw_wrong(self, *, num_images: int = 20) -> Picture:
        """Draw the images that were classified wrongly, most confident mistakes first.

        Args:
            num_images: Maximum number of images.
        """
        return draw_wrong_images(
            self.batches.manifest,
            self.batches.pipeline,
            self.predictions.probabilities,
            self.predictions.class_names,
            num_images=num_images,
        )

    def draw_history(self) -> Picture:
        """Draw loss and accuracy over the epochs.

        Raises:
            ArgumentError: `evaluate` was called without `history`.
        """
        if not self.history:
            raise ArgumentError(
                "The curves require the history of training: evaluate(model, batches, "
                "history=model.fit(...)). Received: no history"
            )
        return draw_history(self.history)

    def __repr__(self) -> str:
        shown, more = self.classes, len(self.classes) - _MOST_SHOWN
        if more > 0:
            shown = tuple(sorted(shown, key=_recall_or_best)[:_MOST_SHOWN])
        names = [shortened(found.name, _NAME_WIDTH) for found in shown]
        width = max(map(num_columns, ["class", *names]))
        lines = [
            f"Evaluation: {self.accuracy:.1%} of {self.num_images:,} images right",
            f"  {padded('class', width)}  images  recall  precision",
        ]
        for name, found in zip(names, shown, strict=True):
            figures = f"{_percent(found.recall):>6}  {_percent(found.precision):>9}"
            lines.append(f"  {padded(name, width)}  {found.num_images:6,}  {figures}")
        if more > 0:
            lines.append(f"  and {more:,} more classes, of higher recall")
        return "\n".join(lines)


def evaluate(
    model: keras.Model,
    batches: ImageSequence,
    *,
    history: keras.callbacks.History | Mapping[str, Sequence[float]] | None = None,
    verbose: int = 0,
) -> Evaluation:
    """Evaluate a classifier of your own on labelled images.

    Args:
        model: A model that returns a probability for each class, shape (batch, num_classes); or,
            for two classes, that of the second one, shape (batch, 1).
        batches: Batches of labelled images in the order of the manifest, with `label_mode`.
        history: What `fit` returned, to draw its curves.
        verbose: As in Keras' `predict`: 1 shows a progress bar.

    Raises:
        ArgumentError: `batches` is not an `ImageSequence`, is shuffled or incomplete, or has no
            labels; or the model does not return one probability for each class.
        DecodeError: A file does not hold a usable image.

    Example:
        >>> found = augseq.evaluate(model, val_batches)                    # doctest: +SKIP
        >>> found.accuracy                                                 # doctest: +SKIP
        0.97
        >>> found.draw_wrong()                                             # doctest: +SKIP
    """
    if not isinstance(batches, ImageSequence):
        raise ArgumentError(
            f"`evaluate` requires an ImageSequence. Received: {type(batches).__name__}"
        )
    manifest = batches.manifest
    if not manifest.class_names or manifest.table.column("target").null_count:
        raise ArgumentError(
            "`evaluate` requires images with labels. Received: a manifest in which "
            + ("some images have none" if manifest.class_names else "there are no classes")
        )
    schedule = batches._plan.schedule
    order = schedule.order
    if order.shuffle or order.text or schedule.drop_remainder or batches.length is None:
        raise ArgumentError(
            "`evaluate` requires each image once, in the order of the manifest. Received: an "
            "ImageSequence that shuffles, drops a remainder or repeats"
        )
    with own_failure(batches):
        outputs = np.asarray(model.predict(batches, verbose=verbose))
    predictions = Predictions(
        paths=tuple(manifest.table.column("path").to_pylist()),
        class_names=manifest.class_names,
        probabilities=_both_classes(outputs, len(manifest.class_names)),
        labels=manifest.targets,
    )
    curves: Any = getattr(history, "history", history)
    return Evaluation(
        predictions=predictions,
        confusion=count_confusion(manifest.targets, predictions.numbers, len(manifest.class_names)),
        history={} if curves is None else curves,
        batches=batches,
    )


def _both_classes(outputs: npt.NDArray[Any], num_classes: int) -> npt.NDArray[Any]:
    """Return the probabilities of both classes, if a model returns only that of the second."""
    if num_classes == 2 and outputs.ndim == 2 and outputs.shape[1] == 1:
        return np.concatenate([1 - outputs, outputs], axis=1)
    return outputs


def _recall_or_best(found: ClassResult) -> float:
    return found.recall if found.num_images else 1.0


def _percent(share: float) -> str:
    return "-" if np.isnan(share) else f"{share:.0%}"
