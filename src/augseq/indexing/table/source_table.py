"""The columns read from a table, with the location of each row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from augseq.errors import ManifestError
from augseq.terminal_text import first_few

_SHOWN = 5

Choose: TypeAlias = Callable[[Sequence[str]], list[str]]
"""Selects the requested columns from the names of all columns, or raises an error."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceTable:
    """Columns of a table, with the location of each row.

    Attributes:
        name: Name of the file or frame in messages.
        columns: The requested columns; those of CSV and TSV files all contain text.
        lines: Line on which each row begins, from 1; None if the source has no lines.
        findings: Warnings about how it was read.
        row_names: Where each row comes from, if that is more than a number; None otherwise.
    """

    name: str
    columns: pa.Table
    lines: npt.NDArray[np.int64] | None = None
    findings: tuple[str, ...] = ()
    row_names: Sequence[str] | None = None

    @property
    def has_rows(self) -> bool:
        """Whether it is a table; annotation files have no rows and columns to change."""
        return self.row_names is None

    def example(self, method: str) -> str:
        """Return how to change the paths with pandas, if it is a table."""
        return f", for example with frame[column].str.{method}" if self.has_rows else ""

    def places(self, is_meant: Any) -> str:
        """Return the location of the rows in a mask: "lines 3, 17 of 'photos.csv'"."""
        rows = np.flatnonzero(np.asarray(is_meant))
        if self.row_names is not None:
            names = [self.row_names[row] for row in rows.tolist()]
            return f"{first_few(names, _SHOWN)} of {self.name}"
        numbers = rows if self.lines is None else self.lines[rows]
        shown = first_few(map(str, numbers), _SHOWN)
        word = ("row" if self.lines is None else "line") + "s" * (len(rows) > 1)
        counted = " (from 0)" if self.lines is None else ""
        return f"{word} {shown} of {self.name}{counted}"


def check_names(names: Sequence[str], place: str) -> None:
    """Raise `ManifestError` if two columns have the same name."""
    repeated = sorted({name for name in names if name and names.count(name) > 1})
    if repeated:
        raise ManifestError(f"The columns of {place} must have unique names. Repeated: {repeated}")
