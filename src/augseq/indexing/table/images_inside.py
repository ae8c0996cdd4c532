"""Detect tables that contain the images themselves instead of their paths."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from augseq.errors import ArgumentError, ManifestError
from augseq.indexing.table.source_table import Choose


def check_no_images_inside(schema: pa.Schema, place: str, choose: Choose) -> None:
    """Raise `ManifestError` if requested columns are missing, but images are there."""
    columns = {field.name: str(field.type) for field in schema if holds_images(field.type)}
    _refuse(columns, schema.names, place, choose)


def check_no_pictures(frame: Any, place: str, choose: Choose) -> None:
    """Do the same as `check_no_images_inside` for a pandas frame."""
    columns = {}
    for name in frame.columns[[kind.kind == "O" for kind in frame.dtypes]]:
        values = frame[name].dropna()
        value = values.iloc[0] if len(values) else None
        is_encoded = isinstance(value, bytes) or (isinstance(value, dict) and "bytes" in value)
        if is_encoded or hasattr(value, "getbbox") or getattr(value, "ndim", 0) >= 2:
            columns[str(name)] = type(value).__name__
    _refuse(columns, list(map(str, frame.columns)), place, choose)


def _refuse(columns: dict[str, str], names: Sequence[str], place: str, choose: Choose) -> None:
    if not columns:
        return
    try:
        choose(names)
    except ArgumentError as error:
        name, kind = next(iter(columns.items()))
        raise ManifestError(f"{images_inside(name, place, kind)} {error}") from error


def holds_images(kind: pa.DataType) -> bool:
    """Return whether an Arrow type holds encoded files, as Hugging Face's does."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_struct(kind):
        return any(holds_images(field.type) for field in kind)
    return bool(
        pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
    )


def images_inside(column: str, place: str, kind: str) -> str:
    """Return the message for a column that contains images instead of paths."""
    return (
        f"The column {column!r} of {place} contains the images themselves ({kind}), but a table "
        "must contain their paths. Write each image to a file first, as docs/manifests.md shows; "
        "or pass arrays to ImageSequence.from_arrays."
    )
