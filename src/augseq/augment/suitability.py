"""Reasons why an object cannot be in a list of augmentations."""

import functools
import inspect
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from augseq.augment.albumentations_parts import (
    NO_TENSORS,
    is_albumentations,
    is_compose,
    moves_pixels,
    parts_of,
)
from augseq.augment.float_range import normalized_range, range_use
from augseq.augment.mixing import CutMix, MixUp
from augseq.augment.point_moves import find_move

# Their calls accept anything, or happen to take two arguments, so the signature proves nothing.
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
    "layers": "Layers have their own generators and work on batches of tensors; put it in the "
    "model, as its first layer.",
    "tensors": "It works on tensors, with its own generators. Use the equivalent albumentations "
    "transform, a function f(image, rng) with numpy, or a Keras layer in the model.",
    "others": "It draws from its own generators. Use the equivalent albumentations transform, or "
    "write a function f(image, rng) with numpy.",
}
_MIXING = ("mixup", "cutmix", "mosaic")
_MIXING_ADVICE = (
    "It mixes images and their labels, but an element of the list receives one image and no label. "
    'Use mix=[augseq.MixUp(), augseq.CutMix()] of ImageSequence, with label_mode="categorical": '
    "see docs/mixing.md."
)
# Transforms that change the image and a mask in ways that do not agree.
_NO_MAPS = {
    "Lambda": "does not say whether it moves pixels. Use a function f(image, rng), with "
    "@augseq.photometric if it moves none.",
    "Morphological": "would grow or shrink the areas of a mask.",
    "Mosaic": "mixes several images.",
    "OverlayElements": "draws elements that the mask does not show.",
}
_SOME_CHANNELS = "SelectiveChannelTransform moves only some channels of the image."
# Transforms that do not move each point of an image to one place.
_NO_POINTS = {
    "GridElasticDeform": "moves the cells of a grid separately. Use ElasticTransform.",
    "Morphological": "would grow or shrink the objects.",
    "RandomGridShuffle": "takes objects apart.",
    "ThinPlateSpline": "folds the image, so that objects have several places. Use "
    "ElasticTransform or GridDistortion.",
}
# Transforms of colours, which raise an error for images of more than three channels, or, as
# ImageCompression does, mix each three of them as if they were red, green and blue. A test runs
# every transform of the installed release.
_COLOR_ONLY = frozenset(
    {
        *("CLAHE", "ChromaticAberration", "ColorJitter", "Equalize", "GridElasticDeform"),
        *("HEStain", "HueSaturationValue", "ISONoise", "ImageCompression", "PlanckianJitter"),
        *("RGBShift", "RandomFog", "RandomGravel", "RandomRain", "RandomSnow", "RandomSunFlare"),
        *("Spatter", "ToGray", "ToRGB", "ToSepia"),
    }
)
# Transforms that raise an error for grey images, or, as ToSepia does, return them unchanged.
_RGB_ONLY = frozenset(
    {
        *("ChannelDropout", "ChromaticAberration", "HEStain", "ISONoise", "PlanckianJitter"),
        *("RandomFog", "RandomGravel", "RandomRain", "RandomSnow", "RandomSunFlare", "Spatter"),
        *("ToRGB", "ToSepia"),
    }
)
_UNKNOWN_MOVE = (
    "does not say where it moves the points of an image. Use an albumentations transform of the "
    "same kind, such as Affine."
)
# Inputs besides the image that these require without declaring them in `targets_as_params`; without
# boxes, the first one would crop anywhere, silently.
_UNDECLARED: dict[str, tuple[str, ...]] = {
    "AtLeastOneBBoxRandomCrop": ("bboxes",),
    "BBoxSafeRandomCrop": ("bboxes",),
    "ConstrainedCoarseDropout": ("mask",),
    "CropNonEmptyMaskIfExists": ("mask",),
    "RandomSizedBBoxSafeCrop": ("bboxes",),
}


def reason_against(item: Any) -> str | None:
    """Return why an object not from albumentations cannot be in a list, with advice."""
    if isinstance(item, type):
        return f"This is the class itself; write {item.__name__}(...)."
    if isinstance(item, list | tuple):
        return "It is a list; write [*first, *second] for all elements of both."
    if isinstance(item, MixUp | CutMix):
        return _MIXING_ADVICE
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
        # Some builtins have no signature.
        return None
    return None


