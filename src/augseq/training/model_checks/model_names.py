"""Compare the names in a batch with the inputs and outputs of a model, before the first batch."""

from collections.abc import Sequence
from typing import Any

from augseq.errors import ArgumentError
from augseq.loading.plan import BatchPlan
from augseq.loading.sample import IMAGE
from augseq.validation import did_you_mean


def check_inputs(model: Any, plan: BatchPlan) -> None:
    """Raise `ArgumentError` if the names of several inputs are not those of the model.

    Keras reports them as a wrong shape of another input, and drops surplus ones.
    """
    names, expected = [IMAGE, *plan.pipeline.inputs], input_names(model)
    if expected is None or len(names) == len(expected) == 1:
        return
    if set(names) != set(expected):
        raise ArgumentError(
            f"The inputs of a batch must have the names of the model's inputs. Received: {names}. "
            f"The model's inputs: {expected}.{_hint(names, expected)} Name them in the dict "
            "`inputs` of ImageSequence (for arrays: `x`), and with keras.Input(..., name=...); the "
            f"images are always {IMAGE!r}."
        )


def check_outputs_named(model: Any, plan: BatchPlan) -> None:
    """Raise `ArgumentError` if the names of several targets are not those of the model's outputs.

    Keras reports them as "different structures", or as text that is not a number.
    """
    names, expected = list(plan.targets), output_names(model)
    if len(names) == 1 and plan.target is not None:
        names = list(plan.target.parts) or names
    if expected is None or len(names) == len(expected) == 1:
        return
    if set(names) != set(expected):
        named: Any = names if len(names) > 1 else "one target"
        raise ArgumentError(
            f"The targets must have the names of the model's outputs. Received: {named}. The "
            f"model's outputs: {expected}.{_hint(names, expected)} Name them in the dict "
            "`targets` of ImageSequence (for arrays: `y`), and with the `name` of the last layers."
        )


def input_names(model: Any) -> list[str] | None:
    """Return the names of the inputs that a batch must have; None if they are not known."""
    tensors = getattr(model, "inputs", None)
    if not isinstance(tensors, list) or not tensors:
        return None
    return _keys(model, "input") or [tensor.name for tensor in tensors]


def output_names(model: Any) -> list[str] | None:
    """Return the names of the targets that a batch must have; None if they are not known."""
    tensors = getattr(model, "outputs", None)
    if not isinstance(tensors, list) or not tensors:
        return None
    # A `Sequential` does not have them.
    names = getattr(model, "output_names", None) or [model.layers[-1].name]
    named = list(map(str, names)) if len(names) == len(tensors) else None
    return _keys(model, "output") or named


def named_outputs(model: Any) -> dict[str, Any]:
    """Return the outputs of a model by the names of its targets; empty if they are not known."""
    if _keys(model, "output") is not None:
        return dict(model.output)
    names, tensors = output_names(model), getattr(model, "outputs", None)
    return dict(zip(names, tensors, strict=True)) if names and isinstance(tensors, list) else {}


def _keys(model: Any, attribute: str) -> list[str] | None:
    """Return the keys of a model that was created with a dict of tensors."""
    try:
        tensors = getattr(model, attribute, None)
    except (AttributeError, ValueError, RuntimeError):
        return None
    return list(map(str, tensors)) if isinstance(tensors, dict) else None


def _hint(names: Sequence[str], expected: Sequence[str]) -> str:
    wrong = [name for name in names if name not in expected]
    free = [name for name in expected if name not in names]
    return did_you_mean(wrong[0], free) if wrong else ""
