"""What a Parquet file will unpack to, as its pages say, before any of them is unpacked."""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from augseq.manifest.thrift import Struct, read_struct

_MAGIC = b"PAR1"
_BYTE_ARRAY = 6
# Plain values, runs of equal ones, and dictionaries, as nearly all programs write. Some of the
# rest build each text from the one before it, and do not tell how long all of them will be.
_ENCODINGS = {0, 2, 3, 4, 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What stands in a Parquet file.

    Attributes:
        num_rows: In all row groups.
        num_bytes: Of all pages, unpacked; texts that a dictionary holds count once.
        dictionaries: Columns of text, as Parquet names them, that have a dictionary.
    """

    num_rows: int
    num_bytes: int
    dictionaries: tuple[str, ...]


def read_layout(file: BinaryIO) -> Layout:
    """Return what stands in an open Parquet file.

    Raises:
        ValueError: It is not one, is damaged, or uses what manifests do not.
        IndexError: It ends too early.
        KeyError: It lacks what all Parquet files have.
        RecursionError: Its description goes too deep.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        footer_size = int.from_bytes(data[-8:-4], "little")
        if data[-4:] != _MAGIC or data[:4] != _MAGIC or footer_size > len(data) - 12:
            raise ValueError("it does not begin and end as one")
        footer, _ = read_struct(data, len(data) - 8 - footer_size)
        # Its columns and, with columns of its own, `probe`. What goes deeper could overflow the
        # stack of those who build it.
        if sum(bool(element.get(5)) for element in footer[2]) > 2:
            raise ValueError("its columns are nested")
        chunks = [chunk for group in footer[4] for chunk in group[1]]
        pages = [(chunk[3], page) for chunk in chunks for page in _pages(data, chunk)]
    has_dictionary = {
        b".".join(column[3]).decode()
        for column, page in pages
        if column[1] == _BYTE_ARRAY and 7 in page
    }
    return Layout(
        num_rows=max(footer[3], sum(group[3] for group in footer[4])),
        num_bytes=sum(page[2] for _, page in pages),
        dictionaries=tuple(sorted(has_dictionary)),
    )


def _pages(data: mmap.mmap, chunk: Struct) -> Iterator[Struct]:
    """Yield the header of each page of a column chunk."""
    if 1 in chunk:
        raise ValueError("its columns lie in other files")
    column: Struct = chunk[3]
    # A column without rows has no pages, and begins nowhere.
    start = min(filter(None, (column.get(11), column[9])), default=0)
    at, end = start, start + column[7]
    if start < 0 or column[7] < 0 or end > len(data):
        raise ValueError("a column lies outside of it")
    while at < end:
        page, at = read_struct(data, at)
        contents: Struct = page.get(5) or page.get(7) or page.get(8) or {}
        encoding = contents.get(4 if 8 in page else 2)
        if page[2] < 0 or page[3] < 0 or (contents and encoding not in _ENCODINGS):
            raise ValueError("a page has a size or an encoding that is not read")
        at += page[3]
        yield page
