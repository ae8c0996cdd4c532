"""Read tables of images: CSV, TSV, JSON Lines, Parquet, or a frame in memory."""

import csv
import json
import os
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from augseq.errors import ArgumentError, ManifestError, MissingFileError, UnreadableError
from augseq.indexing.csv_header import check_first_line
from augseq.indexing.frames import check_names, columns_of_frame
from augseq.indexing.images_inside import check_no_images_inside
from augseq.indexing.missing_folder import describe_missing
from augseq.indexing.not_a_table import TABLE_SUFFIXES, check_content, check_suffix
from augseq.manifest.schema import decoded_table
from augseq.terminal_text import first_few, shortened

__all__ = ["TABLE_SUFFIXES", "Choose", "SourceTable", "read_source"]

_SHOWN = 5
_MOST_COLUMNS = 60
# What Arrow reads of a CSV file at a time, which must hold a whole row.
_JSON_HINT = (
    " JSON Lines has a whole object in each line; read other JSON with pandas.read_json, and pass "
    "the frame."
)
_BLOCK_BYTES, _MAX_BLOCK_BYTES = 2**20, 2**31 - 1

Choose = Callable[[Sequence[str]], list[str]]
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


def read_source(source: Any, choose: Choose, delimiter: str | None = None) -> SourceTable:
    """Read columns of a file, by its suffix, or of a frame.

    Args:
        source: Path of a table, a pandas frame, or any object with Arrow's `__arrow_c_stream__`.
        choose: Which columns to read.
        delimiter: What separates the cells of a CSV or TSV file; a comma or a tab if None.

    Raises:
        MissingFileError: There is no such file.
        UnreadableError: The system refuses to read it.
        ManifestError: The file is no proper table.
        ArgumentError: It is neither a file of a known suffix nor a frame.
    """
    if isinstance(source, str | os.PathLike):
        table = _read_file(Path(source), choose, delimiter)
    else:
        table = _read_frame(source, choose)
    return replace(table, columns=decoded_table(table.columns))


def _read_frame(source: Any, choose: Choose) -> SourceTable:
    try:
        columns = columns_of_frame(source, choose)
    except (pa.ArrowException, KeyError, OverflowError, UnicodeEncodeError) as error:
        raise ManifestError(
            f"Cannot read the frame: {_told(error)}. Give each column values of one type, such as "
            "text: frame[name] = frame[name].astype(str); or choose the columns to keep with "
            "`columns`."
        ) from error
    return SourceTable(name="the frame", columns=columns)


def _told(error: Exception) -> str:
    """Return what Arrow says of a frame: its reason, and then which column."""
    if isinstance(error, pa.ArrowException):
        return ": ".join(map(str, reversed(error.args))).rstrip(".")
    return str(error)


def _read_file(path: Path, choose: Choose, delimiter: str | None) -> SourceTable:
    if path.is_dir():
        raise ArgumentError(
            f"{os.fspath(path)!r} must be a table, but is a folder. For a folder of images, use "
            "index_folder."
        )
    check_suffix(path)
    if not path.is_file():
        raise MissingFileError(describe_missing(os.fspath(path), os.path.abspath(path), "table"))
    try:
        return _read_by_suffix(path, choose, delimiter)
    except PermissionError as error:
        raise UnreadableError(f"Cannot read {os.fspath(path)!r}: {error.strerror}.") from error
    except (ArgumentError, ManifestError):
        check_content(path)
        raise
    except pa.ArrowException as error:
        raise ManifestError(f"Cannot read {os.fspath(path)!r}: {error}") from error
    except UnicodeDecodeError as error:
        check_content(path)
        raise ManifestError(_wrong_encoding(path)) from error


def _read_by_suffix(path: Path, choose: Choose, delimiter: str | None) -> SourceTable:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _read_parquet(path, choose)
    if suffix == ".jsonl":
        return _read_json_lines(path, choose)
    return _read_csv(path, delimiter or ("\t" if suffix == ".tsv" else ","), choose)


def _wrong_encoding(path: Path) -> str:
    content = path.read_bytes()
    try:
        content.decode()
        start = 0  # Valid UTF-8, but with zeros as UTF-16 has them.
    except UnicodeDecodeError as error:
        start = error.start
    line = content.count(b"\n", 0, start) + 1
    is_utf16 = b"\0" in content[:200] or content[:2] in (b"\xff\xfe", b"\xfe\xff")
    kind = " It seems to be UTF-16." * is_utf16
    return (
        f"{os.fspath(path)!r} must be UTF-8 text, but is not in line {line}.{kind} Save it as "
        'UTF-8 (in spreadsheets: "CSV UTF-8"); or read it with pandas.read_csv(path, encoding='
        f'"{"utf-16" if is_utf16 else "cp1252"}"), and pass the frame.'
    )


