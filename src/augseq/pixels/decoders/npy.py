"""Read .npy files: the header is checked before memory is allocated, and pickles are refused."""

import io
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from augseq.errors import DecodeError
from augseq.pixels.local_file import FileContent, read_parts
from augseq.pixels.region import Box, cut
from augseq.types import Array

_MAGIC = b"\x93NUMPY"
# numpy refuses headers of more than 10,000 bytes.
_HEADER_BYTES = 10_240


def is_npy(data: FileContent) -> bool:
    """Return whether a file begins as an .npy file does."""
    return data[: len(_MAGIC)] == _MAGIC


@dataclass(frozen=True, slots=True, kw_only=True)
class NpyFile:
    """An .npy file whose header has been read.

    Attributes:
        data: The whole file.
        stored: Shape (height, width) or (height, width, channels).
        dtype: Type of its numbers: integers, floats or booleans of any byte order.
        start: Offset of the first number.
        is_fortran: Whether its first axis varies fastest.
    """

    data: FileContent
    stored: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int
    is_fortran: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        height, width, channels = (*self.stored, 1)[:3]
        return height, width, channels

    def read(self, box: Box) -> Array:
        """Return the numbers in a box, shape (height, width, channels), read-only."""
        top, left, height, width = box
        if self.is_fortran or box == (0, 0, *self.shape[:2]):
            return cut(self._read_all(), box)
        pixel_bytes = self.shape[2] * self.dtype.itemsize
        row_bytes = self.shape[1] * pixel_bytes
        first = self.start + top * row_bytes + left * pixel_bytes
        if width == self.shape[1]:
            parts = [(first, height * row_bytes)]
        else:
            parts = [(first + row * row_bytes, width * pixel_bytes) for row in range(height)]
        numbers = b"".join(read_parts(self.data, parts))
        return np.frombuffer(numbers, self.dtype).reshape(height, width, -1)

    def _read_all(self) -> Array:
        values = np.frombuffer(self.data[:], self.dtype, math.prod(self.stored), self.start)
        return values.reshape(self.stored, order="F" if self.is_fortran else "C").reshape(
            self.shape
        )


def read_npy(data: bytes) -> Array:
    """Return the array of an .npy file as a view of its bytes, without a copy.

    Args:
        data: The whole file.

    Returns:
        Shape (height, width, channels), read-only; integers, floats or booleans of any byte order.

    Raises:
        DecodeError: As in `open_npy`.
    """
    file = open_npy(data)
    return file.read((0, 0, *file.shape[:2]))


def open_npy(data: FileContent) -> NpyFile:
    """Read the header of an .npy file.

    Raises:
        DecodeError: It is damaged, contains Python objects or no numbers, or has another shape.
    """
    file = io.BytesIO(data[:_HEADER_BYTES])
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0
        shape, is_fortran, dtype = (
            read if version[0] == 1 else np.lib.format.read_array_header_2_0
        )(file)
    except Exception as error:
        # `ast.literal_eval` parses the header, which raises what Python raises for such a text.
        raise DecodeError(f"its .npy header is damaged ({error})") from error
    if dtype.hasobject:
        raise DecodeError("its values are not numbers, but Python objects")
    if dtype.kind not in "biuf":
        raise DecodeError(f"its values are not numbers, but of the type {dtype}")
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise DecodeError(
            "an array must have the shape (height, width) or (height, width, channels), but it "
            f"has {shape}"
        )
    count, start = math.prod(shape), file.tell()
    if count * dtype.itemsize > len(data) - start:
        raise DecodeError(
            f"it is truncated: its header declares {count * dtype.itemsize} bytes of numbers, but "
            f"only {len(data) - start} are there"
        )
    return NpyFile(data=data, stored=shape, dtype=dtype, start=start, is_fortran=is_fortran)
