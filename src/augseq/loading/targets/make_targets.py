"""The targets, further inputs and weights of a sequence, from the options of its constructor."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from augseq.errors import ArgumentError
from augseq.loading.targets.boxes import Boxes
from augseq.loading.targets.input_image import InputImage
from augseq.loading.targets.label import Label, LabelMode, label_target
from augseq.loading.targets.number import NumberTarget, check_weights
from augseq.loading.targets.target import ImageOptions, Target, TargetOption
from augseq.validation import briefly

if TYPE_CHECKING:
    # Brings pyarrow, which would take 30 MB of each worker process.
    from augseq.manifest.manifest import Manifest

TargetOptions: TypeAlias = TargetOption | Mapping[str, TargetOption]
"""One target, or several by the names of the model's outputs."""

_TARGETS = (
    "augseq.Label(), augseq.MultiLabel(...), augseq.Number(...), augseq.Mask(...), "
    "augseq.ValueMap(...), augseq.PairedImage(...), augseq.InputImage(), "
    "augseq.Boxes(...) or augseq.KeyPoints(...)"
)
_INPUTS = (
    "augseq.Number(...), augseq.MultiLabel(...), augseq.Label(...), augseq.PairedImage(...), "
    "augseq.ValueMap(...) or augseq.Mask(...)"
)


def make_targets(
    manifest: "Manifest", targets: Any, label_mode: LabelMode | None, images: ImageOptions
) -> dict[str, Target]:
    """Return the targets of the records of a manifest, by name.

    Args:
        manifest: The records.
        targets: One target, a dict of targets, or None for `label_mode`.
        label_mode: The short form for labels.
        images: How the images of the sequence are loaded.

    Raises:
        ArgumentError: An option is invalid.
        LabelError: A record has no value, or one that does not fit.
    """
    if targets is None:
        return {} if label_mode is None else {"label": label_target(manifest, label_mode)}
    if label_mode not in ("int", None):
        raise ArgumentError(
            "Only one of `targets` and `label_mode` can be given. "
            f"Received: label_mode={label_mode!r}, targets={briefly(targets)}. "
            f"Write targets=augseq.Label(label_mode={label_mode!r})."
        )
    if _is_option(targets):
        name = "label" if isinstance(targets, Label) else "target"
        return {name: targets.bind(manifest, images)}
    options = _checked(targets, "targets", f"{_TARGETS}, or a dict of these", "outputs")
    return {name: option.bind(manifest, images) for name, option in options.items()}


def make_inputs(manifest: "Manifest", inputs: Any, images: ImageOptions) -> dict[str, Target]:
    """Return the further inputs of the records of a manifest, by name.

    Args:
        manifest: The records.
        inputs: A dict of what to load, or None.
        images: How the images of the sequence are loaded.

    Raises:
        ArgumentError: An option is invalid.
        LabelError: A record has no value, or one that does not fit.
    """
    if inputs is None:
        return {}
    options = _checked(inputs, "inputs", f"a dict of {_INPUTS}", "inputs")
    check_input_names("inputs", options)
    boxes = [name for name, option in options.items() if isinstance(option, Boxes)]
    if boxes:
        raise ArgumentError(
            "Boxes are several arrays, and cannot be an input: pass them as a target. "
            f"Received: {boxes[0]!r}: {options[boxes[0]]!r}"
        )
    wrong = [name for name, option in options.items() if isinstance(option, InputImage)]
    if wrong:
        raise ArgumentError(
            "The image is always an input. For another image of each record, use "
            f"augseq.PairedImage. Received: {wrong[0]!r}: {options[wrong[0]]!r}"
        )
    return {name: option.bind(manifest, images) for name, option in options.items()}


def make_weights(
    manifest: "Manifest", weights: Any, targets: Mapping[str, Target]
) -> NumberTarget | None:
    """Return the sample weights of the records of a manifest; None if all are equal.

    Args:
        manifest: The records.
        weights: Name of a column, or None.
        targets: The targets of the same sequence.

    Raises:
        ArgumentError: There are no targets, or no such column.
        LabelError: A weight is missing, negative or not finite, or all are 0.
    """
    if weights is None:
        return None
    if not targets:
        raise ArgumentError(
            "`weights` requires targets: without them, there is no loss to weigh. "
            f"Received: weights={briefly(weights)}"
        )
    return check_weights(manifest, weights)


def check_input_names(argument: str, inputs: Mapping[str, Any]) -> None:
    """Raise `ArgumentError` if an input takes the name of the image."""
    if "image" in inputs:
        raise ArgumentError(
            f"`{argument}` cannot contain the name 'image': it is the name of the image itself. "
            f"Received: {list(inputs)}"
        )


def _checked(
    options: Any, argument: str, expected: str, ends: Literal["inputs", "outputs"]
) -> Mapping[str, TargetOption]:
    is_dict = isinstance(options, Mapping) and len(options) > 0
    wrong = options
    if is_dict:
        bad = [item for item in options.items() if not _is_named_option(*item)]
        if not bad:
            found: Mapping[str, TargetOption] = options
            return found
        wrong = dict(bad)
    raise ArgumentError(
        f"`{argument}` must be {expected}, by the names of the model's {ends}. "
        f"Received: {briefly(wrong)}.{_hint(wrong)}"
    )


def _is_named_option(name: Any, option: Any) -> bool:
    return isinstance(name, str) and bool(name) and _is_option(option)


def _is_option(value: Any) -> bool:
    # A class has the methods of its instances.
    return isinstance(value, TargetOption) and not isinstance(value, type)


def _hint(wrong: Any) -> str:
    """Return what to write instead, with a space before it; or ""."""
    first = next(iter(wrong.values()), None) if isinstance(wrong, Mapping) else wrong
    if isinstance(first, str):
        return (
            f" Write augseq.Number({first!r}) for numbers, augseq.MultiLabel({first!r}, ...) "
            f"for several labels, augseq.Label({first!r}, ...) for classes, "
            f"augseq.Mask({first!r}, ...) for mask files, augseq.ValueMap({first!r}) for files "
            f"of numbers such as depth, or augseq.PairedImage({first!r}) for another image."
        )
    if isinstance(first, type) and issubclass(first, TargetOption):
        return f" Write augseq.{first.__name__}(...), with parentheses."
    if isinstance(first, list | tuple):
        return " Keras takes several targets as a dict, not as a list."
    if isinstance(first, Mapping):
        return " A dict in a dict is not supported."
    return ""
