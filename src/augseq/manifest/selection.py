"""Which records a user names: by positions or by a mask."""

from typing import Any

import numpy as np
import numpy.typing as npt

from augseq.errors import ArgumentError
from augseq.manifest.columns import num_different
from augseq.types import Positions


def selected_positions(which: npt.NDArray[Any], length: int) -> Positions:
    """Return the positions, from 0 to `length` less one, that positions or a mask name.

    Raises:
        ArgumentError: A position is outside, or comes twice.
    """
    if which.dtype == bool and which.shape == (length,):
        return np.flatnonzero(which)
    if which.size == 0:
        return np.zeros(0, np.int64)
    if which.ndim != 1 or which.dtype.kind not in "iu":
        raise ArgumentError(
            "`which` must be positions (integers, one axis) or a mask as long as the manifest. "
            f"Received: dtype={which.dtype}, shape={which.shape}"
        )
    if which.min() < -length or which.max() >= length:
        raise ArgumentError(
            f"`which` must hold positions from 0 to {length - 1}. "
            f"Received: from {which.min()} to {which.max()}"
        )
    positions = which.astype(np.int64)
    positions[positions < 0] += length
    num_distinct = num_different(positions)
    if num_distinct != len(positions):
        raise ArgumentError(
            "`which` must name each position at most once, since two records of one index would "
            f"get equal random draws. Received: {len(positions)} positions, "
            f"{num_distinct} of them different"
        )
    return positions
