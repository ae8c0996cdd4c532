"""Predict with a model of one's own, averaged over augmented views of each image."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.loading.targets.array_row import ArrayRowTarget
from augseq.loading.targets.column_checks import check_classes_option
from augseq.training.kinds.classes import Classes
from augseq.training.kinds.kind import Kind, Predicted
from augseq.training.kinds.kind_of import kind_of
from augseq.training.kinds.number_predictions import NumberPredictions
from augseq.training.kinds.predictions import Predictions
from augseq.training.model_checks.model_names import check_inputs
from augseq.training.prediction.predict_batches import each_in_order, moves_with_image, predict_kind
from augseq.training.sequence import ImageSequence


def predict(
    model: keras.Model,
    batches: ImageSequence,
    *,
    views: int = 1,
    class_names: Sequence[str] | None = None,
    verbose: int = 0,
) -> Predictions:
    """Predict what is in images, averaged over several augmented views of each.

    Each image is predicted exactly `views` times, whatever its order, `sampling`, `repeats` and
    `mix` in `batches`, which are for training. View k is the sample of epoch k, so
    `batches.show_augmentations(num_epochs=views)` draws them, and the same call always predicts the
    same pixels. If the target has a `mirror`, what the model returns for a mirrored view is
    exchanged back, so that it is about the record.

    Args:
        model: Returns probabilities or numbers, shape (batch, n); with `views=1` also a mask, shape
            (batch, height, width, num_classes).
        batches: The images, with the augmentations of the views. Its target tells what the model
            predicts.
        views: Number of augmented views of each image; the mean of what the model returns for them
            is the prediction (test-time augmentation). With 1, there is one view: without
            `augment`, the image itself.
        class_names: Names of the classes, in the order of the model's outputs, for images without
            labels, or with classes in another order.
        verbose: As in Keras' `predict`: 1 shows a progress bar for each view.

    Returns:
        The images in the order of the manifest, with their paths: `ClassPredictions`,
        `NumberPredictions`, `TagPredictions` or `MaskPredictions`, by the target of `batches`.
        Without a target, and without labels in the manifest, `NumberPredictions` with the numbers
        "output_0", "output_1" and so on, unless you pass `class_names`.

    Raises:
        ArgumentError: `batches` is not an `ImageSequence`, or a shard; there are several views of
            targets that move with the image, such as masks, or without augmentations; classes
            change places in mirrored images, and it cannot be known which images are mirrored; or
            the model returns something else, or NaN.
        DecodeError: A file does not hold a usable image.

    Warns:
        AugseqWarning: The labels in the manifest are not compared with the predictions, because
            `class_names` does not have all of them, or some images have none.

    Example:
        >>> batches = augseq.ImageSequence(val, augment=[A.HorizontalFlip()])   # doctest: +SKIP
        >>> found = augseq.predict(model, batches, views=8)                # doctest: +SKIP
        >>> found.accuracy                                                 # doctest: +SKIP
        0.97
        >>> found.write_csv("predictions.csv", all_classes=True)           # doctest: +SKIP
    """
    if not isinstance(batches, ImageSequence):
        raise ArgumentError(
            f"`predict` requires an ImageSequence. Received: {type(batches).__name__}"
        )
    ordered = each_in_order(batches, views)
    for target in batches._plan.targets.values():
        if views > 1 and (target.map_kind or target.own_source):
            raise moves_with_image(target.text, views)
    kind = _kind(batches, class_names)
    check_inputs(model, ordered._plan)
    return predict_kind(kind, model, ordered, views=views, verbose=verbose)


class _Outputs(Predicted):
    """Numbers without names: what a model returns for images without a target."""

    def predictions(
        self,
        paths: tuple[str, ...],
        outputs: npt.NDArray[Any],
        truth: Any,
        batches: ImageSequence,
    ) -> NumberPredictions:
        """Return the numbers, named by their position."""
        names = tuple(f"output_{number}" for number in range(np.shape(outputs)[-1]))
        return NumberPredictions(paths=paths, names=names, values=outputs)


def _kind(batches: ImageSequence, class_names: Sequence[str] | None) -> Kind | _Outputs:
    """Return what a model predicts for the images of a sequence."""
    targets, names = list(batches._plan.targets.values()), batches.manifest.class_names
    kind: Kind | _Outputs = Classes(classes=names) if names else _Outputs()
    if targets and not (len(targets) == 1 and isinstance(targets[0], ArrayRowTarget)):
        kind = kind_of(batches, "predict")
    if class_names is None:
        return kind
    check_classes_option("predict", class_names, name="class_names")
    if not isinstance(kind, Classes | _Outputs):
        raise ArgumentError(
            "`class_names` requires one class per image as the target, or none. Received: "
            f"{kind.option}"
        )
    column = kind.column if isinstance(kind, Classes) else None
    return Classes(classes=tuple(class_names), column=column)
