"""A target as plain values, for the settings of a run."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from augseq.errors import ArgumentError
from augseq.loading.targets.label import Label
from augseq.loading.targets.mask import Mask
from augseq.loading.targets.multi_label import MultiLabel
from augseq.loading.targets.number import Number
from augseq.loading.targets.target import TargetOption
from augseq.validation import briefly

_OPTIONS: dict[str, type[Any]] = {
    option.__name__: option for option in (Label, Number, MultiLabel, Mask)
}


def check_target(target: Any) -> TargetOption:
    """Return a target that a run can be trained on.

    Raises:
        ArgumentError: It is something else.
    """
    is_known = type(target) in _OPTIONS.values()
    is_sparse = getattr(target, "label_mode", "int") == "int"
    is_sparse &= not getattr(target, "one_hot", False)
    if is_known and is_sparse:
        found: TargetOption = target
        return found
    raise ArgumentError(
        'To train on, `target` must be augseq.Label() with label_mode="int", augseq.Number(...), '
        "augseq.MultiLabel(...), or augseq.Mask(...) with one_hot=False. "
        f"Received: {briefly(target)}"
    )


def target_settings(target: TargetOption) -> dict[str, Any]:
    """Return the name of a target's class, and its options, as JSON can store them."""
    given = {
        field.name: getattr(target, field.name)
        for field in fields(target)  # type: ignore[arg-type]
        # Not compared: an array of classes cannot be.
        if getattr(target, field.name) is not field.default
    }
    return {"kind": type(target).__name__, **{name: _plain(v) for name, v in given.items()}}


def read_target(settings: Mapping[str, Any]) -> TargetOption:
    """Return the target in the settings of a run.

    Args:
        settings: All settings.

    Raises:
        ArgumentError: Another version of augseq wrote it.
    """
    stored = settings.get("target", {"kind": Label.__name__})
    options = {name: value for name, value in stored.items() if name != "kind"}
    if "coding" in options:
        # JSON has no colours as keys.
        options["coding"] = {
            tuple(value) if isinstance(value, list) else value: name
            for value, name in options["coding"]
        }
    if "mirror" in options:
        options["mirror"] = dict(options["mirror"])
    try:
        target: TargetOption = _OPTIONS[stored["kind"]](**options)
    except (KeyError, TypeError) as error:
        raise ArgumentError(
            f"This version of augseq does not know the target of the run: {stored}"
        ) from error
    return target


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return [[_plain(key), _plain(part)] for key, part in value.items()]
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    # An array or a number of numpy.
    return value.tolist() if hasattr(value, "tolist") else value
