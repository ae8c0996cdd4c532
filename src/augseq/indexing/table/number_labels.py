"""Numeric labels: class codes, or values to predict, such as ages."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import LabelError

# With fewer distinct values, any numbers can be class codes.
_FEWEST = 8
# Codes have no fractions, but a rating can have ten half steps.
_MOST_FRACTIONS = 20
# For example ages from 18 to 90; codes of that many classes would have more images each.
_LONG_RANGE = 30
_EXACT = 2.0**53

_WAY_OUT = (
    "If they are values to predict, pass label_column=None (at the shell: --no-labels): the column "
    "is then kept with the records, to train on with targets=augseq.Number(...)."
)


def whole_numbers(labels: pa.Array, column: str) -> pa.Array:
    """Convert labels that are whole numbers to integers, with nulls for NaN.

    pandas stores integers as floats if some are missing.

    Raises:
        LabelError: The labels have another type, or are not whole numbers.
    """
    kind = labels.type
    if pa.types.is_integer(kind):
        return labels
    if not pa.types.is_floating(kind):
        way_out = f"Convert them to text, for example with frame[{column!r}].astype(str)."
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            way_out = (
                "An image has one class. For several labels, pass label_column=None (at the "
                "shell: --no-labels), and train with "
                f"targets=augseq.MultiLabel({column!r}, ...)."
            )
        raise LabelError(
            f"The labels in the column {column!r} must be text, integers or booleans. "
            f"Received: {kind}. {way_out}"
        )
    numbers = labels.cast(pa.float64())
    numbers = pc.if_else(pc.is_nan(numbers), None, numbers)
    is_whole = pc.and_(pc.equal(numbers, pc.floor(numbers)), pc.less(pc.abs(numbers), _EXACT))
    if not pc.all(is_whole, min_count=0).as_py():
        value = numbers.filter(pc.invert(is_whole))[0].as_py()
        raise LabelError(
            f"The labels in the column {column!r} must be text, integers or booleans. "
            f"Received: {kind}, such as {value!r}. {_WAY_OUT} If they are class names, convert "
            f"them to text: frame[{column!r}].astype(str)."
        )
    return numbers.cast(pa.int64())


def number_findings(names: Sequence[str], targets: pa.Array, column: str) -> Iterator[str]:
    """Yield a warning if the classes of a table seem to be numbers to predict.

    Class codes count from 0 or 1, or occur many times each. Values such as ages, prices and angles
    do neither, or have fractions.

    Args:
        names: Names of the classes, each of which occurs.
        targets: The target of each row, int32 with nulls.
        column: Name of the label column.
    """
    try:
        values = np.array([float(name) for name in names])
    except ValueError:
        return
    values = values[np.isfinite(values)]
    if len(values) < _FEWEST:
        return
    num_rows = len(targets) - targets.null_count
    has_fractions = bool(np.any(values != np.floor(values)))
    if _are_codes(values) and not has_fractions:
        return
    is_range = len(names) >= _LONG_RANGE and np.ptp(values) < 1.5 * len(names)
    if (
        2 * len(names) > num_rows
        or (has_fractions and len(names) > _MOST_FRACTIONS)
        or (is_range and 10 * len(names) > num_rows)
    ):
        yield (
            f"The column {column!r} seems to contain numbers to predict, not classes: "
            f"{len(names)} different values in {num_rows} rows, from {min(values):g} to "
            f"{max(values):g}. Each became a class. {_WAY_OUT} If they are classes, "
            "ignore this."
        )


def _are_codes(values: np.ndarray) -> bool:
    """Return whether numbers count from 0 or 1 without gaps."""
    return bool(min(values) in (0, 1) and max(values) - min(values) == len(values) - 1)
