"""The columns of a table that were read, and what finds a row of it again."""

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
"""From the names of all columns to those that are wanted, or an error."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceTable:
    """Some columns of a table, and how a person finds a row again.

    Attributes:
        name: The file or kind of frame, for messages.
        columns: The columns that were wanted; those of CSV and TSV all hold text.
        lines: Line of the file that each row begins in, from 1; None where there are no lines.
        findings: What a person should know about how it was read.
    """

    name: str
    columns: pa.Table
    lines: npt.NDArray[np.int64] | None = None
    findings: tuple[str, ...] = ()

    def places(self, is_meant: Any) -> str:
        """Name the rows where a mask holds: "lines 3, 17 of 'photos.csv'"."""
        rows = np.flatnonzero(np.asarray(is_meant))
        numbers = rows if self.lines is None else self.lines[rows]
        shown = first_few(map(str, numbers), _SHOWN)
        word = ("row" if self.lines is None else "line") + "s" * (len(rows) > 1)
        counted = " (from 0)" if self.lines is None else ""
        return f"{word} {shown} of {self.name}{counted}"


def check_names(names: Sequence[str], place: str) -> None:
    """Raise `ManifestError` where two columns have one name; nameless ones are not read."""
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise ManifestError(f"Each column of {place} must have its own name. Twice: {twice}")
