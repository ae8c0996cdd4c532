"""Which side of an image is up: read strictly, so that damage is not taken for "as stored".

Pillow only warns where an EXIF directory is damaged, and goes on without an orientation.
"""

import re
import struct
from collections.abc import Callable

import numpy as np

from augseq.errors import DecodeError
from augseq.types import Image

ORIENTATION = 0x0112

_PREFIX = b"Exif\0\0"
_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">", b"MM*\0": ">", b"II\0*": "<"}
_BIG_BYTE_ORDERS = {b"II+\0": "<", b"MM\0+": ">"}
# By the type of an entry: unsigned integers of 8, 16 and 32 bits.
_NUMBERS = {1: "B", 3: "H", 4: "I"}
# Bytes of a value of each type.
_TAG_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
              16: 8, 17: 8, 18: 8}  # fmt: skip
_MAX_COPIED = 100 << 20
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
        image: As it is stored, shape (height, width, channels).
        orientation: 1 (upright) to 8, as EXIF numbers them.

    Returns:
        A view.
    """
    return _TURNS[orientation](image) if orientation in _TURNS else image


def turn_back(orientation: int) -> int:
    """Return the orientation that undoes another."""
    return {6: 8, 8: 6}.get(orientation, orientation)


def read_orientation(exif: bytes, xmp: bytes = b"") -> int:
    """Return the orientation that EXIF data gives, or else XMP; 1 where none does.

    Args:
        exif: A TIFF structure, with or without the prefix of EXIF; may be empty.
        xmp: XML; may be empty.

    Raises:
        DecodeError: The EXIF data is damaged before or where the orientation stands.
    """
    block = exif
    while block.startswith(_PREFIX):
        block = block[len(_PREFIX) :]
    try:
        # Some writers leave a block of zeros, or none.
        value = _first_directory(block) if block.strip(b"\0") else None
    except (struct.error, ValueError) as error:
        raise damaged_exif(str(error)) from error
    if value is None:
        found = _IN_XMP.search(xmp)
        value = int(found[1]) if found else 1
    if value > 8:
        raise damaged_exif(f"there is no orientation {value}")
    # Some cameras write 0 where they do not know.
    return value or 1


def check_tags(block: bytes) -> None:
    """Raise where the tags of a TIFF structure claim far more bytes than it has.

    Older Pillow, such as 11.3, copies the bytes of each, also where thousands name the same ones.
    """
    while block.startswith(_PREFIX):
        block = block[len(_PREFIX) :]
    is_big = block[:4] in _BIG_BYTE_ORDERS
    order = (_BYTE_ORDERS | _BIG_BYTE_ORDERS).get(block[:4])
    if order is None:
        return
    count_as = struct.Struct(order + ("Q" if is_big else "H"))
    entry = struct.Struct(order + ("2xHQ8x" if is_big else "2xHI4x"))
    try:
        (start,) = struct.unpack_from(order + ("8xQ" if is_big else "4xI"), block)
        (count,) = count_as.unpack_from(block, start)
    except (struct.error, OverflowError):
        return  # Damaged, which others tell.
    entries = block[start + count_as.size :][: count * entry.size]
    whole = entries[: len(entries) // entry.size * entry.size]
    sizes = (_TAG_BYTES.get(kind, 0) * number for kind, number in entry.iter_unpack(whole))
    copied = sum(min(size, len(block)) for size in sizes)
    if copied > max(_MAX_COPIED, len(block)):
        raise DecodeError(f"its tags claim {copied} bytes, more than the {len(block)} it has")


def damaged_exif(cause: str) -> DecodeError:
    """Return the error for an image of which it is not known which side is up."""
    return DecodeError(
        f"its EXIF data is damaged ({cause}), so which side is up is not known; "
        "exif_orientation=False leaves it unread"
    )


def _first_directory(block: bytes) -> int | None:
    """Return the orientation in the first directory of a TIFF structure; None without one."""
    magic = block[:4]
    if magic in _BIG_BYTE_ORDERS:
        order = _BIG_BYTE_ORDERS[magic]
        (start,) = struct.unpack_from(f"{order}Q", block, 8)
        return _find(block, order, start, "Q", "HHQ8s")
    if magic not in _BYTE_ORDERS:
        raise ValueError(f"it begins with {magic!r}")
    order = _BYTE_ORDERS[magic]
    (start,) = struct.unpack_from(f"{order}I", block, 4)
    return _find(block, order, start, "H", "HHI4s")


def _find(block: bytes, order: str, start: int, count_as: str, entry_as: str) -> int | None:
    entry = struct.Struct(order + entry_as)
    if start + struct.calcsize(order + count_as) > len(block):
        raise ValueError(f"its directory would begin at {start}, beyond its {len(block)} bytes")
    (count,) = struct.unpack_from(order + count_as, block, start)
    first = start + struct.calcsize(order + count_as)
    whole = min(count, (len(block) - first) // entry.size)
    for tag, kind, num_values, value in entry.iter_unpack(
        block[first : first + whole * entry.size]
    ):
        if tag != ORIENTATION:
            continue
        if kind not in _NUMBERS:
            raise ValueError(f"its orientation has the type {kind}, which is no whole number")
        if num_values != 1:
            # Of more than fit, what stands here is where they lie.
            raise ValueError(f"its orientation is {num_values} numbers")
        return int(struct.unpack_from(order + _NUMBERS[kind], value)[0])
    if whole < count:
        raise ValueError(f"of {count} entries only {whole} are there")
    return None
