"""Why an object cannot stand in a list, told when the list is made."""

import functools
import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from augseq.augment.albumentations_parts import NO_TENSORS, is_albumentations, is_compose, parts_of
from augseq.augment.float_range import normalized_range, range_use

# Their calls take anything, or two arguments by chance, so that a signature would not tell.
_FOREIGN = {
    "keras": "layers",
    "tf_keras": "layers",
    "keras_cv": "layers",
    "keras_hub": "layers",
    "tensorflow": "tensors",
    "torch": "tensors",
    "torchvision": "tensors",
    "kornia": "tensors",
    "jax": "tensors",
    "imgaug": "others",
    "monai": "others",
}
_ADVICE = {
    "layers": "Layers keep generators of their own and work on batches of tensors; put it in the "
    "model, as its first layer.",
    "tensors": "It works on tensors, with generators of its own. Use the transform of "
    "albumentations that does the same, a function f(image, rng) with numpy, or a layer of Keras "
    "in the model.",
    "others": "It draws from generators of its own. Use the transform of albumentations that does "
    "the same, or write a function f(image, rng) with numpy.",
}
_MIXING = ("mixup", "cutmix", "mosaic")
_MIXING_ADVICE = (
    "It mixes pairs of images and their labels, but an element of the list gets one image and no "
    "label. Mix the batches in a PyDataset around the sequence, with "
    'label_mode="categorical": see "MixUp and CutMix" in docs/training.md.'
)
# What these ask for, besides the image, without declaring it in `targets_as_params`.
_UNDECLARED: dict[str, tuple[str, ...]] = {
    "BBoxSafeRandomCrop": ("bboxes",),
    "ConstrainedCoarseDropout": ("mask",),
    "CropNonEmptyMaskIfExists": ("mask",),
    "RandomSizedBBoxSafeCrop": ("bboxes",),
}


def reason_against(item: Any) -> str | None:
    """Return why an object that is not of albumentations cannot stand in a list, and what can."""
    if isinstance(item, type):
        return f"This is the class itself; write {item.__name__}(...)."
    if not callable(item):
        return "It cannot be called."
    library = _foreign_library(item)
    if library:
        is_mixing = any(word in type(item).__name__.lower() for word in _MIXING)
        return _MIXING_ADVICE if is_mixing else _ADVICE[_FOREIGN[library]]
    try:
        inspect.signature(item).bind("image", "rng")
    except TypeError:
        return "It must take two arguments, the image and the generator."
    except ValueError:
        # Some builtins have no signature to ask.
        return None
    return None


def reason_against_parts(transform: Any) -> str | None:
    """Return what a transform of albumentations, or a part of it, needs that a sequence lacks.

    Args:
        transform: A transform, or a `Compose` of some.
    """
    for part in _all_of(transform):
        fields = _label_fields(part)
        if fields:
            return (
                f"{type(part).__name__} with {fields} needs boxes or keypoints besides the image, "
                "and a sequence hands over the image alone. Remove bbox_params and "
                "keypoint_params."
            )
    for part in parts_of(transform):
        reason = None if getattr(part, "p", 1) <= 0 else _reason_against_part(part)
        if reason:
            return reason
    return None


def reason_against_order(transforms: Iterable[Any]) -> tuple[int, str] | None:
    """Find a transform that would clip what `Normalize` gives, whatever the images.

    Args:
        transforms: Elements of a list, in order; of albumentations or not.

    Returns:
        The number of the element, from 1, and the reason; None if there is none.
    """
    normalized = ""
    for number, transform in enumerate(transforms, 1):
        try:
            normalized = _after(transform, normalized)
        except _ClippedError as error:
            return number, str(error)
    return None


class _ClippedError(Exception):
    """A transform would clip what the one before it gives."""


def _after(transform: Any, normalized: str) -> str:
    """Return what is known of a normalized image after a transform; empty for nothing.

    Args:
        transform: A transform, a `Compose`, or anything else that stands in a list.
        normalized: How the image came to leave 0 to 1; empty where it is not known to.

    Raises:
        _ClippedError: The transform, or a part of it, needs 0 to 1.
    """
    if not is_albumentations(transform):
        return ""
    if transform.p <= 0:
        return normalized
    if is_compose(transform):
        return _after_parts(transform, normalized)
    limits = normalized_range(transform)
    if limits:
        low, high = limits
        known = "" if low == -float("inf") else f" (about {low:.3g} to {high:.3g})"
        return f"{type(transform).__name__} before it gives others{known}"
    use = range_use(transform)
    if normalized and use == "needs unit":
        raise _ClippedError(
            f"{type(transform).__name__} takes float images from 0 to 1 and clips or distorts "
            f"other values, and {normalized}. Put Normalize last in the list; or remove it, and "
            "normalize in the model with keras.layers.Rescaling or Normalization."
        )
    return normalized if use == "keeps" else ""


def _after_parts(transform: Any, normalized: str) -> str:
    if type(transform).__name__ == "SelectiveChannelTransform":
        for part in transform.transforms:
            normalized = _after(part, normalized)
        # What comes of a few channels is not known of the image.
        return ""
    if type(transform).__name__ in ("Compose", "ReplayCompose", "Sequential"):
        before = normalized
        for part in transform.transforms:
            normalized = _after(part, normalized)
        return normalized or (before if transform.p < 1 else "")
    # One of them, or some.
    found = [_after(part, normalized) for part in transform.transforms]
    return next(filter(None, found), "")


def _reason_against_part(part: Any) -> str | None:
    name = type(part).__name__
    if any(kind.__module__.startswith("albumentations.pytorch") for kind in type(part).__mro__):
        return f"{name} gives tensors. Remove {name}: {NO_TENSORS}"
    keys = getattr(part, "available_keys", {"image"})
    if "image" not in keys:
        return f"{name} takes volumes, and a sequence gives images. Remove it."
    declared = set(getattr(part, "targets_as_params", ())) - {"image"}
    needed = sorted(declared or _UNDECLARED.get(name, ()))
    if not needed:
        return None
    given = ", ".join(f"{key}=..." for key in needed)
    compose = "A.Compose([{}], bbox_params=...)" if needed == ["bboxes"] else "{}"
    made = compose.format(f"A.{name}(..., p=1)")
    return (
        f"{name} needs {' and '.join(map(repr, needed))} besides the image, and a sequence hands "
        "over the image alone. Put a function into the list that provides it:\n"
        "    def vary(image, rng):\n"
        f"        transform = {made}\n"
        "        transform.set_random_seed(int(rng.integers(2**32)))\n"
        f'        return transform(image=image, {given})["image"]'
    )


def _all_of(transform: Any) -> Iterator[Any]:
    yield transform
    if is_compose(transform):
        for child in transform.transforms:
            yield from _all_of(child)


def _label_fields(transform: Any) -> str:
    processors = getattr(transform, "processors", {}) if is_compose(transform) else {}
    fields = [field for one in processors.values() for field in one.params.label_fields or ()]
    return f"label_fields={fields}" if fields else ""


def _foreign_library(item: Any) -> str | None:
    while isinstance(item, functools.partial):
        item = item.func
    modules = [getattr(item, "__module__", ""), *(kind.__module__ for kind in type(item).__mro__)]
    libraries = (str(module).split(".")[0] for module in modules)
    return next((library for library in libraries if library in _FOREIGN), None)
