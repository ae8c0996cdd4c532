"""A map of an image, such as a mask, that moves with it through geometric transforms."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

UNCOVERED = 65_535
"""Label of the pixels of a label map that no pixel of the image covers, or that are ignored."""

# cv2.INTER_NEAREST and cv2.INTER_NEAREST_EXACT; OpenCV itself is not imported for two numbers.
_NEAREST, _NEAREST_EXACT = 0, 6
_RESIZING = ("albumentations.augmentations.crops", "albumentations.augmentations.geometric.resize")

MapKind: TypeAlias = Literal["labels", "values"]


@dataclass(slots=True)
class MovingMap:
    """A map of an image; replaced by each step that moves the image.

    Attributes:
        values: Labels, uint16, shape (height, width), with `UNCOVERED` for ignored pixels; or
            values, float32 or uint8, shape (height, width, channels).
        kind: "labels" are moved to the nearest pixel, "values" interpolated like the image.
    """

    values: npt.NDArray[Any]
    kind: MapKind

    def move(self, transform: Any, params: dict[str, Any]) -> None:
        """Move the map as an albumentations transform has moved the image.

        Args:
            transform: A copy that `follow_with_labels` has prepared.
            params: The parameters that it drew for the image.
        """
        values = np.ascontiguousarray(self.values)
        if self.kind == "labels":
            self.values = transform.apply_to_mask(values, **params)
            return
        moved = transform.apply(values, **params)
        # OpenCV drops the channel axis of grey images.
        self.values = moved[:, :, np.newaxis] if moved.ndim == 2 else moved


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
