"""Portable pixmaps whose largest value is not 255: right to the value, and fast.

Pillow reads them value by value in Python, 9 s for 12 megapixels, and clips what is too large.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ImageFile

from augseq.errors import DecodeError


def pnm_values(picture: ImageFile.ImageFile, data: bytes) -> tuple[npt.NDArray[Any], int] | None:
    """Return the values of a binary file of another largest value than 255.

    Args:
        picture: The image as Pillow opened it, not loaded.
        data: The whole file.

    Returns:
        Shape (height, width, channels), uint8 or uint16, and the largest value that may come;
        None for files of other kinds.

    Raises:
        DecodeError: The file is truncated, or has larger values.
    """
    if picture.format != "PPM":
        return None
    decoder, _, offset, arguments = picture.tile[0]
    is_wide = arguments == "I;16B"
    if decoder != "ppm" and not is_wide:
        return None
    most = 0xFFFF if is_wide else int((arguments or ())[1])
    shape = picture.height, picture.width, len(picture.getbands())
    kind = np.dtype(">u2" if most > 0xFF else "u1")
    needed = int(np.prod(shape)) * kind.itemsize
    if len(data) - offset < needed:
        raise DecodeError(f"it is truncated: {len(data) - offset} of {needed} bytes are there")
    values = np.frombuffer(data, kind, needed // kind.itemsize, offset).reshape(shape)
    if most < np.iinfo(kind).max and int(values.max()) > most:
        raise DecodeError(f"it has a value of {int(values.max())}, more than its {most} for white")
    return values, most
