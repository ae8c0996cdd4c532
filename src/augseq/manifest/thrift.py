"""Read Thrift's compact encoding, in which Parquet files describe themselves.

pyarrow reads it too, but where a description is damaged, asking for it by the column ends the
whole process, and it does not tell about single pages.

Source:
    "Thrift Compact protocol encoding", Apache Thrift.
"""

import mmap
from typing import Any, TypeAlias

Data: TypeAlias = bytes | mmap.mmap
"""Bytes, or a file that is mapped into memory."""

Struct: TypeAlias = dict[int, Any]
"""Values by the number of their field."""

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
_INTEGERS = (4, 5, 6)


def read_struct(data: Data, at: int) -> tuple[Struct, int]:
    """Return a struct and where the next byte after it stands.

    Args:
        data: Where it stands among other things.
        at: Where the struct begins.

    Raises:
        ValueError: There is none.
        IndexError: It goes on behind the end.
        RecursionError: It holds structs in structs by the hundred.
    """
    fields: Struct = {}
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
        if kind in (_TRUE, _FALSE):  # Here the kind is the value.
            fields[number] = kind == _TRUE
        else:
            fields[number], at = _value(data, at, kind)


def _value(data: Data, at: int, kind: int) -> tuple[Any, int]:
    if kind in _INTEGERS:
        return _signed(data, at)
    if kind == _STRUCT:
        return read_struct(data, at)
    if kind in (_LIST, _SET):
        return _list(data, at)
    if kind == _BINARY:
        size, at = _unsigned(data, at)
        return _piece(data, at, size), at + size
    if kind in (_TRUE, _FALSE, _BYTE):
        return data[at], at + 1
    if kind == _DOUBLE:
        return _piece(data, at, 8), at + 8
    if kind == _MAP:
        return _map(data, at)
    raise ValueError(f"there is no kind {kind} of value")


def _list(data: Data, at: int) -> tuple[list[Any], int]:
    size, kind = data[at] >> 4, data[at] & 15
    at += 1
    if size == 15:
        size, at = _unsigned(data, at)
    values = []
    # Each value takes a byte at least, so a size that is too large ends at the end of the data.
    for _ in range(size):
        value, at = _value(data, at, kind)
        values.append(value)
    return values, at


def _map(data: Data, at: int) -> tuple[list[Any], int]:
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


def _piece(data: Data, at: int, size: int) -> bytes:
    if size > len(data) - at:
        raise IndexError("a value goes on behind the end")
    return data[at : at + size]


def _signed(data: Data, at: int) -> tuple[int, int]:
    number, at = _unsigned(data, at)
    return (number >> 1) ^ -(number & 1), at


def _unsigned(data: Data, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
    raise ValueError("a number has more than 64 bits")
