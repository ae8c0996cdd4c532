"""Images whose pixels are decoded on demand, as stored, and then turned upright."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from augseq.pixels.decoders.orientation import stored_box, turn
from augseq.pixels.region import Box, Region, scaled_box
from augseq.types import Array, Image


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image as an `OpenImage`, whose pixels are read as stored.

    Attributes:
        shape: (height, width, channels) of the whole upright image.
        read_stored: Returns what is in a box of the image as stored.
        orientation: 1 (upright) to 8.
        as_pixels: Converts that, upright, to pixels; a new array.
    """

    shape: tuple[int, ...]
    read_stored: Callable[[Box], Array]
    orientation: int
    as_pixels: Callable[[Array], Image]

    @property
    def scales(self) -> bool:
        """False: pixels are read at full size."""
        return False

    def read(self, region: Region) -> Image:
        """Return the pixels in the box; a new array."""
        box = scaled_box(region.box, self.shape, 1)
        stored = self.read_stored(stored_box(box, self.shape, self.orientation))
        return self.as_pixels(turn(stored, self.orientation))


def own_pixels(pixels: Array) -> Image:
    """Return pixels as an array that shares no memory with others, copied if necessary."""
    return np.require(pixels, requirements=["C", "O", "W"])
