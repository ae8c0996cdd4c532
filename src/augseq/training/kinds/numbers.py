"""Numbers of each image: regression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import keras
import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.loading.targets.number import Number, NumberTarget
from augseq.loading.targets.target import TargetOption
from augseq.manifest.manifest import Manifest
from augseq.terminal_text import short_number
from augseq.training.kinds.kind import Kind, joined, received
from augseq.training.kinds.number_evaluation import NumberEvaluation
from augseq.training.kinds.number_predictions import NumberPredictions
from augseq.training.networks.networks import Network
from augseq.training.sequence import ImageSequence

_NUM_RANGES = 10


@keras.saving.register_keras_serializable("augseq")
class StandardizedError(keras.losses.Loss):  # type: ignore[misc]
    """Mean squared error of standardized numbers, so that all count the same in any unit.

    It is 1 for a model that always predicts the mean.

    Args:
        deviations: Standard deviation of each number, above 0.
        reduction: As in Keras' losses.
        name: As in Keras' losses.
        dtype: As in Keras' losses.
    """

    def __init__(
        self,
        deviations: Sequence[float],
        reduction: str = "sum_over_batch_size",
        name: str = "standardized_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.deviations = list(deviations)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the error of each image, shape (batch,)."""
        errors = (y_pred - y_true) / keras.ops.convert_to_tensor(self.deviations, y_pred.dtype)
        return keras.ops.mean(keras.ops.square(errors), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, as Keras requests."""
        return {**super().get_config(), "deviations": self.deviations}


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers(Kind):
    """Numbers of each image.

    Attributes:
        columns: The columns that they are in.
        means: Mean of each number.
        deviations: Standard deviation of each number; 1 if all are equal.
    """

    has_classes: ClassVar[bool] = False
    # Its loss is one of augseq.
    load_call: ClassVar[str] = "keras.models.load_model(..., compile=False)"
    evaluation_type: ClassVar[type[Any]] = NumberEvaluation
    title: ClassVar[str] = "image regression model"
    best: ClassVar[str] = "the lowest loss"
    files: ClassVar[Mapping[str, str]] = {
        "numbers.csv": "mean absolute error, root mean square error and R2 of each number",
        "scatter.png": "predicted against true numbers",
        "largest_errors.png": "the held-out images with the largest errors",
    }
    # With `field`, since the property of `Kind` would be taken for the default.
    columns: tuple[str, ...] = field()
    means: tuple[float, ...]
    deviations: tuple[float, ...]

    @classmethod
    def of(cls, target: NumberTarget, manifest: Manifest) -> Self:
        """Return the kind of the target of some records."""
        records = manifest.records(range(len(manifest)), columns=target.columns)
        values = np.stack([target.load(record) for record in records]).astype(np.float64)
        deviations = values.std(axis=0)
        return cls(
            columns=target.columns,
            means=tuple(values.mean(axis=0).tolist()),
            deviations=tuple(np.where(deviations > 0, deviations, 1).tolist()),
        )

    @property
    def option(self) -> TargetOption:
        """The target, as a user writes it."""
        return Number(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns; with a number for a column of lists."""
        if len(self.columns) == len(self.means):
            return self.columns
        return tuple(f"{self.columns[0]} {k}" for k in range(1, 1 + len(self.means)))

    def split_options(self, manifest: Manifest) -> dict[str, Any]:
        """Give each part of a split its share of every range of the number, if it is one."""
        if len(self.means) > 1:
            return {"stratify": False}
        return {"stratify": self.columns[0], "bins": _NUM_RANGES}

    def add_head(self, network: Network) -> Any:
        """Return the numbers, from standardized ones."""
        x = network.dense(len(self.means), "linear", "standardized")
        scale, offset = list(self.deviations), list(self.means)
        return keras.layers.Rescaling(scale, offset=offset, dtype="float32", name="numbers")(x)

    def loss(self) -> StandardizedError:
        """Return the mean squared error of standardized numbers."""
        return StandardizedError(self.deviations)

    def metrics(self) -> list[Any]:
        """Return the mean absolute error, if there is only one unit."""
        return ["mae"] if len(self.means) == 1 else []

    def check_own(self, outputs: npt.NDArray[Any], images: npt.NDArray[Any]) -> None:
        """Raise `ArgumentError` unless there is one output for each number."""
        expected = (len(images), len(self.means))
        if outputs.shape != expected:
            raise ArgumentError(
                f"`model` must return one number for each of {joined(self.names)}, so {expected} "
                f"for {expected[0]} images; end it with Dense({expected[1]}). {received(outputs)}"
            )

    def predictions(
        self,
        paths: tuple[str, ...],
        outputs: npt.NDArray[Any],
        truth: Any,
        batches: ImageSequence,
    ) -> NumberPredictions:
        """Return the predicted numbers."""
        return NumberPredictions(paths=paths, names=self.names, values=outputs, truth=truth)

    @property
    def purpose(self) -> str:
        """A sentence about the numbers and their scale."""
        means = [
            f"{name} {short_number(mean)} and {short_number(deviation)}"
            for name, mean, deviation in zip(self.names, self.means, self.deviations, strict=True)
        ]
        return (
            f"It predicts {joined(self.names)}. It computes standardized numbers; its last layer "
            f"converts them with the mean and standard deviation of the training images: "
            f"{joined(means)}. The loss is the mean squared error of standardized numbers, 1 for a "
            "model that always predicts the mean."
        )

    @property
    def use(self) -> str:
        """What to do with the model."""
        return f"Predict {joined(self.names, 3)}"
