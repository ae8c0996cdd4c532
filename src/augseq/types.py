"""Type aliases for arrays and paths."""

import os
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

PathLike: TypeAlias = str | os.PathLike[str]
"""A local path, as accepted by `open`."""

Array: TypeAlias = npt.NDArray[Any]
"""Any numeric array."""

Value: TypeAlias = Array | Mapping[str, Array]
"""What a target gives to a model: one array, or several by name."""

Image: TypeAlias = npt.NDArray[Any]
"""One image, shape (height, width, channels); uint8 or float32.

Pixels from a file are in the range 0 to 255 in either dtype.
"""

Images: TypeAlias = npt.NDArray[Any]
"""Images of one size, shape (batch, height, width, channels); uint8 or float32."""

Positions: TypeAlias = npt.NDArray[np.int64]
"""Positions in a manifest, shape (n,), each from 0 to its length minus 1."""
