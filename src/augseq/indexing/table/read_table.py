"""Read tables of images: CSV, TSV, JSON Lines, Parquet, or a frame in memory."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from augseq.errors import ArgumentError, ManifestError, MissingFileError, UnreadableError
from augseq.indexing.existing_folder import describe_missing
from augseq.indexing.table.csv_file import read_csv, wrong_encoding
from augseq.indexing.table.data_frames import columns_of_frame
from augseq.indexing.table.images_inside import check_no_images_inside
from augseq.indexing.table.json_lines import read_json_lines
from augseq.indexing.table.not_a_table import check_content, check_suffix
from augseq.indexing.table.source_table import Choose, SourceTable, check_names
from augseq.manifest.parquet_guard import read_parquet
from augseq.manifest.schema import decoded_table


def read_source(source: Any, choose: Choose, delimiter: str | None = None) -> SourceTable:
    """Read columns of a file or a frame.

    Args:
        source: Path of a table, a pandas frame, or any object with Arrow's `__arrow_c_stream__`.
        choose: Selects the columns to read.
        delimiter: Separator of the cells in a CSV or TSV file; a comma or a tab if None.

    Raises:
        MissingFileError: There is no such file.
        UnreadableError: Access to the file is denied.
        ManifestError: The file is not a valid table.
        ArgumentError: It is neither a file with a supported extension nor a frame.
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
            f"Cannot read the frame: {_describe(error)}. All values of a column must have one "
            "type, such as text: frame[name] = frame[name].astype(str); or choose the columns to "
            "keep with `columns`."
        ) from error
    return SourceTable(name="the frame", columns=columns)


def _describe(error: Exception) -> str:
    """Return Arrow's error about a frame: the column, then the reason."""
    if isinstance(error, pa.ArrowException):
        return ": ".join(map(str, reversed(error.args))).rstrip(".")
    return str(error)


def _read_file(path: Path, choose: Choose, delimiter: str | None) -> SourceTable:
    if path.is_dir():
        raise ArgumentError(
            f"{os.fspath(path)!r} must be a table file, but is a folder. For a folder of images, "
            "use index_folder."
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
        raise ManifestError(wrong_encoding(path)) from error


def _read_by_suffix(path: Path, choose: Choose, delimiter: str | None) -> SourceTable:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _read_parquet(path, choose)
    if suffix == ".jsonl":
        return read_json_lines(path, choose)
    return read_csv(path, delimiter or ("\t" if suffix == ".tsv" else ","), choose)


def _read_parquet(path: Path, choose: Choose) -> SourceTable:
    name = os.fspath(path)
    try:
        with open(path, "rb") as opened:
            file = pq.ParquetFile(opened)
            if b"augseq" in (file.schema_arrow.metadata or {}):
                raise ManifestError(f"{name!r} is already a manifest: use it directly.")
            names = file.schema_arrow.names
            check_names(names, repr(name))
            check_no_images_inside(file.schema_arrow, repr(name), choose)
            chosen = choose(names)
            columns = read_parquet(opened, name, chosen).select(chosen)
    except (ArgumentError, ManifestError, PermissionError):
        raise
    # Damaged files raise all kinds of errors, from IndexError to MemoryError.
    except Exception as error:
        raise ManifestError(f"{name!r} is not a Parquet file, or is damaged: {error}") from error
    return SourceTable(name=repr(name), columns=columns)
