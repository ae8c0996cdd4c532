"""Refuse arrays that look like maps of the images, such as masks, but would not move with them."""

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.loading.pipeline import Pipeline
from augseq.pixels.source import ArraySource
from augseq.validation import rectangular

_LARGEST_RELATIVE = 1.5


def check_no_maps(
    rows: npt.NDArray[Any], name: str, source: ArraySource, pipeline: Pipeline
) -> None:
    """Raise `ArgumentError` if rows have the size of the images, which are moved without them.

    Args:
        rows: An array that is passed to the model unchanged, shape (n, ...).
        name: Name of the argument in messages.
        source: The images.
        pipeline: How they are augmented and resized.
    """
    sizes = {tuple(source.images.shape[1:3]), pipeline.resize and pipeline.resize.image_size}
    if rows.ndim not in (3, 4) or rows.shape[1:3] not in sizes:
        return
    reason = _what_moves(pipeline, tuple(source.images.shape[1:3]))
    if reason:
        raise ArgumentError(
            f"`{name}` has a value for each pixel of the images, but arrays are passed to the "
            f"model unchanged, and {reason}. To move both in the same way, pass "
            f"{_way_out(rows, name)}. To pass it unchanged nevertheless, flatten it: "
            f"{name}.reshape(len({name}), -1). "
            f"Received: {name} of shape {rows.shape}, dtype {rows.dtype}"
        )


def check_no_boxes(rows: Mapping[str, Any], source: ArraySource, pipeline: Pipeline) -> None:
    """Raise `ArgumentError` if boxes of images, which are moved without them, are given as arrays.

    Args:
        rows: The argument `y`, by name.
        source: The images.
        pipeline: How they are augmented and resized.
    """
    boxes = rectangular(rows.get("boxes", ()), "y['boxes']")
    shape, size = boxes.shape, tuple(source.images.shape[1:3])
    if "labels" not in rows or len(shape) != 3 or shape[2] != 4:
        return
    reason = _what_moves(pipeline, size)
    # Stretching does not change boxes that are relative to the size of the image.
    is_in_pixels = boxes.dtype.kind in "iuf" and boxes.max(initial=0) > _LARGEST_RELATIVE
    if not reason and is_in_pixels and pipeline.resize and pipeline.resize.image_size != size:
        reason = "the images are resized"
    if reason:
        raise ArgumentError(
            "`y` seems to contain boxes, but arrays are passed to the model unchanged, and "
            f"{reason}. To move both in the same way, pass y=augseq.Boxes(arrays=y), with the "
            f"format of the boxes. Received: y['boxes'] of shape {shape}"
        )


def _what_moves(pipeline: Pipeline, size: tuple[int, ...]) -> str:
    """Return what moves the pixels of an image of this size; empty if nothing does."""
    for number, step in enumerate(pipeline.augment.details, 1):
        if step.moving_parts or step.sets_size:
            return (
                f"element {number} of `augment`, {step.name!r}, can move pixels of the images (if "
                "a function does not, decorate it with @augseq.photometric)"
            )
    resize = pipeline.resize
    if resize is None or resize.resize_mode == "stretch":
        return ""
    (height, width), (new_height, new_width) = size, resize.image_size
    is_same = height * new_width == width * new_height
    return "" if is_same else f"resize_mode={resize.resize_mode!r} moves the pixels of the images"


def _way_out(rows: npt.NDArray[Any], name: str) -> str:
    channels = rows.shape[3] if rows.ndim == 4 else 1
    if channels in (3, 4):
        return f"augseq.PairedImage({name})"
    numbers = f"augseq.ValueMap({name}{f', channels={channels}' * (channels > 1)})"
    if channels > 1:
        return f"{numbers}, or augseq.Mask({name}.argmax(-1), classes=[...], one_hot=True)"
    if rows.dtype.kind in "biu":
        return f"augseq.Mask({name}, classes=[...]), or {numbers} if its values are not classes"
    return f"{numbers}, or integers as augseq.Mask(..., classes=[...]) if its values are classes"
