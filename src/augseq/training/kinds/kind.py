"""The interface of all kinds of targets that a run can be trained on."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

import keras
import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError, AugseqWarning, LabelError
from augseq.loading.targets.mirrored_classes import ClassMirror
from augseq.loading.targets.target import TargetOption
from augseq.manifest.manifest import Manifest
from augseq.training.kinds.evaluation import Evaluation
from augseq.training.kinds.predictions import Predictions
from augseq.training.networks.networks import Network
from augseq.training.sequence import ImageSequence


class Predicted(Protocol):
    """How predictions are made of what a model returns; most of it has a default."""

    @property
    def mirror(self) -> ClassMirror | None:
        """Which classes change places in a mirrored image; None if none do."""
        return None

    def compact(self, targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the targets of a batch as they are kept to be compared with predictions."""
        return targets

    def prediction_model(self, model: keras.Model) -> keras.Model:
        """Return a model that returns as much of the outputs as predictions need."""
        return model

    def truth(self, loaded: npt.NDArray[Any] | None, manifest: Manifest) -> npt.NDArray[Any] | None:
        """Return the true values of images; None if they are unknown.

        Args:
            loaded: The targets of their batches, if these have any.
            manifest: The images.
        """
        return loaded

    def predictions(
        self,
        paths: tuple[str, ...],
        outputs: npt.NDArray[Any],
        truth: Any,
        batches: ImageSequence,
    ) -> Predictions:
        """Return what a model predicts for images.

        Args:
            paths: Path of each image.
            outputs: What the `prediction_model` returned.
            truth: The result of `truth`.
            batches: The images.

        Raises:
            ArgumentError: The outputs have the wrong shape, or are not finite.
        """
        ...


class Kind(Predicted, Protocol):
    """What a model predicts, and everything that depends on it: head, loss, results, words.

    What most kinds have in common has a default: inherit from this class to get it.
    """

    score: ClassVar[str | None] = None
    """The metric that decides which epoch is the best; then, or if None, the loss decides."""

    has_classes: ClassVar[bool] = True
    """Whether the model's outputs are classes or tags."""

    is_per_pixel: ClassVar[bool] = False
    """Whether the model has outputs for each pixel."""

    load_call: ClassVar[str] = "keras.models.load_model"
    """How to load its model without augseq."""

    evaluation_type: ClassVar[type[Any]]
    """What `evaluation` returns: an `Evaluation`."""

    title: ClassVar[str]
    """What a model of this kind is: "image classifier"."""

    best: ClassVar[str]
    """What the best epoch has on the held-out images: "the highest accuracy"."""

    files: ClassVar[Mapping[str, str]]
    """The files of a run folder that only this kind has, each with its content."""

    @classmethod
    def of(cls, target: Any, manifest: Manifest) -> Self:
        """Return the kind of the target of some records."""
        ...

    @property
    def option(self) -> TargetOption:
        """The target, as a user writes it."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a manifest that the target reads."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the model's outputs, in order."""
        ...

    def split_options(self, manifest: Manifest) -> dict[str, Any]:
        """Return what each part of a split gets its share of, as arguments of `split`."""
        return {"stratify": False}

    def check_parts(self, train: Manifest, val: Manifest) -> None:
        """Raise or warn if parts of the images cannot be used to train, or to evaluate.

        Raises:
            ArgumentError: There is too little to learn from.

        Warns:
            AugseqWarning: Something cannot be evaluated.
        """

    def class_weight(self, train: Manifest) -> dict[int, float]:
        """Return the weight of the images of each class.

        Raises:
            ArgumentError: There are no classes.
        """
        raise ArgumentError(
            "`class_weight` (at the shell: --class-weight) requires one class per image as the "
            f"target. Received: {type(self.option).__name__}"
        )

    def add_head(self, network: Network) -> Any:
        """Return the outputs of a network with a new head, as a Keras tensor."""
        ...

    def loss(self) -> Any:
        """Return the loss, for `compile`."""
        ...

    def metrics(self) -> list[Any]:
        """Return the metrics, for `compile`."""
        ...

    def check_own(self, outputs: npt.NDArray[Any], images: npt.NDArray[Any]) -> None:
        """Raise `ArgumentError` unless these are outputs that a user's own model must have.

        Args:
            outputs: What the model returned for a few images.
            images: These images.
        """
        ...

    def option_for(self, manifest: Manifest) -> TargetOption | None:
        """Return the target to load with other images; None if they do not have it.

        Warns:
            AugseqWarning: They have the columns, but with other values.
        """
        if not set(self.columns) <= set(manifest.table.column_names):
            return None
        try:
            ImageSequence(manifest, targets=self.option)
        except (ArgumentError, LabelError) as error:
            warnings.warn(
                f"The images are not compared with the predictions: {error}",
                AugseqWarning,
                stacklevel=4,
            )
            return None
        return self.option

    def evaluation(
        self,
        predictions: Any,
        batches: ImageSequence,
        history: Mapping[str, Sequence[float]],
    ) -> Evaluation:
        """Return how good predictions are.

        Args:
            predictions: The result of `predictions`, with true values.
            batches: The images.
            history: Loss and metrics of each epoch.
        """
        found: Evaluation = self.evaluation_type(
            predictions=predictions, history=history, batches=batches
        )
        return found

    @property
    def purpose(self) -> str:
        """A sentence about what the model predicts, for the README of a run folder."""
        ...

    @property
    def use(self) -> str:
        """What to do with the model, as an imperative: "Classify images"."""
        ...


def joined(names: Sequence[Any], most: int = 20) -> str:
    """Return the first names, separated by commas."""
    return ", ".join(map(str, names[:most])) + (", ..." if len(names) > most else "")


def received(outputs: npt.NDArray[Any]) -> str:
    """Return what a user's own model returned, as the end of a message."""
    return f"Received: shape {tuple(np.shape(outputs))}"
