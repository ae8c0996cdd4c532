"""A map of an image, such as a mask, that moves with it through geometric transforms."""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from augseq.augment.float_range import FloatRange
from augseq.augment.point_moves import Drawn, moved_geometry

UNCOVERED = 65_535
"""Label of the pixels of a label map that no pixel of the image covers, or that are ignored."""

# cv2.INTER_NEAREST, cv2.INTER_NEAREST_EXACT and cv2.INTER_LINEAR; OpenCV itself is not imported
# for three numbers.
_NEAREST, _NEAREST_EXACT = 0, 6
_LINEAR = 1
_MASK_OPTIONS = ("mask_interpolation", "fill_mask", "area_for_downscale")
_RESIZING = ("albumentations.augmentations.crops", "albumentations.augmentations.geometric.resize")

MapKind: TypeAlias = Literal["labels", "values", "pixels", "twin", "points"]
"""How a map moves: "labels" to the nearest pixel, "values" interpolated like the image, and
"pixels", another image, exactly like the image. A "twin" is another image that also gets all other
changes of the image, such as colours, with the same draws. "points" is not a map of pixels, but
follows the coordinates of the image, for boxes and key points."""


@dataclass(slots=True)
class MovingMap:
    """A map of an image; replaced by each step that moves the image.

    Attributes:
        values: Of "labels": uint16, shape (height, width), with `UNCOVERED` for ignored pixels. Of
            "values": the result of `with_weights`. Of "pixels" and "twin": like the image. Of
            "points": a `Geometry`.
        kind: How it moves.
        floats: Of a "twin": what is known about the range of its pixels.
    """

    values: Any
    kind: MapKind
    floats: FloatRange = field(default_factory=FloatRange)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        if self.kind == "points":
            size: tuple[int, int] = self.values.size
            return size
        return self.values.shape[0], self.values.shape[1]

    def move(self, transform: Any, params: dict[str, Any], size: tuple[int, int]) -> None:
        """Move the map as an albumentations transform has moved the image.

        Args:
            transform: A copy that `follow_with_labels` has prepared.
            params: The parameters that it drew for the image.
            size: (height, width) of the moved image.
        """
        if self.kind == "points":
            self.values = moved_geometry(self.values, Drawn(transform, params, size))
            return
        values = np.ascontiguousarray(self.values)
        if self.kind == "labels":
            self.values = transform.apply_to_mask(values, **params)
        elif self.kind == "values":
            self.values = _moved_values(transform, params, values)
        else:
            moved = transform.apply(values, **params)
            # OpenCV drops the channel axis of grey images.
            self.values = moved[:, :, np.newaxis] if moved.ndim == 2 else moved


def with_weights(
    values: npt.NDArray[np.float32], is_known: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Return values with a further channel for their weights, ready to be interpolated.

    Interpolation between a known value and one that is missing, or outside of the image, would
    give a number that is neither. So each value is multiplied by its weight, 1 or 0, and
    `without_weights` divides by the interpolated weight.

    Args:
        values: Shape (height, width, channels).
        is_known: Shape (height, width); other values are not used.
    """
    weights = is_known.astype(np.float32)[:, :, np.newaxis]
    known = values if is_known.all() else np.where(is_known[:, :, np.newaxis], values, 0)
    return np.concatenate([known, weights], axis=2, dtype=np.float32)


def without_weights(weighted: npt.NDArray[np.float32], fill: float) -> npt.NDArray[np.float32]:
    """Return interpolated values, with `fill` where less than half of a pixel is known.

    Args:
        weighted: Shape (height, width, channels + 1), as from `with_weights`.
        fill: The value of all other pixels.
    """
    values, weights = weighted[:, :, :-1], weighted[:, :, -1:]
    # Half a pixel is where the nearest pixel of a label map would be known.
    is_known = weights >= 0.5
    divided = values / np.where(is_known, weights, 1)
    return np.where(is_known, divided, np.float32(fill)).astype(np.float32, copy=False)


def _moved_values(
    transform: Any, params: dict[str, Any], weighted: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Move each channel like a mask, but with the interpolation of the image, and fill with 0."""
    own = {name: getattr(transform, name) for name in _MASK_OPTIONS if hasattr(transform, name)}
    if "mask_interpolation" in own:
        transform.mask_interpolation = getattr(transform, "interpolation", _LINEAR)
    if "fill_mask" in own:
        transform.fill_mask = 0
    if own.get("area_for_downscale") == "image":
        transform.area_for_downscale = "image_mask"
    drawn = {**params, "fill_mask": 0} if "fill_mask" in params else params
    try:
        # One by one: several transforms take at most four channels, or a fill for each.
        planes = [
            transform.apply_to_mask(np.ascontiguousarray(weighted[:, :, k]), **drawn)
            for k in range(weighted.shape[2])
        ]
    finally:
        for name, value in own.items():
            setattr(transform, name, value)
    return np.stack(planes, axis=2)


def follow_with_labels(transform: Any) -> None:
    """Set a transform to move label maps to the nearest pixel, and to fill with `UNCOVERED`.

    Args:
        transform: A copy that only this package uses.
    """
    if hasattr(transform, "mask_interpolation"):
        transform.mask_interpolation = _nearest(type(transform))
    if hasattr(transform, "fill_mask"):
        transform.fill_mask = UNCOVERED
    if getattr(transform, "area_for_downscale", None) == "image_mask":
        transform.area_for_downscale = "image"


def _nearest(kind: type) -> int:
    """Return the interpolation with exact pixel centres, of which OpenCV has two names.

    Its warps round to the nearest centre with INTER_NEAREST, and refuse INTER_NEAREST_EXACT; its
    `resize` takes corners of pixels with INTER_NEAREST, which is off by up to a pixel and a half.
    """
    resizes = any(base.__module__.startswith(_RESIZING) for base in kind.__mro__)
    return _NEAREST_EXACT if resizes else _NEAREST
