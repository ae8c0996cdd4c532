"""The losses that a model was compiled with, by output."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import keras

from augseq.training.model_checks.model_names import named_outputs

Shape: TypeAlias = Sequence[int | None]


def computes_loss(model: Any) -> bool:
    """Return whether a model has training code of its own."""
    methods = ("train_step", "test_step", "compute_loss")
    return any(getattr(type(model), name) is not getattr(keras.Model, name) for name in methods)


def loss_of_output(model: Any, shape: Shape, name: str | None = None) -> Any:
    """Return the loss of an output, a function or an object; None if it is not known.

    Args:
        model: A compiled model.
        shape: Shape of what the output is trained on, without the batch.
        name: Name of the output; None if the model has only one.
    """
    outputs = named_outputs(model)
    loss = _loss_of(model.loss, name, list(outputs))
    if isinstance(loss, dict) and len(loss) == 1:
        (loss,) = loss.values()
    if isinstance(loss, list | tuple) and len(loss) == 1:
        (loss,) = loss
    output = next(iter(outputs.values()), None) if name is None else outputs.get(name)
    return resolved_loss(loss, shape, output)


def resolved_loss(loss: Any, shape: Shape, output: Any) -> Any:
    """Return a loss as a function or an object, by its name if it is text; None if unknown.

    Args:
        loss: What was passed to `compile` for an output.
        shape: As for `loss_of_output`.
        output: The output; None if it is not known.
    """
    if isinstance(loss, str) and loss.lower() in ("crossentropy", "ce"):
        return None if output is None else _chosen_crossentropy(shape, output.shape)
    return keras.losses.get(loss) if isinstance(loss, str) else loss


def _chosen_crossentropy(shape: Shape, output: Shape) -> Any:
    """Return the loss that Keras chooses by the shapes of the first batch, as "crossentropy".

    Source:
        `is_binary_or_sparse_categorical` of `keras.src.trainers.compile_utils`.
    """
    if output[-1] == 1:
        return keras.losses.binary_crossentropy
    if 1 + len(shape) < len(output) or shape[-1:] == (1,):
        return keras.losses.sparse_categorical_crossentropy
    return keras.losses.categorical_crossentropy


def _loss_of(loss: Any, name: str | None, names: list[str]) -> Any:
    """Return the loss of a named output, from what was passed to `compile`."""
    if name is None:
        return loss
    if isinstance(loss, dict):
        return loss.get(name)
    if isinstance(loss, list | tuple):
        is_known = name in names and len(loss) == len(names)
        return loss[names.index(name)] if is_known else None
    return loss
