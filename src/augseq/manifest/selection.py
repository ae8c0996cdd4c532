"""Which records a user names: by a position, by several, or by a mask."""

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
    """Return the positions, from 0 to `length` less one, that positions or a mask name.

    Args:
        name: Of the argument, for messages.
        which: Positions, from the end where below 0, or a mask as long as the manifest.
        length: Of the manifest.
        outside: What to raise for a position that is outside.

    Raises:
        ArgumentError: They are neither.
    """
    if which.dtype == bool and which.shape == (length,):
        return np.flatnonzero(which)
    if which.size == 0:
        return np.zeros(0, np.int64)
    if which.ndim != 1 or which.dtype.kind not in "iu":
        raise ArgumentError(
            f"`{name}` must be positions (integers, one axis) or a mask as long as the manifest. "
            f"Received: dtype={which.dtype}, shape={which.shape}"
        )
    low, high = which.min(), which.max()
    if low < -length or high >= length:
        raise outside(
            f"`{name}` must hold positions from 0 to {length - 1}. Received: from {low} to {high}"
        )
    positions = which.astype(np.int64)
    return positions if low >= 0 else np.where(positions < 0, positions + length, positions)


def selected_positions(which: npt.NDArray[Any], length: int) -> Positions:
    """Return the positions that positions or a mask name, each once.

    Raises:
        ArgumentError: A position is outside, or comes twice.
    """
    positions = named_positions("which", which, length, outside=ArgumentError)
    num_distinct = num_different(positions)
    if num_distinct != len(positions):
        raise ArgumentError(
            "`which` must name each position at most once, since two records of one index would "
            f"get equal random draws. Received: {len(positions)} positions, "
            f"{num_distinct} of them different"
        )
    return positions


def one_position(position: Any, length: int) -> int:
    """Return a position, from 0 to `length` less one; below 0 it is counted from the end.

    Raises:
        IndexError: It is outside.
        ArgumentError: It is no integer.
    """
    try:
        # Of Python, numpy, and scalars of other libraries.
        number = index(position)
    except TypeError:
        number = None
    if number is None or isinstance(position, bool | np.bool_):
        raise ArgumentError(
            f"A position must be an integer or a slice. Received: {position!r:.80}. For several "
            "positions, or a mask, use `select` or `records`."
        )
    if not -length <= number < length:
        raise IndexError(f"There are {length} records, from 0. Received: {number}")
    return number % length
