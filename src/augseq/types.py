"""Aliases that say what an array or a path means."""

import os
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

PathLike: TypeAlias = str | os.PathLike[str]
"""A path on this machine, as `open` takes it."""

Array: TypeAlias = npt.NDArray[Any]
"""Any array of numbers."""

Image: TypeAlias = npt.NDArray[Any]
"""One image, shape (height, width, channels); uint8 or float32.

Pixels that come from a file have the range 0 to 255 in either dtype.
"""

Images: TypeAlias = npt.NDArray[Any]
"""Images of one size, shape (batch, height, width, channels); uint8 or float32."""

Positions: TypeAlias = npt.NDArray[np.int64]
"""Places in a manifest, shape (n,), each from 0 to its length less one."""
