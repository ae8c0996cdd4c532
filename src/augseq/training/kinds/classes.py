"""One class for each image: classification."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError, AugseqWarning
from augseq.loading.targets.label import ColumnLabelTarget, Label, LabelTarget
from augseq.loading.targets.mirrored_classes import ClassMirror
from augseq.loading.targets.target import TargetOption
from augseq.manifest.manifest import Manifest
from augseq.terminal_text import listed
from augseq.training.kinds.class_evaluation import ClassEvaluation
from augseq.training.kinds.class_predictions import ClassPredictions
from augseq.training.kinds.kind import Kind, joined, received
from augseq.training.networks.networks import Network
from augseq.training.sequence import ImageSequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Classes(Kind):
    """One class for each image.

    Attributes:
        classes: The classes, in the order of the model's outputs.
        column: The column that they are in; None for the labels of the manifest.
        mirror: Which classes change places in a mirrored image; None if none do.
    """

    score: ClassVar[str | None] = "accuracy"
    evaluation_type: ClassVar[type[Any]] = ClassEvaluation
    title: ClassVar[str] = "image classifier"
    best: ClassVar[str] = "the highest accuracy"
    files: ClassVar[Mapping[str, str]] = {
        "classes.csv": "images, recall and precision of each class",
        "confusion_matrix.png": "how often each class was taken for another",
        "wrong_images.png": "the held-out images that it got wrong, the most confident "
        "mistakes first",
    }
    classes: tuple[str | int, ...]
    column: str | None = None
    mirror: ClassMirror | None = None

    @classmethod
    def of(cls, target: LabelTarget | ColumnLabelTarget, manifest: Manifest) -> Self:
        """Return the kind of the target of some records."""
        if isinstance(target, ColumnLabelTarget):
            return cls(classes=target.classes, column=target.column, mirror=target.class_mirror)
        return cls(classes=manifest.class_names, mirror=target.class_mirror)

    @property
    def option(self) -> TargetOption:
        """The target, as a user writes it."""
        return Label() if self.column is None else Label(self.column, classes=self.classes)

    @property
    def columns(self) -> tuple[str, ...]:
        """The column of the classes; none for the labels of the manifest."""
        return () if self.column is None else (self.column,)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes."""
        return tuple(map(str, self.classes))

    def counts(self, manifest: Manifest) -> dict[str, int]:
        """Return the number of images of each class."""
        if self.column is None:
            return manifest.class_counts()
        found = manifest.class_counts(self.option)
        return dict(zip(self.names, found.values(), strict=True))

    def split_options(self, manifest: Manifest) -> dict[str, Any]:
        """Give each part of a split its share of every class."""
        return {"stratify": True if self.column is None else self.column}

    def check_parts(self, train: Manifest, val: Manifest) -> None:
        """Raise unless there are two classes to learn; warn of classes that are not held out."""
        found = [name for name, count in self.counts(train).items() if count]
        if len(found) < 2:
            where = (
                "one per sub-folder" if self.column is None else f"in the column {self.column!r}"
            )
            raise ArgumentError(
                f"A classifier must be trained on at least two classes, {where}. "
                f"Received: {listed(found)} only, in {train.root!r}"
            )
        warn_of_absent(self.counts(val), "classes have")

    def class_weight(self, train: Manifest) -> dict[int, float]:
        """Return weights that give all classes the same weight in total."""
        if self.column is None:
            return train.class_weight()
        counts = list(self.counts(train).values())
        share = len(train) / max(1, sum(count > 0 for count in counts))
        return {number: share / count if count else 0.0 for number, count in enumerate(counts)}

    def add_head(self, network: Network) -> Any:
        """Return a probability for each class."""
        return network.dense(len(self.classes), "softmax", "probabilities")

    def loss(self) -> str:
        """Return the loss for integer labels."""
        return "sparse_categorical_crossentropy"

    def metrics(self) -> list[Any]:
        """Return the accuracy."""
        return ["accuracy"]

    def check_own(self, outputs: npt.NDArray[Any], images: npt.NDArray[Any]) -> None:
        """Raise `ArgumentError` unless these are probabilities of the classes."""
        expected = (len(images), len(self.classes))
        if outputs.shape != expected:
            raise ArgumentError(
                f"`model` must return one probability for each of the {expected[1]} classes, so "
                f"{expected} for {expected[0]} images. {received(outputs)}"
            )
        if (outputs < 0).any() or not np.allclose(outputs.sum(axis=1), 1, atol=0.02):
            raise ArgumentError(
                "`model` must return probabilities, which add up to 1; end it with "
                'Dense(num_classes, activation="softmax"). Received for an image: '
                f"{outputs[0].round(3).tolist()[:8]}"
            )

    def option_for(self, manifest: Manifest) -> TargetOption | None:
        """Return None: the classes of other images can have another order."""
        return None

    def truth(self, loaded: npt.NDArray[Any] | None, manifest: Manifest) -> npt.NDArray[Any] | None:
        """Return the true classes as the model numbers them, if it knows all of them."""
        if self.column is not None:
            if self.column not in manifest.table.column_names:
                return None
            found = manifest.arrow_column(self.column).to_pylist()
        else:
            if not manifest.class_names:
                return None
            numbers = manifest.table.column("target").to_pylist()
            # A test set can lack a class, or have another order.
            found = [None if number is None else manifest.class_names[number] for number in numbers]
        number_of = {name: number for number, name in enumerate(self.classes)}
        # A manifest that lists a class without images cannot have been split off the other.
        known = found if self.column is not None else [*found, *manifest.class_names]
        unknown = sorted({str(name) for name in known if name not in (None, *number_of)})
        if unknown or None in found:
            reason = f"the model has no class {listed(unknown, 5)}" if unknown else "some have none"
            warnings.warn(
                f"The classes of the images are not compared with the predictions: {reason}.",
                AugseqWarning,
                stacklevel=4,
            )
            return None
        return np.array([number_of[name] for name in found], np.int64)

    def predictions(
        self,
        paths: tuple[str, ...],
        outputs: npt.NDArray[Any],
        truth: Any,
        batches: ImageSequence,
    ) -> ClassPredictions:
        """Return the predicted classes."""
        return ClassPredictions(
            paths=paths,
            class_names=self.names,
            probabilities=_both_classes(outputs, len(self.classes)),
            labels=truth,
        )

    @property
    def purpose(self) -> str:
        """A sentence about the classes."""
        return f"It distinguishes {len(self.classes)} classes: {joined(self.classes)}."

    @property
    def use(self) -> str:
        """What to do with the model."""
        return "Classify images"


def warn_of_absent(counts: Mapping[str, int], what: str) -> None:
    """Warn of classes or tags without a held-out image.

    Args:
        counts: Number of held-out images by name.
        what: "classes have", as the middle of the message.
    """
    absent = [name for name, count in counts.items() if not count]
    if absent:
        warnings.warn(
            f"{len(absent)} of {len(counts)} {what} no held-out image: {listed(absent, 5)}",
            AugseqWarning,
            stacklevel=4,
        )


def _both_classes(outputs: npt.NDArray[Any], num_classes: int) -> npt.NDArray[Any]:
    """Return the probabilities of both classes, if a model returns only that of the second."""
    if num_classes == 2 and outputs.ndim == 2 and outputs.shape[1] == 1:
        return np.concatenate([1 - outputs, outputs], axis=1)
    return outputs
