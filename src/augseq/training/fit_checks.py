"""What can be told wrong when Keras begins to train: the order of the labels, and their loss."""

import warnings
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError, AugseqWarning
from augseq.loading.plan import BatchPlan
from augseq.loading.targets.target import Target

_SPARSE = (keras.losses.SparseCategoricalCrossentropy, keras.losses.sparse_categorical_crossentropy)
_ONE_HOT = (keras.losses.CategoricalCrossentropy, keras.losses.categorical_crossentropy)
_BINARY = (keras.losses.BinaryCrossentropy, keras.losses.binary_crossentropy)


def predicts_a_number(model: Any, target: Target) -> bool:
    """Tell whether whole numbers as targets are amounts, such as ages, and no classes."""
    num_classes = target.num_classes or 0
    return _num_outputs(model) == 1 and num_classes > 2 and not target.is_one_hot


def warn_if_sorted(plan: BatchPlan) -> None:
    """Warn where batches hold far fewer classes than they would in random order."""
    if plan.schedule.shuffle or plan.target is None:
        return
    classes = plan.target.class_numbers(plan.manifest)
    if classes is None:
        return
    batch_size = plan.schedule.batch_size
    found, expected = _classes_in_a_batch(classes, batch_size)
    if len(classes) > batch_size and found - 1 < (expected - 1) / 2:
        warnings.warn(
            f"The training images are sorted by class: a batch of {batch_size} holds {found:.1f} "
            f"classes on average, in random order it would hold {expected:.1f}, so the model "
            "forgets one class while it learns the next. Pass shuffle=True to ImageSequence. "
            "(The `shuffle` of `fit` only changes the order of whole batches.)",
            AugseqWarning,
            stacklevel=2,
        )


def _classes_in_a_batch(
    classes: npt.NDArray[np.integer[Any]], batch_size: int
) -> tuple[float, float]:
    """Return how many classes a batch holds on average: in this order, and in a random one."""
    codes, counts = np.unique(classes, return_inverse=True, return_counts=True)[1:]
    batches = np.arange(len(codes)) // batch_size
    num_found = np.unique(batches * len(counts) + codes).size
    expected = np.sum(1 - (1 - counts / len(codes)) ** batch_size)
    return num_found / (batches[-1] + 1), float(expected)


def check_outputs(model: Any, target: Target) -> None:
    """Raise where a model's outputs and loss cannot fit the targets.

    Keras says it with shapes, or, where a class has no output, with a loss of NaN. Nothing is
    said of models that compute their loss in a way of their own.

    Raises:
        ArgumentError: The model has too few outputs, or the loss expects other targets.
    """
    num_outputs, loss, num_classes = _num_outputs(model), _plain_loss(model), target.num_classes
    if num_outputs is None or loss is None or num_classes is None:
        return
    if _is(loss, _SPARSE):
        if target.is_one_hot:
            raise ArgumentError(
                "The loss sparse_categorical_crossentropy takes class numbers, but the targets are "
                f"one-hot rows. Pass {target.as_numbers}, or compile with the loss "
                '"categorical_crossentropy".'
            )
        _require_outputs(num_outputs >= num_classes, num_outputs, num_classes)
    elif _is(loss, _ONE_HOT):
        if not target.is_one_hot:
            raise ArgumentError(
                "The loss categorical_crossentropy takes one-hot rows, but the targets are class "
                'numbers. Compile with the loss "sparse_categorical_crossentropy", or pass '
                f"{target.as_one_hot}."
            )
        _require_outputs(num_outputs == num_classes, num_outputs, num_classes)
    elif _is(loss, _BINARY) and num_outputs == 1 and not target.is_one_hot and num_classes > 2:
        raise ArgumentError(
            "The loss binary_crossentropy with one output tells two classes apart, but there are "
            f"{num_classes}. End the model with {num_classes} outputs and compile with the loss "
            '"sparse_categorical_crossentropy".'
        )


def _require_outputs(is_right: bool, num_outputs: int, num_classes: int) -> None:
    if not is_right:
        binary = ', or compile with the loss "binary_crossentropy"'
        raise ArgumentError(
            f"The model must have an output for each of the {num_classes} classes. Received: a "
            f"model with {num_outputs} output{'s' * (num_outputs != 1)}. End it with "
            f"keras.layers.Dense({num_classes}){binary * (num_outputs == 1 and num_classes == 2)}."
        )


def _num_outputs(model: Any) -> int | None:
    """Return the length of a model's output row; None where it is not one row of known length."""
    outputs = getattr(model, "outputs", None)
    if not isinstance(outputs, list) or len(outputs) != 1 or len(outputs[0].shape) != 2:
        return None
    num_outputs: int | None = outputs[0].shape[-1]
    return num_outputs


def _plain_loss(model: Any) -> Any:
    """Return the one loss that a model is compiled with; None where it trains in its own way."""
    for name in ("train_step", "test_step", "compute_loss"):
        if getattr(type(model), name) is not getattr(keras.Model, name):
            return None
    loss = model.loss
    if isinstance(loss, dict) and len(loss) == 1:
        (loss,) = loss.values()
    if isinstance(loss, list | tuple) and len(loss) == 1:
        (loss,) = loss
    if getattr(loss, "ignore_class", None) is not None:
        # Its number need have no output.
        return None
    return keras.losses.get(loss) if isinstance(loss, str) else loss


def _is(loss: Any, kind: tuple[type, Any]) -> bool:
    # A subclass may take other targets.
    return type(loss) is kind[0] or loss is kind[1]
