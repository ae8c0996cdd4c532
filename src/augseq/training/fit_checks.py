"""Checks before Keras begins to train: order of the labels, model outputs and loss."""

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
    """Return whether integer targets are quantities, such as ages, rather than classes."""
    num_classes = target.num_classes or 0
    return _num_outputs(model) == 1 and num_classes > 2 and not target.is_one_hot


def warn_if_sorted(plan: BatchPlan) -> None:
    """Warn if batches hold far fewer classes than they would in random order."""
    if plan.schedule.shuffle or plan.target is None:
        return
    classes = plan.target.class_numbers(plan.manifest)
    if classes is None:
        return
    batch_size = plan.schedule.batch_size
    found, expected = _classes_in_a_batch(classes, batch_size)
    if len(classes) > batch_size and found - 1 < (expected - 1) / 2:
        warnings.warn(
            f"The training images are sorted by class: a batch of {batch_size} has {found:.1f} "
            f"classes on average, instead of {expected:.1f} in random order, so the model "
            "forgets one class while it learns the next. Pass shuffle=True to ImageSequence. "
            "(The `shuffle` of `fit` only changes the order of whole batches.)",
            AugseqWarning,
            stacklevel=2,
        )


def _classes_in_a_batch(
    classes: npt.NDArray[np.integer[Any]], batch_size: int
) -> tuple[float, float]:
    """Return the average number of classes per batch: in this order, and in random order."""
    codes, counts = np.unique(classes, return_inverse=True, return_counts=True)[1:]
    batches = np.arange(len(codes)) // batch_size
    num_found = np.unique(batches * len(counts) + codes).size
    expected = np.sum(1 - (1 - counts / len(codes)) ** batch_size)
    return num_found / (batches[-1] + 1), float(expected)


def check_outputs(model: Any, target: Target) -> None:
    """Raise if a model's outputs or loss do not match the targets.

    Keras would report shapes or, if a class has no output, a loss of NaN. Models that compute
    their loss themselves are not checked.

    Raises:
        ArgumentError: The model has too few outputs, or the loss expects different targets.
    """
    num_outputs, loss, num_classes = _num_outputs(model), _plain_loss(model), target.num_classes
    if num_outputs is None or loss is None or num_classes is None:
        return
    if _is(loss, _SPARSE):
        if target.is_one_hot:
            raise ArgumentError(
                "The loss sparse_categorical_crossentropy expects integer labels, but the targets "
                f"are one-hot. Pass {target.as_numbers}, or compile with the loss "
                '"categorical_crossentropy".'
            )
        _require_outputs(num_outputs >= num_classes, num_outputs, num_classes)
    elif _is(loss, _ONE_HOT):
        if not target.is_one_hot:
            raise ArgumentError(
                "The loss categorical_crossentropy expects one-hot targets, but the targets are "
                'integer labels. Compile with the loss "sparse_categorical_crossentropy", or pass '
                f"{target.as_one_hot}."
            )
        _require_outputs(num_outputs == num_classes, num_outputs, num_classes)
    elif _is(loss, _BINARY) and num_outputs == 1 and not target.is_one_hot and num_classes > 2:
        raise ArgumentError(
            "The loss binary_crossentropy with one output can separate two classes, but there are "
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
    """Return the size of a model's output; None if it is not one vector of known size."""
    outputs = getattr(model, "outputs", None)
    if not isinstance(outputs, list) or len(outputs) != 1 or len(outputs[0].shape) != 2:
        return None
    num_outputs: int | None = outputs[0].shape[-1]
    return num_outputs


def _plain_loss(model: Any) -> Any:
    """Return the single compiled loss of a model; None with custom training code."""
    for name in ("train_step", "test_step", "compute_loss"):
        if getattr(type(model), name) is not getattr(keras.Model, name):
            return None
    loss = model.loss
    if isinstance(loss, dict) and len(loss) == 1:
        (loss,) = loss.values()
    if isinstance(loss, list | tuple) and len(loss) == 1:
        (loss,) = loss
    if getattr(loss, "ignore_class", None) is not None:
        # The ignored class needs no output.
        return None
    return keras.losses.get(loss) if isinstance(loss, str) else loss


def _is(loss: Any, kind: tuple[type, Any]) -> bool:
    # A subclass can expect different targets.
    return type(loss) is kind[0] or loss is kind[1]
