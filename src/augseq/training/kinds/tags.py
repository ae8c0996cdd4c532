"""Several labels for each image: tags."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import keras
import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.loading.targets.mirrored_classes import ClassMirror
from augseq.loading.targets.multi_label import MultiLabel, MultiLabelTarget
from augseq.loading.targets.target import TargetOption
from augseq.manifest.manifest import Manifest
from augseq.training.kinds.classes import warn_of_absent
from augseq.training.kinds.kind import Kind, joined, received
from augseq.training.kinds.tag_evaluation import TagEvaluation
from augseq.training.kinds.tag_predictions import THRESHOLD, TagPredictions
from augseq.training.networks.networks import Network
from augseq.training.sequence import ImageSequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags(Kind):
    """Several labels for each image.

    Attributes:
        columns: One column of lists or separated text, or a column of 0 and 1 for each tag.
        tags: The tags, in the order of the model's outputs.
        separator: What separates the parts of a text; None for lists.
        mirror: Which tags change places in a mirrored image; None if none do.
    """

    score: ClassVar[str | None] = "f1"
    evaluation_type: ClassVar[type[Any]] = TagEvaluation
    title: ClassVar[str] = "image tagger"
    best: ClassVar[str] = "the highest mean F1 of the tags"
    files: ClassVar[Mapping[str, str]] = {
        "tags.csv": "images, recall, precision and F1 of each tag",
        "tags.png": "precision and recall of each tag",
        "wrong_images.png": "the held-out images with wrong or missing tags, the most "
        "confident mistakes first",
    }
    # With `field`, since the property of `Kind` would be taken for the default.
    columns: tuple[str, ...] = field()
    tags: tuple[str | int, ...]
    separator: str | None = None
    mirror: ClassMirror | None = None

    @classmethod
    def of(cls, target: MultiLabelTarget, manifest: Manifest) -> Self:  # noqa: ARG003
        """Return the kind of the target of some records."""
        return cls(
            columns=target.columns,
            tags=target.classes,
            separator=target.separator,
            mirror=target.class_mirror,
        )

    @property
    def option(self) -> TargetOption:
        """The target, as a user writes it."""
        if len(self.columns) > 1:
            return MultiLabel(self.columns, missing="empty")
        return MultiLabel(
            self.columns, classes=self.tags, separator=self.separator, missing="empty"
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tags."""
        return tuple(map(str, self.tags))

    def split_options(self, manifest: Manifest) -> dict[str, Any]:
        """Give each part of a split its share of every tag."""
        if len(self.columns) > 1:
            return {"stratify": list(self.columns)}
        return {"stratify": self.columns[0], "separator": self.separator}

    def check_parts(self, train: Manifest, val: Manifest) -> None:
        """Warn of tags that no held-out image has."""
        warn_of_absent(self.counts(val), "tags have")

    def counts(self, manifest: Manifest) -> dict[str, int]:
        """Return the number of images with each tag."""
        found = manifest.class_counts(self.option)
        return dict(zip(self.names, found.values(), strict=True))

    def add_head(self, network: Network) -> Any:
        """Return a probability for each tag, independent of the others."""
        return network.dense(len(self.tags), "sigmoid", "probabilities")

    def loss(self) -> str:
        """Return the loss for 0 and 1 for each tag."""
        return "binary_crossentropy"

    def metrics(self) -> list[Any]:
        """Return the mean F1 of the tags, at the threshold of the predictions."""
        return [keras.metrics.F1Score(average="macro", threshold=THRESHOLD, name="f1")]

    def check_own(self, outputs: npt.NDArray[Any], images: npt.NDArray[Any]) -> None:
        """Raise `ArgumentError` unless these are probabilities of the tags."""
        expected = (len(images), len(self.tags))
        if outputs.shape != expected or (outputs < 0).any() or (outputs > 1).any():
            raise ArgumentError(
                f"`model` must return one probability for each of the {expected[1]} tags, from 0 "
                f"to 1, so {expected} for {expected[0]} images; end it with "
                f'Dense({expected[1]}, activation="sigmoid"). {received(outputs)}, from '
                f"{outputs.min():.3g} to {outputs.max():.3g}"
            )

    def predictions(
        self,
        paths: tuple[str, ...],
        outputs: npt.NDArray[Any],
        truth: Any,
        batches: ImageSequence,
    ) -> TagPredictions:
        """Return the predicted tags."""
        flags = None if truth is None else np.asarray(truth, np.bool_)
        return TagPredictions(paths=paths, names=self.names, probabilities=outputs, truth=flags)

    @property
    def purpose(self) -> str:
        """A sentence about the tags."""
        return (
            f"It predicts which of {len(self.tags)} tags an image has: {joined(self.tags)}. A tag "
            f"is predicted if its probability is above {THRESHOLD:g}."
        )

    @property
    def use(self) -> str:
        """What to do with the model."""
        return "Tag images"
