"""Checks before Keras begins to train: order of the labels, model outputs and loss."""

import warnings
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError, AugseqWarning
from augseq.loading.plan import BatchPlan
from augseq.loading.targets.array_row import ArrayRowTarget
from augseq.loading.targets.target import Target
from augseq.training.model_checks.compiled_loss import computes_loss, loss_of_output
from augseq.training.model_checks.model_names import check_outputs_named, named_outputs
from augseq.training.model_checks.weight_checks import check_weights

_SPARSE = (keras.losses.SparseCategoricalCrossentropy, keras.losses.sparse_categorical_crossentropy)
_ONE_HOT = (keras.losses.CategoricalCrossentropy, keras.losses.categorical_crossentropy)
# Losses that compare value by value; Keras stretches one output to the shape of several targets.
_BY_VALUE = (
    (keras.losses.BinaryCrossentropy, keras.losses.binary_crossentropy),
    (keras.losses.BinaryFocalCrossentropy, keras.losses.binary_focal_crossentropy),
    (keras.losses.Huber, keras.losses.huber),
    (keras.losses.LogCosh, keras.losses.log_cosh),
    (keras.losses.MeanAbsoluteError, keras.losses.mean_absolute_error),
    (keras.losses.MeanSquaredError, keras.losses.mean_squared_error),
)
_BINARY = (keras.losses.BinaryCrossentropy, keras.losses.binary_crossentropy)


def predicts_a_number(model: Any, target: Target) -> bool:
    """Return whether integer targets are quantities, such as ages, rather than classes."""
    num_classes = target.num_classes or 0
    return _num_outputs(model) == 1 and num_classes > 2 and not target.is_one_hot


def warn_if_sorted(plan: BatchPlan) -> None:
    """Warn if batches hold far fewer classes than they would in random order."""
    if plan.schedule.order.shuffle:
        return
    for target in plan.targets.values():
        classes = target.class_numbers(plan.manifest)
        if classes is not None:
            _warn_if_sorted(classes, plan)
            return


def warn_if_for_training(plan: BatchPlan) -> None:
    """Warn if metrics or predictions would be those of mixed or repeated images."""
    if plan.pipeline.mix is not None:
        options, effect = "`mix`", "mixed images"
    elif plan.schedule.order.frequency.text:
        options, effect = "`sampling` or `repeats`", "images that are used more often than others"
        if plan.schedule.order.frequency.times > 1:
            effect = "images that are used several times"
    else:
        return
    warnings.warn(
        f"A sequence with {options} is for training: these metrics or predictions are those of "
        f"{effect}. To validate, evaluate or predict, use a sequence without {options}.",
        AugseqWarning,
        stacklevel=3,
    )


