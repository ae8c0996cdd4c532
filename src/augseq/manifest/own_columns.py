"""Values of your own columns: by position, by path, or from a pattern of file names."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ArgumentError
from augseq.manifest.classes import sorted_names
from augseq.manifest.schema import RESERVED_NAMES, decoded, is_list
from augseq.terminal_text import listed
from augseq.types import Positions
from augseq.validation import briefly, did_you_mean


def own_column(name: str, values: Any) -> pa.ChunkedArray:
    """Return user values as a column.

    Raises:
        ArgumentError: They do not fit a column, or the name is reserved.
    """
    if isinstance(values, np.ndarray) and values.ndim == 2:
        values = list(values)
    try:
        # Integers beyond 64 bits and lone surrogates raise Python's own errors.
        # A million texts of Arrow would take 1.5 s to convert.
        is_text = isinstance(values, pa.ChunkedArray) and pa.types.is_string(values.type)
        column = decoded(values if is_text else pa.array(values, from_pandas=True))
    except (pa.ArrowException, TypeError, OverflowError, UnicodeEncodeError) as error:
        raise ArgumentError(f"The values for the column {name!r} do not fit: {error}") from error
    if name in RESERVED_NAMES:
        raise ArgumentError(f"The column name {name!r} is reserved; choose another.")
    return column


def column_for(
    name: str, values: Any, served: pa.ChunkedArray, excluded: pa.ChunkedArray
) -> pa.ChunkedArray:
    """Return a column for the records with some paths, excluded ones last.

    Args:
        name: Name of the column in messages.
        values: One for each path in `served`, a dict by path, or one for all.
        served: Paths that need a value.
        excluded: Paths that get a null, unless the dict has their value.

    Raises:
        ArgumentError: The number of values is wrong, they do not fit, or a path has none.
    """
    if isinstance(values, Mapping):
        return _values_by_path(name, values, served, excluded)
    if isinstance(values, str) or not hasattr(values, "__len__"):
        values = [values] * len(served)
    if len(values) != len(served):
        raise ArgumentError(
            f"There must be one value for each of {len(served)} records. Received: {len(values)}"
        )
    column = own_column(name, values)
    gaps = pa.nulls(len(excluded), column.type)
    return pa.chunked_array([*column.chunks, gaps], column.type)


def _values_by_path(
    name: str, values: Mapping[str, Any], served: pa.ChunkedArray, excluded: pa.ChunkedArray
) -> pa.ChunkedArray:
    paths = [*served.to_pylist(), *excluded.to_pylist()]
    missing = [path for path in paths[: len(served)] if path not in values]
    if missing:
        raise ArgumentError(
            f"`values` must have a value for the path of each record. Received for {name!r}: none "
            f"for {len(missing)} of {len(served)} records: {listed(missing)}. The keys must be "
            f"paths relative to the root, with '/'; they are {briefly(list(values))}."
        )
    return own_column(name, [values.get(path) for path in paths])


def unique_values(name: str, column: pa.ChunkedArray, separator: str | None) -> list[Any]:
    """Return the different values of a column, without nulls, in the order of class names.

    Args:
        name: Name of the column in messages.
        column: Values, or lists of values.
        separator: What separates the parts of a text; None for no parts.

    Raises:
        ArgumentError: `separator` is given for a column that is not text.
    """
    found: list[Any] = pc.unique(flat_values(name, column, separator)).drop_null().to_pylist()
    is_text = all(isinstance(value, str) for value in found)
    return sorted_names(found) if is_text else sorted(found)


def value_counts(name: str, column: pa.ChunkedArray, separator: str | None) -> dict[Any, int]:
    """Return the number of records with each value, in the order of `unique_values`.

    Raises:
        ArgumentError: `separator` is given for a column that is not text.
    """
    if separator is not None:
        column = split_text(name, column, separator)
    if is_list(column.type):
        rows = pc.list_parent_indices(column.combine_chunks())
        cells = pa.table({"row": rows, "value": pc.list_flatten(column).combine_chunks()})
        column = cells.group_by(["row", "value"]).aggregate([]).column("value")
    counts = {item["values"]: item["counts"] for item in pc.value_counts(column).to_pylist()}
    return {value: counts[value] for value in unique_values(name, column, None)}


def flat_values(name: str, column: pa.ChunkedArray, separator: str | None) -> pa.ChunkedArray:
    """Return the elements of a column of lists, or the parts of a column of separated text.

    Raises:
        ArgumentError: `separator` is given for a column that is not text.
    """
    if separator is not None:
        column = split_text(name, column, separator)
    return pc.list_flatten(column) if is_list(column.type) else column


def split_text(name: str, column: pa.ChunkedArray, separator: str) -> pa.ChunkedArray:
    """Return lists of the parts of separated text, without spaces around them.

    Blank text is an empty list; null stays null.

    Raises:
        ArgumentError: The column is not text, or the separator is not a text.
    """
    if not isinstance(separator, str) or not separator:
        raise ArgumentError(
            f'`separator` must be text, such as ";". Received: separator={separator!r}'
        )
    if pa.types.is_null(column.type):
        column = column.cast(pa.string())
    if not pa.types.is_string(column.type):
        raise ArgumentError(
            f"`separator` is for a column of text, but the column {name!r} is {column.type}. "
            f"Received: separator={separator!r}. Remove it."
        )
    lists = [_split(chunk, separator) for chunk in column.chunks]
    return pa.chunked_array(lists, pa.list_(pa.string()))


def _split(texts: pa.StringArray, separator: str) -> pa.ListArray:
    lists = pc.split_pattern(texts, separator)
    parts = pc.utf8_trim_whitespace(lists.values)
    # A blank part, as in "a;;b" or "", is not a value.
    is_kept = np.asarray(pc.not_equal(parts, ""))
    ends = np.concatenate([[0], np.cumsum(is_kept)]).astype(np.int32)
    offsets = pa.array(ends[lists.offsets.to_numpy()], mask=_nulls_of(lists))
    return pa.ListArray.from_arrays(offsets, parts.filter(pa.array(is_kept)))


def _nulls_of(lists: pa.ListArray) -> Any:
    return np.append(lists.is_null().to_numpy(zero_copy_only=False), False)


def known_column(table: pa.Table, name: str, purpose: str = "") -> pa.ChunkedArray:
    """Return a column of a manifest by name.

    Args:
        table: The columns.
        name: A name.
        purpose: What needs the column, for the message.

    Raises:
        ArgumentError: There is no such column.
    """
    if name not in table.column_names:
        names: Sequence[str] = table.column_names
        why = f" {purpose} needs it." if purpose else ""
        raise ArgumentError(
            f"There is no column {name!r}. Existing columns: {names}."
            f"{did_you_mean(str(name), names)}{why}"
        )
    return table.column(name)


def has_boxes(table: pa.Table) -> bool:
    """Return whether a table has boxes with classes, as lists.

    A column of your own can have the same name.
    """
    if not {"boxes", "box_classes"} <= set(table.column_names):
        return False
    boxes, classes = (table.schema.field(name).type for name in ("boxes", "box_classes"))
    if not is_list(boxes) or not is_list(classes):
        return False
    number, text, kinds = boxes.value_type, classes.value_type, pa.types
    is_number = kinds.is_floating(number) or kinds.is_integer(number) or kinds.is_null(number)
    is_text = kinds.is_string(text) or kinds.is_large_string(text) or kinds.is_null(text)
    return bool(is_number and is_text)


def num_boxes(table: pa.Table) -> int:
    """Return the number of boxes in a table that has some."""
    return int(pc.sum(pc.list_value_length(table.column("box_classes"))).as_py() or 0)


def rows_with_boxes_of(table: pa.Table, class_name: str) -> Positions:
    """Return the rows that have a box of a class, in order."""
    lists = table.column("box_classes").combine_chunks()
    owners = pc.list_parent_indices(lists).filter(pc.equal(pc.list_flatten(lists), class_name))
    return np.unique(np.asarray(owners)).astype(np.int64)
