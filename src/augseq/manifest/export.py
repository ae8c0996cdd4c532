"""Write a manifest as a table that other programs read: CSV, TSV, JSON Lines, Parquet."""

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
from augseq.manifest.schema import CORE_SCHEMA, PROBE_FIELD, ROWS_AT_ONCE
from augseq.storage.atomic_file import atomic_write
from augseq.types import PathLike

# What a spreadsheet takes for the beginning of a formula, or for what precedes one.
_FORMULA = r"^[=+\-@\t\r]"


def write_table(
    manifest: Manifest,
    path: PathLike,
    *,
    path_column: str = "path",
    label_column: str = "label",
    spreadsheet_safe: bool = False,
) -> None:
    """Write a row for each record: path, class name, index, and columns of your own.

    `index_table(path, root=manifest.root, class_names=manifest.class_names)` makes the same
    records of it, in every format; columns of your own come back from CSV and TSV as text. What
    was probed and what is excluded is not written; `write_manifest` keeps all.

    Args:
        manifest: What to write; paths are relative to its root.
        path: File to make or replace, ending in .csv, .tsv, .jsonl or .parquet.
        path_column: What to call the column of paths.
        label_column: What to call the column of class names; not there without labels.
        spreadsheet_safe: Whether to put `'` before text in CSV and TSV, also names of columns,
            that a spreadsheet would run as a formula (beginning with =, +, -, @, tab or return).
            What is read back then differs there, so use it for what only people read.

    Raises:
        ArgumentError: The suffix is another, two columns would have one name, or a format has no
            word for a value, as JSON for a number that is not finite.
        MissingFileError: Its folder does not exist.
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
    if spreadsheet_safe:
        if suffix not in (".csv", ".tsv"):
            raise ArgumentError(f"`spreadsheet_safe` is for .csv and .tsv. Received: {suffix}")
        table = _disarmed(table)
    with atomic_write(path) as file:
        try:
            writers[suffix](table, file)
        except pa.ArrowException as error:
            raise ArgumentError(f"A column does not fit into {suffix}: {error}") from error


def _plain_table(manifest: Manifest, path_column: str, label_column: str) -> pa.Table:
    """Return what is written: class names for labels, and no structs."""
    columns = {path_column: _unmistakable(manifest.table.column("path"))}
    if manifest.class_names:
        names = pa.array(manifest.class_names, pa.string())
        columns[label_column] = names.take(manifest.table.column("target").combine_chunks())
    columns["index"] = manifest.table.column("index")
    own = [
        n for n in manifest.table.column_names if n not in (*CORE_SCHEMA.names, PROBE_FIELD.name)
    ]
    expected = 2 + bool(manifest.class_names)
    if len(columns) < expected or set(columns).intersection(own):
        raise ArgumentError(
            f"Column names must differ. Received: path_column={path_column!r}, "
            f"label_column={label_column!r} beside 'index' and {own}"
        )
    return pa.table(columns | {name: manifest.table.column(name) for name in own})


def _unmistakable(paths: pa.ChunkedArray) -> pa.ChunkedArray:
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


def _write_csv(table: pa.Table, file: BinaryIO, delimiter: str) -> None:
    options = pyarrow.csv.WriteOptions(delimiter=delimiter)
    pyarrow.csv.write_csv(table, file, options)


def _write_json_lines(table: pa.Table, file: BinaryIO) -> None:
    for rows in table.to_batches(max_chunksize=ROWS_AT_ONCE):
        for row in rows.to_pylist():
            try:
                text = json.dumps(row, ensure_ascii=False, allow_nan=False, default=_in_words)
            except ValueError as error:
                raise ArgumentError(
                    f"JSON has no word for a number that is not finite. Received: {row}. "
                    "Write .csv or .parquet."
                ) from error
            file.write(f"{text}\n".encode())


def _in_words(value: Any) -> str:
    """Write a date or time as in ISO 8601."""
    return str(value.isoformat() if hasattr(value, "isoformat") else value)
