"""The columns that a manifest may have, and what must hold in each."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from augseq.errors import ArgumentError
from augseq.manifest.record import Probe, Record
from augseq.terminal_text import listed
from augseq.types import Positions

CORE_SCHEMA = pa.schema(
    [
        pa.field("index", pa.int64(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("target", pa.int32()),
    ]
)
# One column of structs: there or not for a record as a whole, and no clash with the names of
# a user's own columns, such as "height".
PROBE_FIELD = pa.field(
    "probe",
    pa.struct(
        [
            pa.field("num_bytes", pa.int64()),
            pa.field("modified_ns", pa.int64()),
            pa.field("content_hash", pa.binary(16)),
            pa.field("height", pa.int32()),
            pa.field("width", pa.int32()),
            pa.field("format", pa.string()),
            pa.field("mode", pa.string()),
            pa.field("orientation", pa.int8()),
            pa.field("num_frames", pa.int32()),
        ]
    ),
)
REASON_FIELD = pa.field("reason", pa.string())
# Rows that become Python objects together, so that a million never stand side by side.
ROWS_AT_ONCE = 65_536
# Parquet knows no seconds and one kind of date; so a file holds what the manifest held.
_AS_STORED = {pa.date64(): pa.date32(), pa.time32("s"): pa.time32("ms")}
RESERVED_NAMES = (*CORE_SCHEMA.names, PROBE_FIELD.name, REASON_FIELD.name)


def standard_table(table: pa.Table, *, has_reasons: bool = False) -> pa.Table:
    """Return a table with the columns of a manifest in their order and types, in one piece.

    Args:
        table: Columns `index`, `path`, `target`, perhaps `probe`, and perhaps columns of the
            user's own: text, numbers, booleans or times.
        has_reasons: Whether a column `reason` says why each record is excluded.

    Raises:
        ArgumentError: A column is missing, comes twice, is of another type or has gaps.
    """
    twice = [name for name, count in Counter(table.column_names).items() if count > 1]
    if twice:
        raise ArgumentError(f"Column names must differ. Twice: {twice}")
    wanted = [*CORE_SCHEMA, *[REASON_FIELD] * has_reasons]
    missing = [field.name for field in wanted if field.name not in table.column_names]
    if missing:
        raise ArgumentError(f"A manifest needs the columns {missing}. Got: {table.column_names}")
    if PROBE_FIELD.name in table.column_names:
        _check_probe(table.schema.field(PROBE_FIELD.name).type)
        wanted.append(PROBE_FIELD)
    names = {field.name for field in wanted}
    wanted += [_plain_field(field) for field in table.schema if field.name not in names]
    schema = pa.schema(wanted)
    table = decoded_table(table.select(schema.names))
    for name in ["index", "path", *[REASON_FIELD.name] * has_reasons]:
        if table.column(name).null_count:
            raise ArgumentError(f"Every record must have a value in the column {name!r}.")
    try:
        table = table.cast(schema)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise ArgumentError(f"A column of the manifest has a wrong type: {error}") from error
    # In one piece, since each batch of records is taken from the whole: from eight pieces of
    # a million records, 64 took 4.2 ms instead of 0.07, and a pickle held the whole 8 times.
    return table.replace_schema_metadata(None).combine_chunks()


def decoded_table(table: pa.Table) -> pa.Table:
    """Return a table whose columns hold values, and not places in a list of them."""
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, decoded(table.column(place)))
    return table


def decoded(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray:
    """Return a column of values, also where it is stored as places in a list of them.

    So pandas and polars store what they call categorical.
    """
    if isinstance(column, pa.Array):
        column = pa.chunked_array([column])
    if not pa.types.is_dictionary(column.type):
        return column
    kind = column.type.value_type
    # Those of polars are views, of which Arrow takes none by its place.
    kind = pa.string() if pa.types.is_string_view(kind) else kind
    pieces = [piece.dictionary.cast(kind).take(piece.indices) for piece in column.chunks]
    return pa.chunked_array(pieces, kind)


def read_records(table: pa.Table, positions: Any = None) -> list[Record]:
    """Return the records in the rows of a table, or in some of its rows."""
    has_probe = PROBE_FIELD.name in table.column_names
    table = table.select([*CORE_SCHEMA.names, *[PROBE_FIELD.name] * has_probe])
    if positions is not None:
        table = table.take(pa.array(np.asarray(positions, dtype=np.int64)))
    rows = table.to_pylist()
    if has_probe:
        for row in rows:
            row["probe"] = None if row["probe"] is None else Probe(**row["probe"])
    return [Record(**row) for row in rows]


def own_column(name: str, values: Any) -> pa.ChunkedArray:
    """Return values of the user's own as a column.

    Raises:
        ArgumentError: They do not fit a column, or the manifest has one of this name itself.
    """
    try:
        # Numbers beyond 64 bits, and halves of characters, are errors of Python's own.
        column = decoded(pa.array(values, from_pandas=True))
    except (pa.ArrowException, TypeError, OverflowError, UnicodeEncodeError) as error:
        raise ArgumentError(f"The values for the column {name!r} do not fit: {error}") from error
    if name in RESERVED_NAMES:
        raise ArgumentError(f"The column {name!r} is the manifest's own; choose another.")
    return column


def hash_records(table: pa.Table, class_names: tuple[str, ...]) -> str:
    """Return 32 hexadecimal digits for the core columns and the class names."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr(class_names).encode())
    for rows in table.select(CORE_SCHEMA.names).to_batches(max_chunksize=ROWS_AT_ONCE):
        lines = (f"{row}\n" for row in zip(*rows.to_pydict().values(), strict=True))
        digest.update("".join(lines).encode())
    return digest.hexdigest()


