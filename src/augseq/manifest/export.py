"""Export a manifest as a table for other programs: CSV, TSV, JSON Lines, Parquet."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from augseq.errors import ArgumentError
from augseq.manifest.manifest import Manifest
from augseq.manifest.schema import ROWS_AT_ONCE, WINDOW_FIELD, own_names
from augseq.manifest.windows import has_windows
from augseq.storage.atomic_file import atomic_write
from augseq.types import PathLike

# First characters of text that spreadsheets evaluate as a formula.
_FORMULA = r"^[=+\-@\t\r]"


def write_table(
    manifest: Manifest,
    path: PathLike,
    *,
    path_column: str = "path",
    label_column: str = "label",
    list_separator: str = ";",
    spreadsheet_safe: bool = False,
) -> None:
    """Export one row per record: path, class name, index, and your own columns.

    `index_table(path, root=manifest.root, class_names=manifest.class_names)` restores the same
    records from every format; your own columns come back from CSV and TSV as text, lists as
    separated text. Probes and excluded records are not exported; `write_manifest` saves everything.

    Args:
        manifest: The manifest to export; paths are relative to its root.
        path: File to create or replace, ending in .csv, .tsv, .jsonl or .parquet.
        path_column: Name for the column of paths.
        label_column: Name for the column of class names, which is omitted without labels.
        list_separator: What to write between the elements of a list in CSV and TSV. An element
            that contains it is an error.
        spreadsheet_safe: Whether to put `'` before text in CSV and TSV, including column names,
            that a spreadsheet would run as a formula (beginning with =, +, -, @, tab or return).
            Such values change when read back, so use it only for files that people read.

    Raises:
        ArgumentError: The extension is not supported, two columns have the same name, or the
            format cannot represent a value, such as a non-finite number in JSON.
        MissingFileError: The folder of the path does not exist.
        OSError: The file cannot be written.

    Example:
        >>> import augseq
        >>> images = augseq.index_folder("sample_images", progress=False)
        >>> augseq.write_table(images, "images.csv")  # doctest: +SKIP
    """
    suffix = Path(path).suffix.lower()
    writers: dict[str, Callable[[pa.Table, BinaryIO], None]] = {
        ".csv": lambda table, file: _write_csv(table, file, ","),
        ".tsv": lambda table, file: _write_csv(table, file, "\t"),
        ".jsonl": _write_json_lines,
        ".parquet": pq.write_table,
    }
    if suffix not in writers:
        raise ArgumentError(
            f"A table must end in {', '.join(writers)}. Received: {os.fspath(path)!r}"
        )
    table = _plain_table(manifest, path_column, label_column)
    if suffix in (".csv", ".tsv"):
        table = _with_joined_lists(table, list_separator)
    if spreadsheet_safe:
        if suffix not in (".csv", ".tsv"):
            raise ArgumentError(f"`spreadsheet_safe` is for .csv and .tsv. Received: {suffix}")
        table = _disarmed(table)
    with atomic_write(path) as file:
        try:
            writers[suffix](table, file)
        except pa.ArrowException as error:
            raise ArgumentError(f"A column cannot be written as {suffix}: {error}") from error


def _plain_table(manifest: Manifest, path_column: str, label_column: str) -> pa.Table:
    """Return the table to write: class names instead of labels, and no structs."""
    columns = {path_column: _with_unambiguous_backslashes(manifest.table.column("path"))}
    if manifest.class_names:
        names = pa.array(manifest.class_names, pa.string())
        columns[label_column] = names.take(manifest.table.column("target").combine_chunks())
    columns["index"] = manifest.table.column("index")
    if has_windows(manifest.table):
        window = manifest.table.column(WINDOW_FIELD.name).combine_chunks()
        columns |= {f"window_{part.name}": window.field(part.name) for part in WINDOW_FIELD.type}
    own = own_names(manifest.table)
    expected = 2 + bool(manifest.class_names)
    if len(columns) < expected or set(columns).intersection(own):
        raise ArgumentError(
            f"Column names must be unique. Received: path_column={path_column!r}, "
            f"label_column={label_column!r} in addition to 'index' and {own}"
        )
    return pa.table(columns | {name: manifest.table.column(name) for name in own})


def _with_unambiguous_backslashes(paths: pa.ChunkedArray) -> pa.ChunkedArray:
    r"""Write "a\b.jpg" as "./a\b.jpg", so that its `\` is not read as a separator."""
    is_name = pc.and_(pc.match_substring(paths, "\\"), pc.invert(pc.match_substring(paths, "/")))
    return pc.if_else(is_name, pc.binary_join_element_wise("./", paths, ""), paths)


def _disarmed(table: pa.Table) -> pa.Table:
    names = [f"'{name}" if re.match(_FORMULA, name) else name for name in table.column_names]
    table = table.rename_columns(names)
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            texts = table.column(place)
            quoted = pc.binary_join_element_wise("'", texts, "")
            is_formula = pc.match_substring_regex(texts, _FORMULA)
            table = table.set_column(place, field.name, pc.if_else(is_formula, quoted, texts))
    return table


def _with_joined_lists(table: pa.Table, separator: str) -> pa.Table:
    """Return a table with lists as separated text, which has no other form in CSV."""
    for place, field in enumerate(table.schema):
        if not pa.types.is_list(field.type):
            continue
        lists = table.column(place)
        items = pc.list_flatten(lists).cast(pa.string())
        broken = items.filter(
            pc.or_(
                pc.match_substring(items, separator),
                pc.equal(pc.utf8_trim_whitespace(items), ""),
            )
        )
        if len(broken) or items.null_count:
            example = broken[0].as_py() if len(broken) else None
            raise ArgumentError(
                f"A list can be written as .csv or .tsv only if none of its elements is missing, "
                f"blank or contains `list_separator`. Received: list_separator={separator!r}, "
                f"{example!r} in the column {field.name!r}. Pass another `list_separator`, or "
                "write .jsonl or .parquet."
            )
        joined = pc.binary_join(lists.cast(pa.list_(pa.string())), separator)
        table = table.set_column(place, field.name, joined)
    return table


def _write_csv(table: pa.Table, file: BinaryIO, delimiter: str) -> None:
    options = pyarrow.csv.WriteOptions(delimiter=delimiter)
    pyarrow.csv.write_csv(table, file, options)


def _write_json_lines(table: pa.Table, file: BinaryIO) -> None:
    for rows in table.to_batches(max_chunksize=ROWS_AT_ONCE):
        for row in rows.to_pylist():
            try:
                text = json.dumps(row, ensure_ascii=False, allow_nan=False, default=_iso_text)
            except ValueError as error:
                raise ArgumentError(
                    f"JSON cannot represent non-finite numbers. Received: {row}. "
                    "Write .csv or .parquet."
                ) from error
            file.write(f"{text}\n".encode())


def _iso_text(value: Any) -> str:
    """Return a date or time in ISO 8601 format."""
    return str(value.isoformat() if hasattr(value, "isoformat") else value)
