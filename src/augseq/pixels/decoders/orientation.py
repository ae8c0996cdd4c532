"""The orientation of an image, read strictly: damage does not mean "as stored".

Pillow only warns about a damaged EXIF directory, and continues without an orientation.
"""

import re
import struct
from collections.abc import Callable

import numpy as np

from augseq.errors import DecodeError
from augseq.pixels.decoders.tiff_tags import read_directory
from augseq.pixels.local_file import FileContent
from augseq.pixels.region import Box
from augseq.types import Image

ORIENTATION = 0x0112
_XMP = 700

_PREFIX = b"Exif\0\0"
_MAX_COPIED = 100 << 20
_SIXTEEN_BITS = range(-0x8000, 0x10000)
_IN_XMP = re.compile(rb"""tiff:Orientation(?:\s*=\s*["']|>)\s*([0-9])""")

_TURNS: dict[int, Callable[[Image], Image]] = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: np.rot90(image),
}


def turn(image: Image, orientation: int) -> Image:
    """Return an image upright.

    Args:
        image: As stored, shape (height, width, channels).
        orientation: 1 (upright) to 8, as EXIF numbers them.

    Returns:
        A view.
    """
    return _TURNS[orientation](image) if orientation in _TURNS else image


def turn_back(orientation: int) -> int:
    """Return the orientation that undoes another."""
    return {6: 8, 8: 6}.get(orientation, orientation)


def stored_box(box: Box, shape: tuple[int, ...], orientation: int) -> Box:
    """Return the part of a stored image that `turn` turns into a box of the upright one.

    Args:
        box: (top, left, height, width) in the upright image.
        shape: (height, width, ...) of the upright image.
        orientation: 1 (upright) to 8.
    """
    top, left, height, width = box
    if orientation in (3, 4, 7, 8):
        top = shape[0] - top - height
    if orientation in (2, 3, 6, 7):
        left = shape[1] - left - width
    return (top, left, height, width) if orientation < 5 else (left, top, width, height)


def read_orientation(exif: FileContent, xmp: bytes = b"") -> int:
    """Read the orientation from EXIF data, otherwise from XMP; 1 if neither has one.

    Args:
        exif: A TIFF structure, with or without the EXIF prefix; may be empty.
        xmp: XML; may be empty.

    Returns:
        1 to 8. Other numbers count as 1, as in all viewers.

    Raises:
        DecodeError: The EXIF data is damaged before or at the orientation.
    """
    block = exif
    while block[: len(_PREFIX)] == _PREFIX:
        block = block[len(_PREFIX) :]
    try:
        # Some programs write a block of zeros, or none.
        is_blank = not any(block[:4]) and not any(block[:])
        value = None if is_blank else _first_directory(block)
    except (struct.error, ValueError) as error:
        raise damaged_exif(str(error)) from error
    if value is None:
        found = _IN_XMP.search(xmp)
        value = int(found[1]) if found else 1
    if value not in _SIXTEEN_BITS:
        # Some viewers read half of it.
        raise damaged_exif(f"{value} is not an orientation")
    # Some cameras write 0 if they do not know.
    return value if 1 <= value <= 8 else 1


def read_tiff_orientation(data: FileContent) -> int:
    """Read the orientation of a TIFF file from its tag, otherwise from its XMP; 1 without both.

    Raises:
        DecodeError: As in `read_orientation`.
    """
    try:
        directory = read_directory(data)
        entry = directory.find(_XMP)
        xmp = b"" if entry is None else directory.content(entry)
    except (struct.error, ValueError):
        # Damage before the orientation is reported below.
        xmp = b""
    return read_orientation(data, xmp)


def check_tags(block: FileContent) -> None:
    """Raise if the tags of a TIFF structure declare far more bytes than it has.

    Older Pillow, such as 11.3, copies the bytes of each, even if thousands share the same ones.
    """
    while block[: len(_PREFIX)] == _PREFIX:
        block = block[len(_PREFIX) :]
    try:
        directory = read_directory(block)
    except (struct.error, ValueError):
        return  # Another kind of file, or damaged, which is reported elsewhere.
    copied = sum(min(entry.num_bytes, len(block)) for entry in directory.entries)
    if copied > max(_MAX_COPIED, len(block)):
        raise DecodeError(f"its tags declare {copied} bytes, but only {len(block)} are there")


def damaged_exif(cause: str) -> DecodeError:
    """Return the error for an image whose orientation is unknown."""
    return DecodeError(
        f"its EXIF data is damaged ({cause}), so its orientation is unknown; "
        "exif_orientation=False ignores it"
    )


def _first_directory(block: FileContent) -> int | None:
    """Return the orientation in the first directory of a TIFF structure, if any."""
    directory = read_directory(block)
    entry = directory.find(ORIENTATION)
    if entry is None:
        num_there = len(directory.entries)
        if num_there < directory.num_claimed:
            raise ValueError(f"only {num_there} of {directory.num_claimed} entries are there")
        return None
    # With a count of 0, the value is read as if the count were 1.
    value = directory.values(entry if entry.num_values else entry._replace(num_values=1))[0]
    if entry.num_values != 1 and value in _TURNS:
        # Pillow applies the first of several, and browsers none.
        raise ValueError(f"its orientation has {entry.num_values} values")
    return value
