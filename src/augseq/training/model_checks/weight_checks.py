"""Check before training that Keras multiplies each sample weight with the loss of its record."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import keras

from augseq.errors import ArgumentError
from augseq.loading.plan import BatchPlan
from augseq.loading.targets.target import Target
from augseq.training.model_checks.compiled_loss import (
    computes_loss,
    loss_of_output,
    resolved_loss,
)
from augseq.training.model_checks.model_names import named_outputs

# Stands for sizes that are not known; only the number of axes matters.
_ANY_SIZE = 8


def check_weights(model: Any, plan: BatchPlan) -> None:
    """Raise `ArgumentError` if sample weights do not have as many axes as the losses of a model.

    Keras multiplies weights, shape (batch,), with losses of shape (batch, n) as numpy does: it
    fails, or, if the batch size is n, weighs the columns.

    Args:
        model: A compiled model.
        plan: Its outputs have the names of the targets.
    """
    if plan.sample_weight is None and plan.schedule.shard.padding != "zero_weight":
        return
    if computes_loss(model):
        return
    _check_structure(model, plan.targets, len(named_outputs(model)))
    for one in _trained_outputs(model, plan):
        shape = _loss_shape(one)
        if shape is None or shape[1:] == (1,):
            continue
        if len(shape) != 1 + one.target.num_loss_axes:
            raise _wrong_axes(one.loss, one.name, shape, one.target)
        _check_not_changed(model, one.loss, one.name)


class _TrainedOutput(NamedTuple):
    """An output with its loss, and the shape of its target without the batch."""

    name: str
    target: Target
    shape: tuple[int | None, ...]
    loss: Any
    output: Any


def _trained_outputs(model: Any, plan: BatchPlan) -> Iterator[_TrainedOutput]:
    """Yield the outputs whose targets and losses are known."""
    outputs = named_outputs(model)
    only = plan.target if len(plan.targets) == 1 else None
    if only is not None and only.parts:
        for part, shape in only.parts.items():
            if part in outputs:
                loss = loss_of_output(model, shape, part)
                yield _TrainedOutput(part, only, shape, loss, outputs[part])
        return
    for name, output in outputs.items():
        target = plan.targets.get(name) if len(outputs) > 1 else plan.target
        if target is None:
            continue
        if not target.parts:
            loss = loss_of_output(model, target.shape, name if len(outputs) > 1 else None)
            yield _TrainedOutput(name, target, target.shape, loss, output)
            continue
        losses = model.loss.get(name) if isinstance(model.loss, dict) else None
        if isinstance(output, dict) and isinstance(losses, dict):
            for part, shape in target.parts.items():
                if part in output:
                    loss = resolved_loss(losses.get(part), shape, output[part])
                    yield _TrainedOutput(f"{name}/{part}", target, shape, loss, output[part])


def _check_structure(model: Any, targets: Mapping[str, Target], num_outputs: int) -> None:
    """Raise `ArgumentError` if Keras does not find weights of several shapes by their names."""
    is_list = num_outputs > 1 and not isinstance(model.output, dict)
    if is_list and len({target.num_loss_axes for target in targets.values()}) > 1:
        pairs = ", ".join(f"{name!r}: ..." for name in targets)
        raise ArgumentError(
            "With sample weights, a model with outputs of one value per image and of one per pixel "
            "must be created with a dict of outputs, since each needs weights of its own shape, "
            "which Keras finds by name. Received: a model with a list of outputs. Create it with "
            f"keras.Model(inputs, {{{pairs}}}), or train without weights."
        )


def _check_not_changed(model: Any, loss: Any, name: str) -> None:
    """Raise `ArgumentError` if Keras 3.15 changes the weights before its metrics use them.

    On torch, `apply_mask` of `keras.src.losses.loss` multiplies them in place.
    """
    compiled = getattr(getattr(model, "_compile_config", None), "config", {})
    is_masked = getattr(loss, "ignore_class", None) is not None
    if keras.backend.backend() == "torch" and is_masked and compiled.get("weighted_metrics"):
        raise ArgumentError(
            "On torch, `weighted_metrics` require a loss without `ignore_class`, since Keras "
            "multiplies the weights by the mask of such a loss before the metrics use them. "
            f"Received: ignore_class={loss.ignore_class!r} for the output {name!r}. Compile with a "
            "function that returns the losses without their mask, such as `lambda y, found: "
            "1 * keras.losses.sparse_categorical_crossentropy(y, found, from_logits=True, "
            f"ignore_class={loss.ignore_class!r})`."
        )


def _loss_shape(one: _TrainedOutput) -> tuple[int, ...] | None:
    """Return the shape of what a loss returns before Keras takes the mean; None if not known."""
    loss = one.loss
    call = loss.call if isinstance(loss, keras.losses.Loss) else loss
    if not callable(call):
        return None
    found = (None, *one.output.shape[1:])
    # Height and width of a target are not known before it is loaded, but equal the output's.
    sizes = [
        known or (found[axis] if axis < len(found) else None)
        for axis, known in enumerate(one.shape, start=1)
    ]
    shapes = [[size or _ANY_SIZE for size in shape] for shape in ((None, *sizes), found)]
    y, predicted = (keras.KerasTensor(shape, dtype=keras.config.floatx()) for shape in shapes)
    try:
        # Runs nothing: a backend only derives the shape.
        return tuple(_Call(call).compute_output_spec(y, predicted).shape)
    except Exception:
        # Training will tell what is wrong with it.
        return None


class _Call(keras.Operation):  # type: ignore[misc]
    """A function as Keras derives shapes of."""

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self._function = function

    def call(self, y: Any, predicted: Any) -> Any:
        """Return what the function returns."""
        return self._function(y, predicted)


def _wrong_axes(loss: Any, name: str, shape: tuple[int, ...], target: Target) -> ArgumentError:
    count = len(shape) - 1
    returned = f"an array of shape ('batch', {', '.join(map(str, shape[1:]))})"
    returned = "one number per image" if count == 0 else returned
    returned = "one number per batch" if count < 0 else returned
    title = getattr(loss, "name", None) or getattr(loss, "__name__", loss)
    received = f"Received: the loss {title} of the output {name!r}, which returns {returned}."
    if target.num_loss_axes:
        return ArgumentError(
            "With sample weights, the loss of a mask, map or image must return an array of shape "
            "(batch, height, width), as Keras' own losses do, or (batch, 1, 1). "
            f"{received} Compile with a function that takes the loss of each image and returns "
            "keras.ops.reshape(loss, (-1, 1, 1)), or train without weights."
        )
    function = title if callable(getattr(keras.losses, str(title), None)) else "mean_squared_error"
    options = "".join(
        f", {key}={getattr(loss, key)!r}"
        for key in ("from_logits", "ignore_class")
        if getattr(loss, key, None)
    )
    mean = (
        f"`lambda y, found: keras.ops.mean(keras.losses.{function}(y, found{options}), "
        f"{list(range(1, 1 + max(count, 1)))})`"
    )
    wrapped = ""
    if count == 2 and not target.parts:
        wrapped = (
            " Wrap arrays of masks in augseq.Mask, and others of the size of the images in "
            "augseq.ValueMap or augseq.PairedImage."
        )
    return ArgumentError(
        f"With sample weights, a loss must return one number per image. {received}{wrapped} "
        f"Compile with a function that takes the mean of each image, such as {mean}, or train "
        "without weights."
    )
