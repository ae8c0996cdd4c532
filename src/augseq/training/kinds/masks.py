"""The class of every pixel: segmentation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import keras
import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.loading.targets.mask import Mask, MaskTarget, Value
from augseq.loading.targets.target import TargetOption
from augseq.manifest.manifest import Manifest
from augseq.training.kinds.kind import Kind, joined, received
from augseq.training.kinds.mask_evaluation import MaskEvaluation
from augseq.training.kinds.mask_predictions import MaskPredictions
from augseq.training.networks.networks import Network
from augseq.training.sequence import ImageSequence

_MOST_OF_BYTE = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Masks(Kind):
    """The class of every pixel.

    Attributes:
        columns: The column with the paths of the masks; none for masks in an array.
        classes: Names of the classes, in the order of the model's outputs.
        ignore: Number of ignored pixels in the target.
        coding: Stored values, each with the name of its class, or None for ignored.
    """

    score: ClassVar[str | None] = "mean_iou"
    is_per_pixel: ClassVar[bool] = True
    evaluation_type: ClassVar[type[Any]] = MaskEvaluation
    title: ClassVar[str] = "segmentation model"
    best: ClassVar[str] = "the highest mean IoU of the classes"
    files: ClassVar[Mapping[str, str]] = {
        "predictions": "the predicted masks of the held-out images: palette PNGs, whose values "
        "are the numbers of the classes",
        "classes.csv": "pixels, intersection over union (IoU), recall and precision of each class",
        "iou.png": "IoU of each class",
        "worst_masks.png": "true and predicted masks of the held-out images with the lowest IoU",
    }
    # With `field`, since the property of `Kind` would be taken for the default.
    columns: tuple[str, ...] = field()
    classes: tuple[str, ...]
    ignore: int
    coding: tuple[tuple[Value, str | None], ...]

    @classmethod
    def of(cls, target: MaskTarget, manifest: Manifest) -> Self:  # noqa: ARG003
        """Return the kind of the target of some records."""
        if target.one_hot:
            raise ArgumentError(
                f"The masks must have class numbers, not one-hot rows. Received: {target.text}. "
                "Leave out `one_hot` of augseq.Mask."
            )
        return cls(
            columns=target.columns,
            classes=target.classes,
            ignore=target.ignore,
            coding=target.coding,
        )

    @property
    def option(self) -> TargetOption:
        """The target, as a user writes it."""
        coding = dict(self.coding)
        return Mask(self.columns[0], classes=self.classes, ignore=self.ignore, coding=coding)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.classes

    def add_head(self, network: Network) -> Any:
        """Return a logit for each class of each pixel."""
        return network.per_pixel(len(self.classes), "logits")

    def loss(self) -> Any:
        """Return the loss for class numbers, without ignored pixels."""
        # With probabilities instead of logits, ignored pixels would have gradients of NaN.
        return keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, ignore_class=self.ignore
        )

    def metrics(self) -> list[Any]:
        """Return the mean intersection over union, without ignored pixels."""
        return [
            keras.metrics.MeanIoU(
                len(self.classes), ignore_class=self.ignore, sparse_y_pred=False, name="mean_iou"
            )
        ]

    def check_own(self, outputs: npt.NDArray[Any], images: npt.NDArray[Any]) -> None:
        """Raise `ArgumentError` unless there is one output for each class of each pixel."""
        expected = (*images.shape[:3], len(self.classes))
        if outputs.shape != expected:
            raise ArgumentError(
                f"`model` must return one logit for each class of each pixel, so {expected} for "
                f"{expected[0]} images; end it with Conv2D({expected[3]}, 1). {received(outputs)}"
            )

    def compact(self, targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the targets of a batch with the number of classes for ignored pixels."""
        known = np.where(targets == self.ignore, len(self.classes), targets)
        return known.astype(self._dtype)

    def prediction_model(self, model: keras.Model) -> keras.Model:
        """Return a model that returns the class of each pixel, of a byte for up to 255 classes."""
        return _ClassOfPixels(model, len(self.classes), self._dtype)

    @property
    def _dtype(self) -> str:
        # The number of classes marks ignored and invalid pixels.
        return "uint8" if len(self.classes) <= _MOST_OF_BYTE else "uint16"

    def predictions(
        self,
        paths: tuple[str, ...],
        outputs: npt.NDArray[Any],
        truth: Any,
        batches: ImageSequence,
    ) -> MaskPredictions:
        """Return the predicted masks."""
        return MaskPredictions(
            paths=paths, class_names=self.classes, masks=outputs, truth=truth, batches=batches
        )

    @property
    def purpose(self) -> str:
        """A sentence about the classes."""
        return (
            f"It predicts the class of each pixel: {joined(self.classes)}. Its outputs are logits; "
            "the class of a pixel is the one with the highest. Ignored pixels do not count."
        )

    @property
    def use(self) -> str:
        """What to do with the model."""
        return "Segment images"


class _ClassOfPixels(keras.Model):  # type: ignore[misc]
    """Returns the class of each pixel, or the number of classes where outputs are not finite."""

    def __init__(self, model: keras.Model, num_classes: int, dtype: str) -> None:
        # TensorFlow refuses the usual name, which would begin with an underscore.
        super().__init__(name="class_of_pixels")
        self._model = model
        self._num_classes = num_classes
        self._numbers = dtype

    def call(self, inputs: Any) -> Any:
        """Return class numbers, shape (batch, height, width)."""
        logits = self._model(inputs, training=False)
        is_finite = keras.ops.all(keras.ops.isfinite(logits), axis=-1)
        numbers = keras.ops.where(is_finite, keras.ops.argmax(logits, axis=-1), self._num_classes)
        return keras.ops.cast(numbers, self._numbers)
