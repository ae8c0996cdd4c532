"""What a split balances: the classes, labels or numbers in columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ArgumentError, LabelError
from augseq.manifest.balance import Labels
from augseq.manifest.own_columns import known_column, split_text
from augseq.manifest.partition import Strata
from augseq.manifest.schema import is_list
from augseq.terminal_text import first_few
from augseq.validation import briefly, check_whole, is_ordered

_NUM_BINS = 10
_SHOWN = 3
# Fewer different values than this are classes, however few records there are.
_FEW = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratify:
    """The columns that a split balances.

    Attributes:
        names: Names of the columns.
        separator: What separates the parts of a text; None for no parts.
        bins: In how many ranges to divide numbers; None treats integers as classes, and divides
            floats in 10 ranges.
    """

    names: tuple[str, ...]
    separator: str | None
    bins: int | None

    def strata(self, table: pa.Table, shares: Sequence[float]) -> Strata:
        """Return the class of each record, or its labels.

        Args:
            table: The columns of a manifest.
            shares: Shares of the parts.

        Raises:
            ArgumentError: There is no such column, it does not fit, or an option does not fit it.
            LabelError: A text is not a number, but `bins` is given.
        """
        columns = [known_column(table, name, "`stratify`") for name in self.names]
        self._check_options([column.type for column in columns])
        parts = [
            self._labels(name, column, table, min(shares))
            for name, column in zip(self.names, columns, strict=True)
        ]
        if len(parts) == 1 and not isinstance(parts[0], Labels):
            return parts[0]
        return _joined([_as_labels(part) for part in parts])

    def _check_options(self, kinds: Sequence[pa.DataType]) -> None:
        """Raise `ArgumentError` if `separator` or `bins` would have no effect."""
        has_text = any(pa.types.is_string(kind) or pa.types.is_null(kind) for kind in kinds)
        has_numbers = any(map(_is_number_kind, kinds)) or (has_text and self.separator is None)
        received = f"{', '.join(self.names)} of type {', '.join(map(str, kinds))}"
        if self.separator is not None and not has_text:
            raise ArgumentError(
                "`separator` requires a column of text as `stratify`; remove it. "
                f"Received: separator={self.separator!r}, {received}"
            )
        if self.bins is not None and not has_numbers:
            raise ArgumentError(
                "`bins` requires a column of numbers as `stratify`; remove it. "
                f"Received: bins={self.bins}, {received}"
            )

    def _labels(
        self, name: str, column: pa.ChunkedArray, table: pa.Table, least_share: float
    ) -> Strata:
        kind = column.type
        if self.separator is not None and (pa.types.is_string(kind) or len(self.names) == 1):
            column = split_text(name, column, self.separator)
        if is_list(column.type):
            return self._list_labels(name, column)
        is_number = _is_number_kind(kind)
        wants_bins = self.bins is not None and (is_number or pa.types.is_string(kind))
        if pa.types.is_floating(kind) or wants_bins:
            numbers = _numbers(name, column, table)
            # With fewer records in a bin, a part would get none of them.
            num_bins = int(len(numbers) * least_share + 1e-9)
            bins = max(1, min(self.bins or _NUM_BINS, num_bins))
            return _as_labels(_quantile_bins(numbers, bins))
        if not (is_number or pa.types.is_string(kind) or _is_flag(kind)):
            raise _unfit(name, kind)
        return self._classes(name, column)

    def _classes(self, name: str, column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
        codes, num_values = _codes(column)
        if num_values > max(_FEW, len(codes) // 2):
            example = str(column.drop_null()[0].as_py())
            raise ArgumentError(
                f"stratify={name!r} balances each value of a column as a class, but the column "
                f"has {num_values:,} different values in {len(codes):,} records, such as "
                f"{briefly(example)}. For numbers, pass how many ranges to make of them, such as "
                'bins=10 (at the shell: --bins 10). For tags in text, pass separator=";" '
                "(--separator ';')."
            )
        return codes

    def _list_labels(self, name: str, column: pa.ChunkedArray) -> Labels:
        lists = column.combine_chunks()
        items = pc.list_flatten(lists)
        if not (pa.types.is_string(items.type) or pa.types.is_integer(items.type)):
            if len(items):
                raise _unfit(name, column.type)
            items = items.cast(pa.string())
        codes, num_values = _codes(pa.chunked_array([items]))
        lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
        rows = np.repeat(np.arange(len(lists)), lengths)
        # Repeated labels count once.
        cells = np.unique(rows * max(num_values, 1) + codes)
        return Labels(*np.divmod(cells, max(num_values, 1)))


def make_stratify(value: Any, separator: str | None, bins: int | None) -> Stratify | None:
    """Return what `stratify` of a split means; None for the labels of the manifest, or nothing.

    Raises:
        ArgumentError: It is not a boolean, the name of a column or a list of names, or another
            option does not fit it.
    """
    if bins is not None:
        check_whole("bins", bins, least=2)
    if isinstance(value, bool | np.bool_):
        if separator is not None or bins is not None:
            raise ArgumentError(
                "`separator` and `bins` require the name of a column as `stratify`, such as "
                'stratify="tags" (at the shell: --stratify tags). '
                f"Received: stratify={value}, separator={separator!r}, bins={bins!r}"
            )
        return None
    names = (value,) if isinstance(value, str) else tuple(value) if is_ordered(value) else ()
    if not names or not all(isinstance(name, str) for name in names):
        raise ArgumentError(
            "`stratify` must be True for the labels of the manifest, False, the name of a column, "
            f"or a list of names. Received: stratify={briefly(value)}"
        )
    return Stratify(names=tuple(dict.fromkeys(names)), separator=separator, bins=bins)


def _unfit(name: str, kind: pa.DataType) -> ArgumentError:
    return ArgumentError(
        "`stratify` requires a column of text, numbers, booleans, or lists of text or integers. "
        f"Received: stratify={name!r}, a column of type {kind}. Convert it with "
        "manifest.with_column."
    )


def _is_number_kind(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _is_flag(kind: pa.DataType) -> bool:
    return bool(pa.types.is_boolean(kind) or pa.types.is_null(kind))


def _codes(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], int]:
    """Return the number of each value in sorted order, nulls last, and how many values differ."""
    values = column.combine_chunks()
    if pa.types.is_null(values.type):
        return np.zeros(len(values), np.int64), 0
    encoded = pc.dictionary_encode(values)
    order = pc.array_sort_indices(encoded.dictionary).to_numpy()
    rank_of = np.empty(len(order) + 1, np.int64)
    rank_of[order] = np.arange(len(order))
    rank_of[-1] = len(order)
    has_value = pc.is_valid(values).to_numpy(zero_copy_only=False)
    places = pc.fill_null(encoded.indices, len(order)).to_numpy()
    return rank_of[places], len(order) + int(not has_value.all())


def _numbers(name: str, column: pa.ChunkedArray, table: pa.Table) -> npt.NDArray[np.float64]:
    """Return numbers, NaN for missing ones."""
    try:
        numbers: npt.NDArray[np.float64] = column.cast(pa.float64()).to_numpy()
    except pa.ArrowException:
        values = column.to_pylist()
        wrong = [row for row, value in enumerate(values) if not _is_number(value)]
        paths = table.column("path").take(pa.array(wrong[:_SHOWN])).to_pylist()
        shown = first_few([*map(repr, paths), *[""] * (len(wrong) - len(paths))], _SHOWN)
        raise LabelError(
            f"`bins` requires numbers, but the column {name!r} has {values[wrong[0]]!r} for "
            f"{shown}. Correct the column, or remove `bins` (at the shell: --bins) for classes."
        ) from None
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _is_number(value: str | None) -> bool:
    try:
        pa.array([value], pa.string()).cast(pa.float64())
    except pa.ArrowException:
        return False
    return True


def _quantile_bins(numbers: npt.NDArray[np.float64], bins: int) -> npt.NDArray[np.int64]:
    """Return the range of each number, with about as many records in each; NaN is the last one."""
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        return np.zeros(len(numbers), np.int64)
    edges = np.unique(np.quantile(known, np.arange(1, bins) / bins))
    codes = np.searchsorted(edges, numbers, side="right")
    return np.where(np.isnan(numbers), len(edges) + 1, codes)


def _as_labels(strata: Strata) -> Labels:
    if isinstance(strata, Labels):
        return strata
    return Labels(np.arange(len(strata)), strata)


def _joined(parts: Sequence[Labels]) -> Labels:
    """Return the labels of several columns together."""
    ends = np.cumsum([part.num_codes for part in parts])
    starts = ends - [part.num_codes for part in parts]
    total = max(int(ends[-1]), 1)
    cells = np.concatenate(
        [part.rows * total + part.codes + start for part, start in zip(parts, starts, strict=True)]
    )
    return Labels(*np.divmod(np.sort(cells), total))
