"""Tables with one JSON object per line."""

import json
import os
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from augseq.errors import ManifestError
from augseq.indexing.table.source_table import Choose, SourceTable

_HINT = (
    " JSON Lines has a complete object on each line; read other JSON with pandas.read_json, and "
    "pass the frame."
)


def read_json_lines(path: Path, choose: Choose) -> SourceTable:
    """Read one object per line; names missing from a line are null.

    Uses Python's parser, since Arrow's converts text such as "2020-01-01" to a time.
    """
    lines = array("q")
    values: dict[str, list[Any]] = {}
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if line.isspace():
                continue
            row = parse_object(line, f"Line {number} of {os.fspath(path)!r}", _HINT)
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
                f"The column {key!r} of {os.fspath(path)!r} must have values of one type: {error}"
            ) from error
    return SourceTable(
        name=repr(os.fspath(path)),
        columns=pa.table(columns),
        lines=np.frombuffer(lines, np.int64),
    )


def parse_object(line: str, place: str, hint: str = "") -> dict[str, Any]:
    """Return a JSON object.

    Args:
        line: Its text.
        place: Where it is, for messages.
        hint: Advice, with a space before it.

    Raises:
        ManifestError: It is no object, or a name occurs twice in it.
    """
    try:
        row = json.loads(line, object_pairs_hook=_without_repeats)
    # Deeply nested brackets raise a RecursionError.
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{place} must be a JSON object: {error}.{hint}") from error
    if not isinstance(row, dict):
        raise ManifestError(f"{place} must be a JSON object. Received: {line[:80].strip()}.{hint}")
    return row


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError(f"a name occurs twice in {[name for name, _ in pairs]}")
    return row
