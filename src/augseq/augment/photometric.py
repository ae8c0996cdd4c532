"""Declare that an augmentation moves no pixels."""

from collections.abc import Callable
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])


def photometric(function: _Function) -> _Function:
    """Declare that a function changes values, but moves no pixels.

    With targets that move with the image, such as masks, every plain function must be declared:
    whether it moves pixels cannot be seen from outside.

    Args:
        function: An augmentation `f(image, rng)`. The same function is returned, with the
            attribute `moves_pixels = False`.

    Example:
        >>> import augseq
        >>> @augseq.photometric
        ... def darken(image, rng):
        ...     return image // 2
        >>> darken.moves_pixels
        False
    """
    function.moves_pixels = False  # type: ignore[attr-defined]
    return function
