"""Regions of an image to decode, and the resolution they need."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from augseq.pixels.options import ResizeOptions
from augseq.types import Image

# An image within one block of JPEG is not scaled: several scales give it the same size, of which
# decoders choose different ones.
_BLOCK_PX = 8

# (top, left, height, width) in pixels of the upright image.
Box: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A part of an image.

    Attributes:
        box: (top, left, height, width) in pixels of the upright image at its own size; None for
            the whole image.
        covers: (height, width) in pixels that suffice: a large JPEG may be decoded at 1/2, 1/4 or
            1/8 scale, as long as the region keeps at least these. None for full size.
        resize: How the caller resizes the pixels; a cache can return them resized. None: not yet.
        scales: Whether the image can be downscaled while it is decoded: see `OpenImage`.
    """

    box: Box | None = None
    covers: tuple[int, int] | None = None
    resize: ResizeOptions | None = None
    scales: bool = True

    def scale(self, shape: tuple[int, ...]) -> int:
        """Return the largest of 1, 2, 4 and 8 that the region can be downscaled by.

        Args:
            shape: (height, width, ...) of the whole image.
        """
        if self.covers is None or not self.scales or max(shape[:2]) <= _BLOCK_PX:
            return 1
        height, width = shape[:2] if self.box is None else self.box[2:]
        ratio = min(height / self.covers[0], width / self.covers[1])
        return max(scale for scale in (1, 2, 4, 8) if scale <= max(1, ratio))


WHOLE = Region()


def scaled_box(box: Box | None, shape: tuple[int, ...], scale: int) -> Box:
    """Return a box widened to whole pixels of the image downscaled by `scale`.

    Args:
        box: In pixels of the full-size image; None for all of it.
        shape: (height, width, ...) of the full-size image.
        scale: 1, 2, 4 or 8.
    """
    top, left, height, width = box or (0, 0, *shape[:2])
    first = top // scale, left // scale
    # The size of a scaled JPEG is rounded up, so the last pixel is always there.
    last = -(-(top + height) // scale), -(-(left + width) // scale)
    return (*first, last[0] - first[0], last[1] - first[1])


def read_box(region: Region, shape: tuple[int, ...], pixels: tuple[int, ...]) -> tuple[int, Box]:
    """Return the factor by which an image was downscaled, and what was read of the result.

    Args:
        region: What was to be read of the image.
        shape: (height, width, ...) of the whole image.
        pixels: (height, width, ...) of what was read.

    Returns:
        1, 2, 4 or 8, and (top, left, height, width) in pixels of the downscaled image.
    """
    scale = region.scale(shape)
    if pixels[:2] == (region.box or (0, 0, *shape))[2:4]:
        scale = 1
    return scale, scaled_box(region.box, shape, scale)


def cut_map(values: npt.NDArray[Any], scale: int, box: Box) -> npt.NDArray[Any]:
    """Return the part of a map that belongs to a box of its downscaled image, as a view if it can.

    Args:
        values: The map of the whole image at full size, shape (height, width, ...).
        scale: Factor by which the image was downscaled.
        box: In pixels of the downscaled image, as from `read_box`.
    """
    top, left, height, width = (scale * edge for edge in box)
    part = values[top : top + height, left : left + width]
    # The last pixel of a downscaled image can extend beyond the image.
    if part.shape[:2] == (height, width):
        return part
    beyond = [(0, height - part.shape[0]), (0, width - part.shape[1]), (0, 0)][: part.ndim]
    return np.pad(part, beyond, mode="edge")


def cut(image: Image, box: Box) -> Image:
    """Return the part of an image inside a box, as a view."""
    top, left, height, width = box
    return image[top : top + height, left : left + width]
