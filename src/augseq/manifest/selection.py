"""Resolve the positions or the mask by which a user selects records."""

from operator import index
from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.manifest.schema import num_different
from augseq.types import Positions


def named_positions(
    name: str, which: npt.NDArray[Any], length: int, *, outside: type[Exception]
) -> Positions:
    """Convert positions or a mask to positions from 0 to `length` minus 1.

    Args:
        name: Name of the argument in messages.
        which: Positions, which count from the end if negative, or a mask as long as the manifest.
        length: Length of the manifest.
        outside: Type of the error for a position outside the manifest.

    Raises:
        ArgumentError: They are neither positions nor a mask.
    """
    if which.dtype == bool and which.shape == (length,):
        return np.flatnonzero(which)
    if which.size == 0:
        return np.zeros(0, np.int64)
    if which.ndim != 1 or which.dtype.kind not in "iu":
        raise ArgumentError(
            f"`{name}` must be positions (1D integers) or a mask as long as the manifest. "
            f"Received: dtype={which.dtype}, shape={which.shape}"
        )
    low, high = which.min(), which.max()
    if low < -length or high >= length:
        raise outside(
            f"`{name}` must contain positions from 0 to {length - 1}. Received: {low} to {high}"
        )
    positions = which.astype(np.int64)
    return positions if low >= 0 else np.where(positions < 0, positions + length, positions)


def selected_positions(which: npt.NDArray[Any], length: int) -> Positions:
    """Convert positions or a mask to unique positions.

    Raises:
        ArgumentError: A position is outside the manifest, or repeated.
    """
    positions = named_positions("which", which, length, outside=ArgumentError)
    num_distinct = num_different(positions)
    if num_distinct != len(positions):
        raise ArgumentError(
            "`which` must not repeat a position, since two records with the same index would get "
            f"the same random draws. Received: {len(positions)} positions, "
            f"{num_distinct} of them different"
        )
    return positions


def one_position(position: Any, length: int) -> int:
    """Convert a position, which can be negative, to one from 0 to `length` minus 1.

    Raises:
        IndexError: It is outside the manifest.
        ArgumentError: It is not an integer.
    """
    try:
        # Accepts integers of Python, numpy and other libraries.
        number = index(position)
    except TypeError:
        number = None
    if number is None or isinstance(position, bool | np.bool_):
        raise ArgumentError(
            f"A position must be an integer or a slice. Received: {position!r:.80}. For several "
            "positions, or a mask, use `select` or `records`."
        )
    if not -length <= number < length:
        raise IndexError(f"The position is out of range for {length} records. Received: {number}")
    return number % length
