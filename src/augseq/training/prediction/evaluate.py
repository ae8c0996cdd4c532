"""Evaluate a model on images with known values."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from augseq.errors import ArgumentError
from augseq.training.kinds.evaluation import Evaluation
from augseq.training.kinds.kind import Kind
from augseq.training.kinds.kind_of import kind_of
from augseq.training.prediction.mirrored_views import check_classes_stay
from augseq.training.prediction.predict_batches import check_one_size, predict_kind
from augseq.training.sequence import ImageSequence


def evaluate(
    model: keras.Model,
    batches: ImageSequence,
    *,
    history: keras.callbacks.History | Mapping[str, Sequence[float]] | None = None,
    verbose: int = 0,
) -> Evaluation:
    """Evaluate a model of your own on images with known values.

    Args:
        model: What it must return depends on the target of `batches`: a probability for each
            class, shape (batch, num_classes), or, for two classes, that of the second one, shape
            (batch, 1); a number for each column, shape (batch, num_columns); a probability for
            each tag, shape (batch, num_tags); a number for each class of each pixel, of which the
            highest wins, shape (batch, height, width, num_classes).
        batches: Batches in the order of the manifest, with one target: labels (`label_mode`),
            `Number`, `MultiLabel` or `Mask`.
        history: What `fit` returned, to draw its curves.
        verbose: As in Keras' `predict`: 1 shows a progress bar.

    Returns:
        A `ClassEvaluation`, `NumberEvaluation`, `TagEvaluation` or `MaskEvaluation`.

    Raises:
        ArgumentError: `batches` is not an `ImageSequence`, is shuffled or incomplete, or has
            another target; or the model returns something else.
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
    check_one_size(batches, "evaluate")
    check_classes_stay(batches)
    schedule = batches._plan.schedule
    order = schedule.order
    wrong = {
        "shuffle=True": order.shuffle,
        "sampling or repeats": bool(order.frequency.text),
        "drop_remainder=True": schedule.drop_remainder,
        "repeat()": batches.length is None,
    }
    if any(wrong.values()):
        options = ", ".join(name for name, is_set in wrong.items() if is_set)
        raise ArgumentError(
            "`evaluate` requires each image once, in the order of the manifest. Received: an "
            f"ImageSequence with {options}. Evaluate one without."
        )
    kind = kind_of(batches, "evaluate")
    curves: Any = getattr(history, "history", history)
    return evaluate_kind(kind, model, batches, history=curves or {}, verbose=verbose)


def evaluate_kind(
    kind: Kind,
    model: keras.Model,
    batches: ImageSequence,
    *,
    history: Mapping[str, Sequence[float]],
    verbose: int = 0,
) -> Evaluation:
    """Evaluate a model of a kind, as `evaluate` does.

    Args:
        kind: What the model predicts.
        model: The model.
        batches: Batches in the order of the manifest.
        history: Loss and metrics of each epoch.
        verbose: As in Keras' `predict`.
    """
    predictions = predict_kind(kind, model, batches, verbose=verbose)
    return kind.evaluation(predictions, batches, history)