def reason_against_parts(transform: Any) -> str | None:
    """Return why an albumentations transform, or a part of it, cannot be in a list.

    Args:
        transform: A transform or a `Compose`.
    """
    for part in _all_of(transform):
        fields = _label_fields(part)
        if fields:
            return (
                f"{type(part).__name__} with {fields} needs boxes or keypoints besides the image, "
                "but a sequence passes only the image. Remove bbox_params and keypoint_params: "
                "with targets=augseq.Boxes() or augseq.KeyPoints(), a sequence moves boxes and "
                "key points itself."
            )
    for part in parts_of(transform):
        reason = None if getattr(part, "p", 1) <= 0 else _reason_against_part(part)
        if reason:
            return reason
    return None


def reason_against_moving(transform: Any) -> str | None:
    """Return why an albumentations transform cannot move a mask with the image; None if it can.

    Args:
        transform: A transform or a `Compose`.
    """
    if type(transform).__name__ == "SelectiveChannelTransform" and any(
        map(moves_pixels, parts_of(transform))
    ):
        return _SOME_CHANNELS
    if is_compose(transform):
        return next(filter(None, map(reason_against_moving, transform.transforms)), None)
    name = type(transform).__name__
    if name in _NO_MAPS:
        return f"{name} {_NO_MAPS[name]}"
    is_moving, fill = moves_pixels(transform), getattr(transform, "fill_mask", None)
    if is_moving and np.any(fill) and getattr(transform, "border_mode", 0) == 0:
        return (
            f"{name} with fill_mask={fill!r} would have no effect: pixels of a mask that the image "
            "does not cover are ignored, and those of a value map are its `fill`. Remove fill_mask."
        )
    for option in ("fill_mask", "mask_drop_value"):
        is_drop = option == "mask_drop_value" or not is_moving
        if is_drop and getattr(transform, option, None) is not None:
            return f"{name} with {option} would change masks. Remove {option}."
    return None


def reason_against_points(transform: Any) -> str | None:
    """Return why an albumentations transform cannot move points with the image; None if it can.

    Args:
        transform: A transform or a `Compose`.
    """
    parts = [part for part in parts_of(transform) if part.p > 0]
    is_selective = type(transform).__name__ == "SelectiveChannelTransform"
    if is_selective and any(map(moves_pixels, parts)):
        return _SOME_CHANNELS
    if is_compose(transform):
        return next(filter(None, map(reason_against_points, transform.transforms)), None)
    return next(filter(None, map(_reason_against_points_of, parts)), None)


def _reason_against_points_of(part: Any) -> str | None:
    name = type(part).__name__
    reason = _NO_POINTS.get(name) or _NO_MAPS.get(name)
    if name == "GridDistortion" and not part.normalized:
        reason = "with normalized=False tears the image. Remove normalized=False."
    if reason is None and moves_pixels(part) and find_move(part) is None:
        reason = _UNKNOWN_MOVE
    return f"{name} {reason}" if reason else None


def reason_against_channels(transform: Any, number: int, *, moves_only: bool = False) -> str | None:
    """Return why an albumentations transform cannot change an image of some number of channels.

    Args:
        transform: A transform or a `Compose`.
        number: Number of channels.
        moves_only: Whether the image is only moved, so that other transforms do not matter.

    Returns:
        The reason, with advice; None if there is none.
    """
    if type(transform).__name__ == "SelectiveChannelTransform":
        number = len(transform.channels)
    if getattr(transform, "p", 1) <= 0:
        return None
    if is_compose(transform):
        children = transform.transforms
        reasons = (reason_against_channels(c, number, moves_only=moves_only) for c in children)
        return next(filter(None, reasons), None)
    if moves_only and not moves_pixels(transform):
        return None
    return (
        _reason_against_colors(transform, number)
        or _reason_against_fill(transform, number)
        or _reason_against_numbers(transform, number)
    )


def _reason_against_colors(part: Any, number: int) -> str | None:
    name = type(part).__name__
    names = {kind.__name__ for kind in type(part).__mro__}
    if number == 1 and names & _RGB_ONLY:
        return f"{name} is for RGB images, but these have one channel. Remove it."
    if number in (1, 3) or not names & _COLOR_ONLY:
        return None
    return (
        f"{name} is for grey or RGB images, but these have {number} channels. Remove it; use "
        "A.SelectiveChannelTransform for three of them, or a function f(image, rng)."
    )