def _warn_if_sorted(classes: npt.NDArray[np.integer[Any]], plan: BatchPlan) -> None:
    batch_size = plan.schedule.batch_size
    found, expected = _classes_in_a_batch(classes, batch_size)
    if len(classes) > batch_size and found - 1 < (expected - 1) / 2:
        warnings.warn(
            f"The training images are sorted by class: a batch of {batch_size} has {found:.1f} "
            f"classes on average, instead of {expected:.1f} in random order, so the model "
            "forgets one class while it learns the next. Pass shuffle=True to ImageSequence. "
            "(The `shuffle` of `fit` only changes the order of whole batches.)",
            AugseqWarning,
            stacklevel=3,
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


def check_class_weight(class_weight: Any, plan: BatchPlan) -> None:
    """Raise `ArgumentError` if `class_weight` does not fit the targets or the sampling.

    Keras fails with an IndexError on several targets, and takes the largest of several labels, or
    a number, for a class.
    """
    if class_weight is None or not plan.targets:
        return
    target, *more = plan.targets.values()
    # Rows of an array can be classes that the loss knows more about.
    if more or (target.num_classes is None and not isinstance(target, ArrayRowTarget)):
        what = f"the targets {list(plan.targets)}" if more else target.text
        raise ArgumentError(
            "`class_weight` requires one target with one class per image. "
            f"Received: {what}. Weight the records instead: images.with_column('weight', values), "
            "and weights='weight' in ImageSequence (for arrays: `sample_weight`)."
        )
    if plan.schedule.order.frequency.by_class:
        raise ArgumentError(
            "With sampling=augseq.Balanced(), the model sees each class equally often, so "
            "`class_weight` would balance the classes a second time. Received: both. Remove one of "
            "them."
        )
    if plan.sample_weight is not None:
        raise ArgumentError(
            "Keras takes either `class_weight` or sample weights. Received: both. Multiply each "
            "sample weight by the weight of its class, and remove `class_weight`."
        )


def check_targets(model: Any, plan: BatchPlan) -> None:
    """Raise if the names, outputs or losses of a model do not match the targets.

    Raises:
        ArgumentError: A name is different, an output has the wrong size, or a loss expects a
            different kind of target.
    """
    if any(target.parts for target in plan.targets.values()) and computes_loss(model):
        # It takes boxes as it likes, as detectors do.
        return
    check_outputs_named(model, plan)
    check_weights(model, plan)
    if plan.pipeline.mix is not None:
        _check_mixed(model, plan.targets)
    if len(plan.targets) == 1:
        check_outputs(model, next(iter(plan.targets.values())))
        return
    for name, target in plan.targets.items():
        check_outputs(model, target, name)


def _check_mixed(model: Any, targets: Mapping[str, Target]) -> None:
    """Raise `ArgumentError` if a loss takes mixed rows of an array for class numbers."""
    for name, target in targets.items():
        loss = _plain_loss(model, target, name if len(targets) > 1 else None)
        is_row = isinstance(target, ArrayRowTarget) and not target.is_one_hot
        if loss is not None and _is(loss, _SPARSE) and is_row:
            raise ArgumentError(
                "The loss sparse_categorical_crossentropy expects class numbers, but `mix` "
                "computes numbers between those of two images. Pass one-hot targets, such as "
                "keras.utils.to_categorical(y), and compile with the loss "
                '"categorical_crossentropy".'
            )


def check_outputs(model: Any, target: Target, name: str | None = None) -> None:
    """Raise if an output or loss of a model does not match its target.

    Keras would report shapes or, if a class has no output, a loss of NaN. Models that compute
    their loss themselves are not checked.

    Args:
        model: A compiled model.
        target: What the output is trained on.
        name: Name of the output; None if the model has only one.

    Raises:
        ArgumentError: The model has too few outputs, or the loss expects different targets.
    """
    num_outputs, loss = _num_outputs(model, name), _plain_loss(model, target, name)
    num_classes = target.num_classes
    if num_outputs is None or loss is None:
        return
    if num_classes is None:
        _check_values(num_outputs, loss, target, name)
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


def _check_values(num_outputs: int, loss: Any, target: Target, name: str | None) -> None:
    """Raise `ArgumentError` if values that are not classes do not have the size of the output."""
    if len(target.shape) != 1 or isinstance(target, ArrayRowTarget):
        return
    where = "the model" if name is None else f"the output {name!r}"
    if _is(loss, _SPARSE):
        raise ArgumentError(
            "The loss sparse_categorical_crossentropy expects one class per image, but the target "
            f"of {where} is {target.text}. For several labels, compile with the loss "
            '"binary_crossentropy"; for numbers, with "mse".'
        )
    if any(_is(loss, kind) for kind in _BY_VALUE) and num_outputs != target.shape[0]:
        raise ArgumentError(
            f"The size of an output must be that of its target. Received: {num_outputs} from "
            f"{where}, but the target is {target.text}. End {where} with "
            f"keras.layers.Dense({target.shape[0]})."
        )


def _require_outputs(is_right: bool, num_outputs: int, num_classes: int) -> None:
    if not is_right:
        binary = ', or compile with the loss "binary_crossentropy"'
        raise ArgumentError(
            f"The model must have an output for each of the {num_classes} classes. Received: a "
            f"model with {num_outputs} output{'s' * (num_outputs != 1)}. End it with "
            f"keras.layers.Dense({num_classes}){binary * (num_outputs == 1 and num_classes == 2)}."
        )


def _num_outputs(model: Any, name: str | None = None) -> int | None:
    """Return the size of a model's output; None if it is not one vector of known size."""
    outputs = getattr(model, "outputs", None)
    if name is not None:
        named = named_outputs(model)
        outputs = [named[name]] if name in named else None
    if not isinstance(outputs, list) or len(outputs) != 1:
        return None
    (output,) = outputs
    # Boxes and labels are a dict among several targets.
    if isinstance(output, dict) or len(output.shape) != 2:
        return None
    num_outputs: int | None = output.shape[-1]
    return num_outputs


def _plain_loss(model: Any, target: Target, name: str | None = None) -> Any:
    """Return the compiled loss of a model's output; None with custom training code."""
    if computes_loss(model):
        return None
    loss = loss_of_output(model, target.shape, name)
    # The ignored class needs no output.
    return None if getattr(loss, "ignore_class", None) is not None else loss


def _is(loss: Any, kind: tuple[type, Any]) -> bool:
    # A subclass can expect different targets.
    return type(loss) is kind[0] or loss is kind[1]
