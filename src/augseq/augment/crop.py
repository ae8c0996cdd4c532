"""A crop that is drawn before there are pixels, so that only its part needs to be decoded."""

from collections.abc import Callable
from dataclasses import dataclass

from augseq.types import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """What a leading crop of a list has drawn.

    Attributes:
        box: (top, left, height, width) in pixels of the whole image: what it will look at; None
            for all of it.
        covers: (height, width) in pixels that it will shrink the part to, if it is larger; None
            where it does not resize.
        finish: Makes the pixels in the box, at their own size or a smaller one, the result of
            the step.
    """

    box: tuple[int, int, int, int] | None
    covers: tuple[int, int] | None
    finish: Callable[[Image], Image]
