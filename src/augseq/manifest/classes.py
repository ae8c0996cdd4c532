"""Validate, select and weight classes and labels."""

import re
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ArgumentError, LabelError
from augseq.terminal_text import first_few
from augseq.validation import briefly, did_you_mean

# Python refuses to convert strings of more than 4300 digits.
_NUMBER = re.compile(r"-?[0-9]{1,100}").fullmatch


def sorted_names(names: Collection[str]) -> list[str]:
    """Sort class names: by value if all are integers, otherwise by code point.

    The same order is used for folders, patterns, functions and tables; so label 2 of the folders
    "0" to "11" is "2", and a table has the same labels whether they are strings or integers.

    >>> sorted_names(["10", "9", "-1"])
    ['-1', '9', '10']
    >>> sorted_names(["10", "9", "09"])
    ['09', '9', '10']
    >>> sorted_names(["10", "9", "x"])
    ['10', '9', 'x']
    """
    return sorted(names, key=_value) if all(map(_NUMBER, names)) else sorted(names)


def _value(name: str) -> tuple[int, str]:
    return int(name), name


def label_array(targets: pa.ChunkedArray) -> npt.NDArray[np.int32]:
    """Return the labels in a column as an array, shape (n,).

    Raises:
        LabelError: A record has no label.
    """
    if targets.null_count:
        raise LabelError(
            f"{targets.null_count} of {len(targets)} records have no label. "
            "Index with labels (index_folder: a sub-folder for each class; index_table: "
            "label_column), or use label_mode=None."
        )
    labels: npt.NDArray[np.int32] = targets.to_numpy()
    return labels


def balanced_weights(counts: npt.NDArray[np.int64]) -> dict[int, float]:
    """Return a weight for each label that occurs; the mean weight of a record is 1.

    Args:
        counts: Number of records of each label, shape (number of classes,).
    """
    present = np.flatnonzero(counts)
    return {int(k): int(counts.sum()) / (len(present) * int(counts[k])) for k in present}


def check_classes(class_names: tuple[str, ...], targets: pa.ChunkedArray) -> None:
    """Raise `ArgumentError` unless names are unique, and every label has one."""
    if not all(map(is_utf8, class_names)):
        raise ArgumentError(
            "Class names must be strings in valid UTF-8, as manifest files store them. "
            f"Received: {class_names}"
        )
    if len(set(class_names)) != len(class_names):
        raise ArgumentError(f"Class names must be unique. Received: {class_names}")
    low, high = pc.min_max(targets).as_py().values()
    if high is not None and (low < 0 or high >= len(class_names)):
        raise ArgumentError(
            f"Labels must be from 0 to {len(class_names) - 1}, one for each class name. "
            f"Received: from {low} to {high}"
        )


def selected_classes(
    table: pa.Table, known: Sequence[str], wanted: Sequence[str]
) -> tuple[tuple[str, ...], pa.Table]:
    """Return the names of the selected classes, and their rows with labels from 0.

    Args:
        table: A table with a column `target`.
        known: Names by label.
        wanted: The names to select, in the order of the new labels.

    Raises:
        ArgumentError: No names are given, one is repeated, or one is unknown.
    """
    names = () if isinstance(wanted, str | set | frozenset) else tuple(wanted)
    if not names or len(set(names)) != len(names):
        raise ArgumentError(
            "`class_names` must be a non-empty list of different classes. "
            f"Received: class_names={briefly(wanted)}"
        )
    unknown = [name for name in names if name not in known]
    if unknown:
        hint = did_you_mean(str(unknown[0]), known) or f" Classes: {first_few(known, 10)}"
        raise ArgumentError(f"The manifest has no class {unknown[0]!r}.{hint}")
    labels = pa.array([names.index(name) if name in names else None for name in known], pa.int32())
    targets = labels.take(table.column("target").combine_chunks())
    place = table.column_names.index("target")
    return names, table.set_column(place, "target", targets).filter(pc.is_valid(targets))


def is_utf8(name: object) -> bool:
    """Return whether a name is a string without lone surrogates."""
    try:
        "".join([name]).encode()  # type: ignore[list-item]
    except (TypeError, UnicodeEncodeError):
        return False
    return True
