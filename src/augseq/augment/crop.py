"""A crop that is drawn before decoding, so that only its region of the file is decoded."""

from collections.abc import Callable
from dataclasses import dataclass

from augseq.augment.moving_map import MovingMap
from augseq.types import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """A crop that the first element of a list draws before decoding.

    Attributes:
        box: (top, left, height, width) in pixels of the whole image: the region it needs; None
            for the whole image.
        covers: (height, width) in pixels that a larger region is downscaled to; None if it does
            not resize.
        finish: Function from the pixels in the box to the result of the element. The pixels are
            at full size or, with `scaled_decode`, at a smaller size that still covers `covers`.
        move: Does the same to a mask of the pixels in the box; None if the element cannot.
    """

    box: tuple[int, int, int, int] | None
    covers: tuple[int, int] | None
    finish: Callable[[Image], Image]
    move: Callable[[MovingMap], None] | None = None
