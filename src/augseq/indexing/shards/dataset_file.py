"""`dataset.json`: what samples in WebDataset's layout do not say themselves."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from augseq.errors import ArgumentError, ManifestError
from augseq.manifest.manifest import Manifest
from augseq.manifest.schema import is_list, own_names

NAME = "dataset.json"

_UNITS = ("s", "ms", "us", "ns")
_KINDS = {
    str(kind): kind
    for kind in (
        *(pa.null(), pa.string(), pa.bool_(), pa.float16(), pa.float32(), pa.float64()),
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
        *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.date32(), pa.time32("ms"), pa.time64("us"), pa.time64("ns")),
        *(make(unit) for make in (pa.timestamp, pa.duration) for unit in _UNITS),
    )
}
_ZONED = re.compile(r"timestamp\[(\w+), tz=(.+)\]")
_LIST = re.compile(r"list\[(.+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFile:
    """The content of `dataset.json`.

    Attributes:
        class_names: Names by label; None if unknown.
        columns: Types of the columns in `.json` members, by name.
        path_columns: Names of the columns of further files, such as masks.
        dataset_info: As in `Manifest`.
    """

    class_names: Sequence[str] | None = None
    columns: dict[str, str] = field(default_factory=dict)
    path_columns: Sequence[str] = ()
    dataset_info: str = ""

    def __post_init__(self) -> None:
        lists = [self.class_names or [], self.path_columns, list(self.columns.values())]
        if not all(isinstance(item, str) for row in lists for item in row):
            raise TypeError("its names and types must be text")
        if not isinstance(self.dataset_info, str):
            raise TypeError("its `dataset_info` must be text")
        for text in self.columns.values():
            parse_kind(text)

    def write(self) -> bytes:
        """Return the file."""
        return f"{json.dumps(asdict(self), ensure_ascii=False, indent=1)}\n".encode()


def parse_dataset_file(data: bytes, name: str) -> DatasetFile:
    """Read `dataset.json`.

    Args:
        data: The file.
        name: Its path, for messages.

    Raises:
        ManifestError: It is damaged, or of another program.
    """
    try:
        return DatasetFile(**json.loads(data))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ManifestError(
            f"{name!r} must be as augseq.write_webdataset writes it. Received: "
            f"{type(error).__name__}: {error}. Rename it if it is another program's; then pass "
            "`class_names`."
        ) from error


def dataset_file(manifest: Manifest, path_columns: Sequence[str]) -> DatasetFile:
    """Return what the samples of a manifest do not say themselves.

    Raises:
        ArgumentError: A column has a type that cannot be written.
    """
    table = manifest.table
    names = [name for name in own_names(table) if name not in path_columns]
    return DatasetFile(
        class_names=list(manifest.class_names) if manifest.class_names else None,
        columns={name: _kind_text(name, table.schema.field(name).type) for name in names},
        path_columns=list(path_columns),
        dataset_info=manifest.dataset_info,
    )


def _kind_text(name: str, kind: pa.DataType) -> str:
    text = f"list[{kind.value_type}]" if is_list(kind) else str(kind)
    try:
        parse_kind(text)
    except ValueError as error:
        raise ArgumentError(
            f"The column {name!r} cannot be written as JSON: its type is {kind}. Convert it to "
            "text or numbers with `with_column`."
        ) from error
    return text


def parse_kind(text: str) -> pa.DataType:
    """Return the type that `_kind_text` describes.

    Raises:
        ValueError: It is none of them.
    """
    item = _LIST.fullmatch(text)
    if item is not None:
        return pa.list_(parse_kind(item[1]))
    zoned = _ZONED.fullmatch(text)
    if zoned is not None and zoned[1] in _UNITS:
        return pa.timestamp(zoned[1], zoned[2])
    if text not in _KINDS:
        raise ValueError(f"{text!r} is not the type of a column")
    return _KINDS[text]


def json_values(column: pa.ChunkedArray) -> list[Any]:
    """Return the values of a column as JSON has them: times are integers."""
    return column.cast(_stored(column.type)).to_pylist()  # type: ignore[no-any-return]


def column_of_json(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Return the column that `json_values` was given.

    Raises:
        ArrowException: The values have other types.
    """
    return pa.array(values, _stored(kind)).cast(kind)


def _stored(kind: pa.DataType) -> pa.DataType:
    if is_list(kind):
        return pa.list_(_stored(kind.value_type))
    if pa.types.is_temporal(kind):
        return pa.int32() if kind.bit_width == 32 else pa.int64()
    return pa.float32() if pa.types.is_float16(kind) else kind
