"""Errors for files that are not supported tables, with how to convert them."""

import os
from pathlib import Path

from augseq.errors import ArgumentError, ManifestError
from augseq.pixels.file_kinds import describe_file

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
_HEAD_BYTES = 4096
_FRAME = "with pandas or polars, and pass the frame: index_table(frame, root=...)"
_PACKED = (".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".rar", ".tar", ".tgz")
_SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers")
_PLAIN = (".txt", ".dat", ".lst", ".list", ".tab", ".psv", ".csv_", ".data", "")

# How `describe_file` names kinds of text.
_TEXTS = ("text", "JSON text", "XML text", "the text", "only white space")
_NO_TABLES = ("a web page", "a Git LFS pointer", "a git-annex pointer")


def check_suffix(path: Path) -> None:
    """Raise `ArgumentError` unless a file has the extension of a table."""
    suffix = path.suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        raise ArgumentError(
            f"A table must end in {', '.join(TABLE_SUFFIXES)}. Received: {os.fspath(path)!r}. "
            f"{_advice(suffix)}"
        )


def _advice(suffix: str) -> str:
    if suffix in _SPREADSHEETS:
        return (
            'Save the spreadsheet as "CSV UTF-8" (.csv); or read it with pandas.read_excel, and '
            "pass the frame: index_table(frame, root=...)."
        )
    if suffix in (".ndjson", ".jsonlines"):
        return "If it has one JSON object per line, rename it to end in .jsonl."
    if suffix == ".json":
        return (
            "If it has one JSON object per line, rename it to end in .jsonl. If it has boxes in "
            "COCO's format, use index_coco (at the shell: --annotations coco). Otherwise read it "
            "with pandas.read_json, and pass the frame: index_table(frame, root=...)."
        )
    if suffix in _PACKED:
        return f"Unpack it first; or read it {_FRAME}."
    if suffix in _PLAIN:
        return (
            "If it is text with column names on its first line, rename it to end in .csv, and pass "
            "its separator as `delimiter` (at the shell: --delimiter). Otherwise read it "
            f"{_FRAME}."
        )
    return f"Read other formats {_FRAME}."


def check_content(path: Path) -> None:
    """Raise `ManifestError` if a file that could not be read is not a table."""
    with open(path, "rb") as file:
        head = file.read(_HEAD_BYTES)
    kind, advice = describe_file(head) or ("", "")
    # Text can be a table whatever it begins with, such as a first column named "MZ".
    is_text = _is_text(head)
    is_plain = kind.startswith(_TEXTS) and not kind.endswith("with gzip")
    if not kind or is_plain or (is_text and not kind.startswith(_NO_TABLES)):
        return
    if kind == "a Parquet file" and path.suffix.lower() == ".parquet":
        return
    if kind == "an Office document":
        kind, advice = "an Office spreadsheet or document", _advice(".xlsx").rstrip(".")
    raise ManifestError(
        f"{os.fspath(path)!r} is {kind}, not a table. {advice[0].upper()}{advice[1:]}."
    )


def _is_text(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # The last character may be cut in two.
        return b"\0" not in head and error.start > len(head) - 4
    return b"\0" not in head
