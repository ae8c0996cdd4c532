"""The first directory of a TIFF structure, as in TIFF files and EXIF data."""

import struct
from dataclasses import dataclass
from typing import NamedTuple

from augseq.pixels.local_file import FileContent

_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">", b"MM*\0": ">", b"II\0*": "<"}
_BIG_BYTE_ORDERS = {b"II+\0": "<", b"MM\0+": ">"}
# `struct` formats by entry type: integers of 8 to 64 bits, signed or unsigned.
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
# Bytes of a value of each type.
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
               16: 8, 17: 8, 18: 8}  # fmt: skip
# As many as a classic TIFF can have; a BigTIFF can declare any number.
_MAX_ENTRIES = 0xFFFF


class Entry(NamedTuple):
    """One tag: its number, type, count of values, and its values or their offset."""

    tag: int
    kind: int
    num_values: int
    field: bytes

    @property
    def num_bytes(self) -> int:
        """Size of its values in bytes, as declared."""
        return _TYPE_BYTES.get(self.kind, 0) * self.num_values


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """The tags of a TIFF structure.

    Attributes:
        block: The whole structure.
        order: "<" or ">", for `struct`.
        is_big: Whether it is a BigTIFF, with 64-bit offsets.
        entries: Its tags, as far as they are present.
        num_claimed: Declared number of tags.
        next_start: Offset of the next directory; 0 if this is the last one.
    """

    block: FileContent
    order: str
    is_big: bool
    entries: tuple[Entry, ...]
    num_claimed: int
    next_start: int

    def numbers(self, tag: int) -> tuple[int, ...] | None:
        """Return the values of a tag; None if it is missing.

        Raises:
            ValueError: They are not integers, or beyond the end.
        """
        entry = self.find(tag)
        return None if entry is None else self.values(entry)

    def find(self, tag: int) -> Entry | None:
        """Return the first entry of a tag; None if it is missing."""
        return next((entry for entry in self.entries if entry.tag == tag), None)

    def values(self, entry: Entry, first: int = 0, count: int | None = None) -> tuple[int, ...]:
        """Return the values of an entry, as `numbers` does.

        Args:
            entry: The entry.
            first: Number of values to skip.
            count: Number of values to return; None for all others.
        """
        if entry.kind not in _NUMBERS:
            raise ValueError(f"tag {entry.tag} has type {entry.kind}, which is not an integer type")
        if count is None:
            count = entry.num_values - first
        size = _TYPE_BYTES[entry.kind]
        content = self.content(entry, first * size, count * size)
        return struct.unpack(f"{self.order}{count}{_NUMBERS[entry.kind]}", content)

    def content(self, entry: Entry, first: int = 0, count: int | None = None) -> bytes:
        """Return the bytes of the values of an entry.

        Args:
            entry: The entry.
            first: Number of bytes to skip.
            count: Number of bytes to return; None for all others.

        Raises:
            ValueError: They are beyond the end.
        """
        values: FileContent = entry.field
        start = 0
        if entry.num_bytes > len(entry.field):
            (start,) = struct.unpack(self.order + ("Q" if self.is_big else "I"), entry.field)
            values = self.block
        if start + entry.num_bytes > len(values):
            raise ValueError(f"the values of tag {entry.tag} are beyond its end")
        count = entry.num_bytes - first if count is None else count
        return values[start + first : start + first + count]


def is_tiff(data: FileContent) -> bool:
    """Return whether a file or a block begins like a TIFF structure."""
    return data[:4] in _BYTE_ORDERS or data[:4] in _BIG_BYTE_ORDERS


def read_directory(block: FileContent, start: int | None = None) -> Directory:
    """Read a directory of a TIFF structure.

    Args:
        block: The whole structure.
        start: Offset of the directory; None for the first one.

    Raises:
        ValueError: There is none.
        struct.error: The structure ends before it.
    """
    if not is_tiff(block):
        raise ValueError(f"it begins with {block[:4]!r}")
    is_big = block[:4] in _BIG_BYTE_ORDERS
    order = (_BYTE_ORDERS | _BIG_BYTE_ORDERS)[block[:4]]
    if start is None:
        (start,) = struct.unpack_from(order + ("8xQ" if is_big else "4xI"), block[:16])
    count_as = struct.Struct(order + ("Q" if is_big else "H"))
    entry = struct.Struct(order + ("HHQ8s" if is_big else "HHI4s"))
    first = start + count_as.size
    if first > len(block):
        raise ValueError(f"its directory would begin at {start}, beyond its {len(block)} bytes")
    (count,) = count_as.unpack(block[start:first])
    whole = min(count, (len(block) - first) // entry.size, _MAX_ENTRIES)
    end = first + whole * entry.size
    following = block[end : end + (8 if is_big else 4)]
    return Directory(
        block=block,
        order=order,
        is_big=is_big,
        entries=tuple(map(Entry._make, entry.iter_unpack(block[first:end]))),
        num_claimed=count,
        next_start=int.from_bytes(following, "little" if order == "<" else "big"),
    )
