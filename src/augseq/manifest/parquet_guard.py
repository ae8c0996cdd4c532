"""Read an untrusted Parquet file within limits: it could unpack to terabytes.

pyarrow limits the size of a file's metadata, but not what its pages unpack to: a file of 30 kB,
with ten thousand references to one long string, takes 10 GB and crashes the process. The sizes are
in the page headers, which pyarrow does not expose; and it crashes on damaged column metadata. So
both are parsed here, in Thrift's compact encoding.

Source:
    "Thrift Compact protocol encoding", Apache Thrift; `parquet.thrift`, Apache Parquet.
"""

import mmap
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from augseq.errors import ManifestError

# Manifests of a million records unpack to about ten times their size; small ones with many equal
# values to more, but not to many bytes.
MAX_UNPACKED_BYTES = 2**28
MAX_RATIO = 100

_Struct: TypeAlias = dict[int, Any]
"""Values by field number in `parquet.thrift`."""

_MAGIC = b"PAR1"
_BYTE_ARRAY, _FIXED_BYTES = 6, 7
# Bytes of a value in memory, by type; for strings, the size of an offset.
_WIDTHS = {0: 1, 1: 4, 2: 8, 3: 12, 4: 4, 5: 8, _BYTE_ARRAY: 4}
# Delta encoding: each string extends a prefix of the previous one, so headers do not give sizes.
_PREFIXED = 7