def _reason_against_fill(part: Any, number: int) -> str | None:
    name: str = type(part).__name__
    fill: Any = getattr(part, "fill", None)
    if fill is None or getattr(part, "border_mode", 0) != 0:
        return None
    if isinstance(fill, str):
        if number in (1, 3) or not fill.startswith("inpaint"):
            return None
        return (
            f"{name} with fill={fill!r} is for grey or RGB images, but these have {number} "
            "channels. Use a number as fill."
        )
    if np.ndim(fill) == 0:
        return None
    if name == "CropAndPad":
        return (
            f"{name} draws one of the numbers of fill={fill!r} for all channels. Use one number, "
            "or A.Pad."
        )
    if len(fill) == number <= (4 if moves_pixels(part) else number):
        return None
    channels = f"{number} channels" if number > 1 else "one channel"
    return f"{name} cannot fill {channels} with fill={fill!r}. Use one number for all."


def _reason_against_numbers(part: Any, number: int) -> str | None:
    # Any other `Normalize` takes them from the image; of `Spatter`, they are ranges.
    is_standard = getattr(part, "normalization", "") == "standard"
    for option in (*(("mean", "std") if is_standard else ()), "drop_value", "num_bits"):
        value: Any = getattr(part, option, None)
        # A tuple of `num_bits` is a range for all channels.
        is_alike = (
            value is None or np.ndim(value) == 0 or (option == "num_bits" and np.ndim(value) < 2)
        )
        if not is_alike and len(value) not in (1, number):
            wanted = (
                f"one number for all channels as {option}, or one for each of the {number}"
                if number > 1
                else f"one number as {option}, since these images have one channel"
            )
            return f"{type(part).__name__} needs {wanted}. Received: {option}={value!r}."
    return None


def reason_against_order(transforms: Iterable[Any]) -> tuple[int, str] | None:
    """Find a transform that would clip the output of `Normalize`, whatever the images.

    Args:
        transforms: Elements of a list, in order; from albumentations or not.

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
    """A transform would clip the output of an earlier one."""


def _after(transform: Any, normalized: str) -> str:
    """Return why an image is outside 0 to 1 after a transform; empty if that is not known.

    Args:
        transform: A transform, a `Compose`, or any other element of a list.
        normalized: Why the image is outside 0 to 1 before it; empty if that is not known.

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
        return f"{type(transform).__name__} before it returns other values{known}"
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
        # It changes only some channels, so nothing is known about the whole image.
        return ""
    if type(transform).__name__ in ("Compose", "ReplayCompose", "Sequential"):
        before = normalized
        for part in transform.transforms:
            normalized = _after(part, normalized)
        return normalized or (before if transform.p < 1 else "")
    # Applies one or some of its parts.
    reasons = [_after(part, normalized) for part in transform.transforms]
    return next(filter(None, reasons), "")


def _reason_against_part(part: Any) -> str | None:
    name = type(part).__name__
    if any(kind.__module__.startswith("albumentations.pytorch") for kind in type(part).__mro__):
        return f"{name} returns tensors. Remove {name}: {NO_TENSORS}"
    keys = getattr(part, "available_keys", {"image"})
    if "image" not in keys:
        return f"{name} takes volumes, but a sequence passes images. Remove it."
    declared = set(getattr(part, "targets_as_params", ())) - {"image"}
    needed = sorted(declared or _UNDECLARED.get(name, ()))
    if not needed:
        return None
    given = ", ".join(f"{key}=..." for key in needed)
    takes_boxes = needed == ["bboxes"]
    compose = "A.Compose([{}], bbox_params=...)" if takes_boxes else "{}"
    made = compose.format(f"A.{name}(..., p=1)")
    way_out = "Use a function that provides it:"
    if takes_boxes:
        way_out = (
            "To train on the boxes, use A.RandomResizedCrop or A.RandomCrop with "
            "targets=augseq.Boxes(attempts=10), which keeps at least one box. To train on "
            "something else, use a function that provides it:"
        )
    return (
        f"{name} needs {' and '.join(map(repr, needed))} besides the image, but a sequence passes "
        f"only the image. {way_out}\n"
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
    fields = [field for item in processors.values() for field in item.params.label_fields or ()]
    return f"label_fields={fields}" if fields else ""


def _foreign_library(item: Any) -> str | None:
    while isinstance(item, functools.partial):
        item = item.func
    modules = [getattr(item, "__module__", ""), *(kind.__module__ for kind in type(item).__mro__)]
    libraries = (str(module).split(".")[0] for module in modules)
    return next((library for library in libraries if library in _FOREIGN), None)
