"""Delimiter-separated tables: CSV and TSV."""

import csv
import os
from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from augseq.errors import ArgumentError, ManifestError
from augseq.indexing.table.source_table import Choose, SourceTable, check_names
from augseq.pixels.decoders.registry import all_endings
from augseq.terminal_text import shortened

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
_FIRST_LINE_LETTERS = 2**20
_MOST_COLUMNS = 60
# Arrow's block size, which must fit a whole row.
_BLOCK_BYTES, _MAX_BLOCK_BYTES = 2**20, 2**31 - 1


def read_csv(path: Path, delimiter: str, choose: Choose) -> SourceTable:
    """Read all cells as text; empty cells are null unless they are quoted."""
    _check_first_line(path, delimiter, choose)
    header, lines, findings = _check_csv(path, delimiter)
    chosen = choose([name for name in header if name])
    parse_options = pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    convert_options = pyarrow.csv.ConvertOptions(
        include_columns=chosen,
        column_types=dict.fromkeys(chosen, pa.string()),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )

    def read(block_bytes: int) -> pa.Table:
        read_options = pyarrow.csv.ReadOptions(block_size=block_bytes)
        # Opened here, since Arrow accepts only UTF-8 paths.
        with open(path, "rb") as file:
            return pyarrow.csv.read_csv(file, read_options, parse_options, convert_options)

    try:
        columns = read(_BLOCK_BYTES)
    except pa.ArrowInvalid:  # A row is longer than that.
        columns = read(min(path.stat().st_size, _MAX_BLOCK_BYTES))
    name = repr(os.fspath(path))
    return SourceTable(name=name, columns=columns, lines=lines, findings=findings)


def _check_csv(
    path: Path, delimiter: str
) -> tuple[list[str], npt.NDArray[np.int64], tuple[str, ...]]:
    """Return header, line numbers and warnings, or raise `ManifestError`.

    Arrow is seven times as fast and distinguishes quoted blanks from missing cells, but reads
    everything after an unclosed quote as one cell, and does not report line numbers. Python's
    reader rejects such files and counts lines, in a second for a million rows.
    """
    name = os.fspath(path)
    lines = array("q")
    header: list[str] = []
    nameless: dict[int, bool] = {}
    end = 0
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            for row in rows:
                if row and not header:
                    header = row
                    _check_header(header, path)
                    nameless = {place: False for place, cell in enumerate(header) if not cell}
                elif row and len(row) != len(header):
                    raise ManifestError(
                        f"Line {end + 1} of {name!r} must have {len(header)} cells, like the "
                        f"header. Received: {len(row)}. {_cells_advice(header, row, delimiter)}"
                    )
                elif row:
                    for place in nameless:
                        # Row numbers, as pandas writes for the default index of a frame.
                        nameless[place] |= row[place] not in ("", str(len(lines)))
                    lines.append(end + 1)
                end = rows.line_num
        except csv.Error as error:
            raise ManifestError(
                f"Cannot read the row that begins on line {end + 1} of {name!r}: {error}. "
                'Look for a quote (") that is not closed, or not doubled inside quotes.'
            ) from error
    if not header:
        raise ManifestError(f"{name!r} must begin with a row of column names, but is empty.")
    dropped = any(nameless.values())
    return header, np.frombuffer(lines, np.int64), (_without_name(repr(name)),) * dropped


def _cells_advice(header: list[str], row: list[str], delimiter: str) -> str:
    if len(header) == 1:
        return (
            f"If the first line, {shortened(header[0], _MOST_COLUMNS)!r}, is a title or a comment, "
            "delete it."
        )
    if len(row) < len(header):
        return "Add the missing cells, or close a quote opened above."
    if not any(row[len(header) :]):
        return f"Remove {delimiter!r} from the end of the line."
    return f"Put cells with {delimiter!r} in quotes."


def _without_name(place: str) -> str:
    return (
        f"{place} has a column without a name, as pandas writes the index of a frame; it was "
        "dropped. To keep it, name it: frame.to_csv(path, index_label=...)."
    )


def _check_header(header: Sequence[str], path: Path) -> None:
    if any("\0" in cell for cell in header):
        raise ManifestError(wrong_encoding(path))
    check_names(header, repr(os.fspath(path)))


def _check_first_line(path: Path, delimiter: str, choose: Choose) -> None:
    """Raise `ManifestError` if a file has a different delimiter, or no header.

    Args:
        path: A CSV file.
        delimiter: The expected delimiter.
        choose: Raises `ArgumentError` if the requested columns are missing.
    """
    with open(path, encoding="utf-8-sig", newline="") as file:
        line = next((line for line in file if line.strip()), "")[:_FIRST_LINE_LETTERS]
    names = _cells(line, delimiter)
    if not names or "\0" in line or _fits(choose, names):
        return
    if names[0].lower().startswith("sep=") or line.lower().startswith("sep="):
        raise ManifestError(
            f"{str(path)!r} begins with the line {line.strip()!r}, which only Excel understands. "
            f"Delete that line, and {_option(line.strip()[4:5] or ';')}."
        )
    others = {other: _cells(line, other) for other in _SEPARATORS if other != delimiter}
    # A delimiter fits if it yields more columns, or the requested ones.
    fitting = [
        other
        for other, cells in others.items()
        # Spaces can follow commas.
        if (other != " " and len(cells) > len(names))
        or (len(cells) > 1 and (other != " " or len(names) == 1) and _fits(choose, cells))
    ]
    if fitting:
        other = max(fitting, key=lambda kind: (_fits(choose, others[kind]), len(others[kind])))
        raise ManifestError(
            f"The columns of {str(path)!r} are separated by {_SEPARATORS[other]}, not by "
            f"{_SEPARATORS.get(delimiter, repr(delimiter))}: {_option(other)}. Its first line is "
            f"{line.strip()[:200]!r}."
        )
    if any(cell.strip().lower().endswith(all_endings()) for cell in line.split(delimiter)):
        raise ManifestError(
            f"The first line of {str(path)!r} must name the columns, but seems to list an image: "
            f"{line.strip()[:200]!r}. Add a line such as {f'path{delimiter}label'!r} above it, "
            "or read the file with pandas.read_csv(path, header=None, names=[...]) and pass the "
            "frame."
        )


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [name for name in next(csv.reader([line], delimiter=delimiter), []) if name]
    except csv.Error:
        return []


def _fits(choose: Choose, names: Sequence[str]) -> bool:
    try:
        choose(names)
    except ArgumentError:
        return False
    return True


def _option(delimiter: str) -> str:
    at_the_shell = "'\\t'" if delimiter == "\t" else f"{delimiter!r}"
    return f"pass delimiter={delimiter!r} (at the shell: --delimiter {at_the_shell})"


def wrong_encoding(path: Path) -> str:
    """Return where a file is not valid UTF-8, and what to do."""
    content = path.read_bytes()
    try:
        content.decode()
        start = 0  # Valid UTF-8, but with zero bytes, like UTF-16.
    except UnicodeDecodeError as error:
        start = error.start
    line = content.count(b"\n", 0, start) + 1
    is_utf16 = b"\0" in content[:200] or content[:2] in (b"\xff\xfe", b"\xfe\xff")
    kind = " It seems to be UTF-16." * is_utf16
    return (
        f"{os.fspath(path)!r} must be UTF-8 text, but line {line} is not.{kind} Save it as "
        'UTF-8 (in spreadsheets: "CSV UTF-8"); or read it with pandas.read_csv(path, encoding='
        f'"{"utf-16" if is_utf16 else "cp1252"}"), and pass the frame.'
    )