def _read_csv(path: Path, delimiter: str, choose: Choose) -> SourceTable:
    """Read all cells as text: quoted blanks are text, others null."""
    check_first_line(path, delimiter, choose)
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
        # Opened here, since Arrow takes no path that is not UTF-8.
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
    """Return header, lines and findings, or refuse the file.

    Arrow reads seven times as fast and tells a quoted blank from a missing cell, but takes all
    that follows an unclosed quote for one cell, and knows no lines. Python's reader refuses such
    a file and counts lines, which takes a second for a million rows.
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
                        f"Line {end + 1} of {name!r} must have {len(header)} cells, as the header "
                        f"has. Received: {len(row)}. {_cells_advice(header, row, delimiter)}"
                    )
                elif row:
                    for place in nameless:
                        # As pandas writes the index of a frame: the number of the row.
                        nameless[place] |= row[place] not in ("", str(len(lines)))
                    lines.append(end + 1)
                end = rows.line_num
        except csv.Error as error:
            raise ManifestError(
                f"Cannot read the row that begins in line {end + 1} of {name!r}: {error}. "
                'Look for a quote (") that is not closed, or not doubled inside quotes.'
            ) from error
    if not header:
        raise ManifestError(f"{name!r} must begin with the names of its columns, but is empty.")
    dropped = any(nameless.values())
    return header, np.frombuffer(lines, np.int64), (_without_name(repr(name)),) * dropped


def _cells_advice(header: list[str], row: list[str], delimiter: str) -> str:
    if len(header) == 1:
        return (
            f"If the first line, {shortened(header[0], _MOST_COLUMNS)!r}, is a title or a comment, "
            "delete it."
        )
    if len(row) < len(header):
        return "Add the missing cells, or close a quote that began above."
    if not any(row[len(header) :]):
        return f"Remove {delimiter!r} from the end of the line."
    return f"Put cells with {delimiter!r} in quotes."


def _without_name(place: str) -> str:
    return (
        f"{place} has a column without a name, as pandas writes the index of a frame; it was not "
        "kept. To keep it, give it a name: frame.to_csv(path, index_label=...)."
    )


def _check_header(header: Sequence[str], path: Path) -> None:
    if any("\0" in cell for cell in header):
        raise ManifestError(_wrong_encoding(path))
    check_names(header, repr(os.fspath(path)))


def _read_json_lines(path: Path, choose: Choose) -> SourceTable:
    """Read one object a line; a name that a line does not have is null there.

    By Python's reader, since Arrow's makes text such as "2020-01-01" a time.
    """
    lines = array("q")
    values: dict[str, list[Any]] = {}
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if line.isspace():
                continue
            row = _parse_object(line, f"Line {number} of {os.fspath(path)!r}")
            for key in row:
                if key not in values:
                    values[key] = [None] * len(lines)
            for key, column in values.items():
                column.append(row.get(key))
            lines.append(number)
    columns = {}
    for key in choose(list(values)):
        try:
            columns[key] = pa.array(values[key])
        except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:
            raise ManifestError(
                f"The column {key!r} of {os.fspath(path)!r} must hold values of one type: {error}"
            ) from error
    return SourceTable(
        name=repr(os.fspath(path)),
        columns=pa.table(columns),
        lines=np.frombuffer(lines, np.int64),
    )


def _parse_object(line: str, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line, object_pairs_hook=_without_repeats)
    # Brackets in brackets by the thousand are a RecursionError.
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{place} must be a JSON object: {error}.{_JSON_HINT}") from error
    if not isinstance(row, dict):
        raise ManifestError(
            f"{place} must be a JSON object. Received: {line[:80].strip()}.{_JSON_HINT}"
        )
    return row


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError(f"a name comes twice in {[name for name, _ in pairs]}")
    return row


def _read_parquet(path: Path, choose: Choose) -> SourceTable:
    name = os.fspath(path)
    try:
        with open(path, "rb") as opened:
            file = pq.ParquetFile(opened)
            if b"augseq" in (file.schema_arrow.metadata or {}):
                raise ManifestError(f"{name!r} is a manifest already: use it as it is.")
            names = file.schema_arrow.names
            check_names(names, repr(name))
            check_no_images_inside(file.schema_arrow, repr(name), choose)
            chosen = choose(names)
            columns = file.read(chosen).select(chosen)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, PermissionError):
            raise
        raise ManifestError(f"{name!r} is not a Parquet file: {error}") from error
    return SourceTable(name=repr(name), columns=columns)
