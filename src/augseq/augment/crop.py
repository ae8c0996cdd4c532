"""A crop that is drawn before decoding, so that only its part of the file is decoded."""

from collections.abc import Callable
from dataclasses import dataclass

from augseq.types import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """A crop that the first element of a list has drawn before decoding.

    Attributes:
        box: (top, left, height, width) in pixels of the whole image: the part that it needs; None
            for all of it.
        covers: (height, width) in pixels that it shrinks the part to, if the part is larger; None
            where it does not resize.
        finish: Takes the pixels in the box, at their own size or, with `scaled_decode`, at a
            smaller one that still covers `covers`; returns the result of the element.
    """

    box: tuple[int, int, int, int] | None
    covers: tuple[int, int] | None
    finish: Callable[[Image], Image]
