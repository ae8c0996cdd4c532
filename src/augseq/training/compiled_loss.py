"""The losses that a model was compiled with, by output."""

from typing import Any

import keras


def computes_loss(model: Any) -> bool:
    """Return whether a model has training code of its own."""
    methods = ("train_step", "test_step", "compute_loss")
    return any(getattr(type(model), name) is not getattr(keras.Model, name) for name in methods)


def loss_of_output(model: Any, name: str | None, names: list[str]) -> Any:
    """Return the loss of an output, a function or an object; None if it is not known.

    Args:
        model: A compiled model.
        name: Name of the output; None if the model has only one.
        names: Names of all outputs.
    """
    loss = _loss_of(model.loss, name, names)
    if isinstance(loss, dict) and len(loss) == 1:
        (loss,) = loss.values()
    if isinstance(loss, list | tuple) and len(loss) == 1:
        (loss,) = loss
    if isinstance(loss, str) and loss.lower() in ("crossentropy", "ce"):
        # Keras chooses among three by the shapes of the first batch.
        return None
    return keras.losses.get(loss) if isinstance(loss, str) else loss


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