def probe_array(probes: Sequence[Probe | None]) -> pa.StructArray:
    """Return what was probed as values of the column `probe`."""
    names = [field.name for field in fields(Probe)]
    rows = (
        None if probe is None else {name: getattr(probe, name) for name in names}
        for probe in probes
    )
    return pa.array(rows, PROBE_FIELD.type)


def replace_values(column: pa.ChunkedArray, positions: Positions, values: pa.Array) -> pa.Array:
    """Return a column with other values at some positions, the first of them if not enough."""
    sources = np.arange(len(column))
    sources[positions[: len(values)]] = len(column) + np.arange(len(values))
    together = pa.concat_arrays([*column.chunks, values])
    return together.take(pa.array(sources))


def join_parts(served: pa.Table, excluded: pa.Table) -> pa.Table:
    """Return all rows of a manifest; those that are served have no `reason`."""
    return pa.concat_tables([served, excluded], promote_options="default").combine_chunks()


def take_apart(rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return the rows that are served, and those that are excluded; undoes `join_parts`."""
    is_served = pc.is_null(rows.column(REASON_FIELD.name))
    served = rows.filter(is_served).drop_columns([REASON_FIELD.name])
    return served, rows.filter(pc.invert(is_served))


def num_different(numbers: npt.NDArray[np.int64]) -> int:
    """Count the different numbers."""
    gaps = np.diff(numbers)
    # Nearly always they ascend, which is quick to see. For a million that do not, a sort takes
    # 0.05 s, where np.unique took 0.6.
    if not np.all(gaps > 0):
        gaps = np.diff(np.sort(numbers))
    return int(np.count_nonzero(gaps)) + bool(len(numbers))


def fitting_excluded(excluded: pa.Table | None, table: pa.Table) -> pa.Table:
    """Return the table of excluded records in the form of its neighbour."""
    if excluded is None:
        reasons = pa.array([], REASON_FIELD.type)
        excluded = table.slice(0, 0).append_column(REASON_FIELD, reasons)
    excluded = standard_table(excluded, has_reasons=True)
    if excluded.drop_columns([REASON_FIELD.name]).schema != table.schema:
        raise ArgumentError(
            "`excluded` must have the columns of `table`, and `reason`. "
            f"Received: {excluded.column_names} beside {table.column_names}"
        )
    return excluded


def check_identities(*tables: pa.Table) -> None:
    """Raise `ArgumentError` where two records have one index, or one has none."""
    index = np.concatenate([table.column("index").to_numpy() for table in tables])
    if len(index) and (index.min() < 0 or num_different(index) != len(index)):
        raise ArgumentError("The indices of records must be different and at least 0.")


def with_values(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """Return a table with a column more, or with other values in it."""
    if name in table.column_names:
        table = table.drop_columns([name])
    return table.append_column(name, values)


def _check_probe(kind: pa.DataType) -> None:
    """Raise `ArgumentError` where a cast would leave out what it does not know."""
    known = {field.name for field in PROBE_FIELD.type}
    names = [field.name for field in kind] if pa.types.is_struct(kind) else [str(kind)]
    if not known.issuperset(names):
        raise ArgumentError(f"`probe` must have fields of `Probe` only. Received: {names}")


def check_paths_differ(paths: pa.Array | pa.ChunkedArray, place: str) -> None:
    """Raise `ArgumentError` where a path comes twice, and say which do."""
    if pc.count_distinct(paths).as_py() == len(paths):
        return
    counts = pc.value_counts(paths)
    twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist()
    raise ArgumentError(
        "Each image must be there once; else copies of it could be in both training and test. More "
        f"than once in {place}: {listed(twice)}"
    )


def _plain_field(field: pa.Field) -> pa.Field:
    kind = field.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        kind = pa.string()
    kind = _AS_STORED.get(kind, kind)
    if pa.types.is_timestamp(kind) and kind.unit == "s":
        kind = pa.timestamp("ms", kind.tz)
    plain = pa.types.is_primitive(kind) or pa.types.is_string(kind) or pa.types.is_null(kind)
    plain = plain and not pa.types.is_interval(kind)
    if field.name in RESERVED_NAMES or not field.name or not plain:
        raise ArgumentError(
            "A column must hold text, numbers, booleans or times, and have a name that is not "
            f"one of {', '.join(RESERVED_NAMES)}. Received: {field.name!r}, {field.type}"
        )
    return pa.field(field.name, kind)