def read_parquet(file: BinaryIO, path: str, columns: Collection[str] | None = None) -> pa.Table:
    """Read columns of an open Parquet file; dictionary-encoded strings stay encoded.

    Args:
        file: Opened for reading.
        path: Name of the file in messages.
        columns: Columns to read, in the order of the file; all if None.

    Raises:
        ManifestError: It would unpack to more than both 256 MiB and 100 times its size.
        Exception: It is damaged; the type depends on where the damage is found.
    """
    limit = max(MAX_UNPACKED_BYTES, MAX_RATIO * os.fstat(file.fileno()).st_size)
    layout = _read_layout(file, columns)

    def check(num_bytes: int) -> None:
        if num_bytes > limit:
            raise ManifestError(
                f"{path!r} would unpack to {num_bytes:,} bytes, but a file of its size may unpack "
                f"to at most {limit:,}. If it is yours and has very many equal rows, split it in "
                "two."
            )

    check(layout.num_bytes)
    # `pq.read_table` treats the file as a dataset: a million records take 0.3 s instead of 0.05,
    # in eight pieces instead of one.
    parquet = pq.ParquetFile(
        file,
        page_checksum_verification=True,
        read_dictionary=() if layout.is_prefixed else layout.dictionaries,
    )
    names = None if columns is None else list(columns)
    if not layout.is_prefixed:
        table = parquet.read(names)
        check(table.nbytes + sum(map(_text_bytes, table.columns)))
        return table
    pieces, num_bytes = [], 0
    # No string is longer than its page, so each column of a piece stays well within the limit.
    num_rows = max(1, limit // 16 // max(1, layout.longest_page))
    for piece in parquet.iter_batches(batch_size=num_rows, columns=names):
        num_bytes += piece.nbytes
        check(num_bytes)
        pieces.append(piece)
    fields = parquet.schema_arrow
    return pa.Table.from_batches(
        pieces, fields if names is None else pa.schema([fields.field(name) for name in names])
    )


def _text_bytes(column: pa.ChunkedArray) -> int:
    """Return the total size of a column's strings once its dictionary is decoded."""
    total = 0
    for piece in column.chunks:
        if pa.types.is_list(piece.type):
            total += _text_bytes(pa.chunked_array([piece.values]))
        elif pa.types.is_struct(piece.type):
            parts = (pa.chunked_array([field]) for field in piece.flatten())
            total += sum(map(_text_bytes, parts))
        elif pa.types.is_dictionary(piece.type) and len(piece.dictionary):
            lengths = pc.binary_length(piece.dictionary).cast(pa.int64())
            total += pc.sum(lengths.take(piece.indices)).as_py() or 0
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Sizes from the headers of a Parquet file.

    Attributes:
        num_bytes: Size of all unpacked values; strings in a dictionary count once.
        longest_page: Size of the largest page, in bytes.
        dictionaries: Parquet names of the string columns that have a dictionary.
        is_prefixed: Whether strings are delta-encoded, so that `num_bytes` is too low.
    """

    num_bytes: int
    longest_page: int
    dictionaries: tuple[str, ...]
    is_prefixed: bool


def _read_layout(file: BinaryIO, columns: Collection[str] | None) -> _Layout:
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        footer_size = int.from_bytes(data[-8:-4], "little")
        if data[-4:] != _MAGIC or data[:4] != _MAGIC or footer_size > len(data) - 12:
            raise ValueError("it does not begin and end like one")
        footer, _ = _struct(data, len(data) - 8 - footer_size)
        # Schema elements with a type hold values, in the order of the chunks of a group.
        lengths = [element.get(2, 0) for element in footer[2] if 1 in element]
        num_bytes, longest = 0, 0
        dictionaries: set[str] = set()
        is_prefixed = False
        for group in footer[4]:
            for chunk, length in zip(group[1], lengths, strict=True):
                names = [name.decode() for name in chunk[3][3]]
                if columns is not None and names[0] not in columns:
                    continue
                pages = list(_pages(data, chunk))
                kind, sizes = chunk[3][1], [page[2] for page in pages]
                width = length if kind == _FIXED_BYTES else _WIDTHS[kind]
                num_values = max(group[3], sum(_contents(page).get(1, 0) for page in pages))
                num_bytes += max(sum(sizes), num_values * width)
                longest = max(longest, *sizes, 0)
                if kind == _BYTE_ARRAY:
                    is_prefixed |= any(_encoding(page) == _PREFIXED for page in pages)
                    if any(7 in page for page in pages):
                        dictionaries.add(".".join(names))
    return _Layout(
        num_bytes=max(num_bytes, footer[3]),
        longest_page=longest,
        dictionaries=tuple(sorted(dictionaries)),
        is_prefixed=is_prefixed,
    )


def _pages(data: mmap.mmap, chunk: _Struct) -> Iterator[_Struct]:
    """Yield the header of each page of a column chunk."""
    if 1 in chunk:
        raise ValueError("its columns are in other files")
    column: _Struct = chunk[3]
    # A column without rows has no pages, and no start.
    start = min(filter(None, (column.get(11), column[9])), default=0)
    at, end = start, start + column[7]
    if start < 0 or column[7] < 0 or end > len(data):
        raise ValueError("a column is outside the file")
    while at < end:
        page, at = _struct(data, at)
        if page[2] < 0 or page[3] < 0:
            raise ValueError("a page has a negative size")
        at += page[3]
        yield page


def _contents(page: _Struct) -> _Struct:
    """Return the header of a page's content: data of either version, or a dictionary."""
    contents: _Struct = page.get(5) or page.get(8) or page.get(7) or {}
    return contents


def _encoding(page: _Struct) -> Any:
    return _contents(page).get(4 if 8 in page else 2)


# Thrift parsing. Each function returns a value and the position after it.
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
_INTEGERS = (4, 5, 6)


def _struct(data: mmap.mmap, at: int) -> tuple[_Struct, int]:
    fields: _Struct = {}
    number = 0
    while True:
        head = data[at]
        kind = head & 15
        at += 1
        if not kind:
            return fields, at
        if head >> 4:
            number += head >> 4
        else:
            number, at = _signed(data, at)
        if kind in (_TRUE, _FALSE):  # The kind is the value.
            fields[number] = kind == _TRUE
        else:
            fields[number], at = _value(data, at, kind)


def _value(data: mmap.mmap, at: int, kind: int) -> tuple[Any, int]:
    if kind in _INTEGERS:
        return _signed(data, at)
    if kind == _STRUCT:
        return _struct(data, at)
    if kind in (_LIST, _SET):
        return _list(data, at)
    if kind == _BINARY:
        size, at = _unsigned(data, at)
        return _bytes(data, at, size), at + size
    if kind in (_TRUE, _FALSE, _BYTE):
        return data[at], at + 1
    if kind == _DOUBLE:
        return _bytes(data, at, 8), at + 8
    if kind == _MAP:
        return _map(data, at)
    raise ValueError(f"unknown value type {kind}")


def _list(data: mmap.mmap, at: int) -> tuple[list[Any], int]:
    size, kind = data[at] >> 4, data[at] & 15
    at += 1
    if size == 15:
        size, at = _unsigned(data, at)
    values = []
    # Each value takes at least one byte, so a size that is too large fails at the end of the data.
    for _ in range(size):
        value, at = _value(data, at, kind)
        values.append(value)
    return values, at


def _map(data: mmap.mmap, at: int) -> tuple[list[Any], int]:
    size, at = _unsigned(data, at)
    if not size:
        return [], at
    kinds = data[at] >> 4, data[at] & 15
    at += 1
    pairs = []
    for number in range(2 * size):
        value, at = _value(data, at, kinds[number % 2])
        pairs.append(value)
    return pairs, at


def _bytes(data: mmap.mmap, at: int, size: int) -> bytes:
    if size > len(data) - at:
        raise IndexError("a value extends past the end")
    return data[at : at + size]


def _signed(data: mmap.mmap, at: int) -> tuple[int, int]:
    number, at = _unsigned(data, at)
    return (number >> 1) ^ -(number & 1), at


def _unsigned(data: mmap.mmap, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
    raise ValueError("a number has more than 64 bits")
