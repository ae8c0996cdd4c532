"""Images with a known size whose pixels are decoded on demand."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from augseq.pixels.region import WHOLE, Region, cut, scaled_box
from augseq.types import Image


class OpenImage(Protocol):
    """An image with a known size whose pixels are decoded on demand."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, channels) of the whole upright image."""
        ...

    @property
    def scales(self) -> bool:
        """Whether `read` downscales for `region.covers`: large JPEG files do."""
        ...

    def read(self, region: Region) -> Image:
        """Return a region, shape (height, width, channels); it may be read-only.

        Without `region.covers`, these are the pixels of the whole image inside the box, bit for
        bit, whichever decoder runs. With it, a decoder that can downscale may do so by a factor
        of 2, 4 or 8, and the box is widened to whole pixels of the result. With `region.resize`,
        the pixels may be resized already.
        """
        ...


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """An image in memory as an `OpenImage`."""

    pixels: Image

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, channels) of the whole image."""
        return self.pixels.shape

    @property
    def scales(self) -> bool:
        """False: the pixels are at full size."""
        return False

    def read(self, region: Region) -> Image:
        """Return the pixels in the box, as a view."""
        return cut(self.pixels, scaled_box(region.box, self.shape, 1))


def read_scale(opened: OpenImage, scale: int) -> Image:
    """Return a whole image at a scale, or at full size if its decoder does not scale.

    Args:
        opened: The image.
        scale: 1, 2, 4 or 8.
    """
    height, width = opened.shape[:2]
    # The smallest size for which `Region.scale` is this one.
    return opened.read(WHOLE if scale == 1 else Region(covers=(height // scale, width // scale)))


def cut_scale(pixels: Image, region: Region, shape: tuple[int, ...]) -> Image:
    """Return a region of what `read_scale` returned for its scale, as a view.

    Args:
        pixels: The whole image at `region.scale(shape)`, or at full size.
        region: The region.
        shape: (height, width, ...) of the image at full size.
    """
    is_scaled = pixels.shape[:2] != shape[:2]
    return cut(pixels, scaled_box(region.box, shape, region.scale(shape) if is_scaled else 1))


@dataclass(frozen=True, slots=True)
class WrappedImage:
    """Base class of images that read another one in their own way.

    Attributes:
        opened: The other image.
    """

    opened: OpenImage

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, channels) of the whole image."""
        return self.opened.shape

    @property
    def scales(self) -> bool:
        """Whether the image downscales."""
        return self.opened.scales


@dataclass(frozen=True, slots=True)
class FloatImage(WrappedImage):
    """An image converted to floats from 0 to 1; float pixels are unchanged."""

    def read(self, region: Region) -> Image:
        """Return the pixels of a region, float32."""
        pixels = self.opened.read(region)
        return pixels if pixels.dtype == np.float32 else pixels / np.float32(255)
