"""Malicious and damaged manifests; each function writes one."""

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

HEADER: dict[str, Any] = {"schema_version": 1, "root": "/photos", "class_names": ["cat", "dog"]}
COLUMNS: dict[str, Any] = {"index": [0, 1], "path": ["cat/1.jpg", "dog/1.jpg"], "target": [0, 1]}

Write = Callable[[Path], None]


def stored(columns: Any = None, header: object = None, **options: Any) -> Write:
    """Write columns and a header, either of which may be wrong."""
    table = columns if isinstance(columns, pa.Table) else pa.table(columns or COLUMNS)
    text = header if isinstance(header, bytes) else json.dumps(header or HEADER).encode()

    def write(path: Path) -> None:
        pq.write_table(table.replace_schema_metadata({b"augseq": text}), path, **options)

    return write


def raw(content: bytes) -> Write:
    return lambda path: Path(path).write_bytes(content) and None


def with_header(**values: Any) -> Write:
    return stored(header={**HEADER, **values})


def with_columns(**values: Any) -> Write:
    return stored({**COLUMNS, **values})


def with_path(path: str) -> Write:
    return with_columns(path=["cat/1.jpg", path])


def footer(content: bytes) -> Write:
    return raw(b"PAR1" + content + len(content).to_bytes(4, "little") + b"PAR1")


def deep(levels: int) -> pa.Array:
    """Return one value in deeply nested lists."""
    array = pa.array([0, 1])
    for _ in range(levels):
        array = pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), array)
    return array


def repeated(text: str, count: int) -> pa.Array:
    """Return the same string many times, stored once."""
    indices = pa.array(bytearray(4 * count), pa.int8()).slice(0, count)
    return pa.DictionaryArray.from_arrays(indices.cast(pa.int32()), pa.array([text]))


def many_rows(path: Path) -> None:
    """Write 18 million equal rows, which take a few hundred kilobytes."""
    table = pa.table({"index": pa.array([0] * 10**6), "path": ["a"] * 10**6})
    table = table.append_column("target", pa.nulls(10**6, pa.int32()))
    schema = table.schema.with_metadata({"augseq": json.dumps(HEADER)})
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for _ in range(18):
            writer.write_table(table.replace_schema_metadata(schema.metadata))


def long_texts(column: str) -> Write:
    """Write ten thousand references to a string of a megabyte."""
    count = 10_000
    columns: dict[str, Any] = {
        "index": range(count), "path": ["a"] * count, "target": [0] * count
    }  # fmt: skip
    texts = repeated("x" * 2**20, count)
    if column == "probe":
        columns["probe"] = pa.StructArray.from_arrays([texts], ["format"])
    else:
        columns[column] = texts
    return stored(columns, compression="zstd")


def prefixed_texts(path: Path) -> None:
    """Write 300 strings of a megabyte, each delta-encoded as equal to the previous one."""
    count = 300
    columns = {"index": range(count), "path": ["x" * 2**20] * count, "target": [0] * count}
    stored(
        columns, compression="zstd", use_dictionary=False, write_statistics=False,
        column_encoding={"path": "DELTA_BYTE_ARRAY"},
    )(path)  # fmt: skip


def one_long_page(path: Path) -> None:
    texts = pa.array(["x" * 270_000_000, ""])
    stored(
        {**COLUMNS, "note": texts}, compression="zstd", use_dictionary=False, write_statistics=False
    )(path)


def a_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("index", "0")


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


PATHS = [
    "", "..", "../x.jpg", "a/..", "a/../../x.jpg", "../../../etc/passwd", "/", "/etc/passwd",
    "//server/share/x.jpg", "C:/x.jpg", "c:x.jpg", "Z:", "C:\\x.jpg", "\\x.jpg", "a\\..",
    "..\\x.jpg", "a\\..\\..\\x.jpg", "\\\\server\\share\\x.jpg", "\\\\?\\C:\\x.jpg",
    "\\\\.\\PhysicalDrive0", "a\0b.jpg", "\0", "a/..\0", "./../x.jpg", "a//../x.jpg",
]  # fmt: skip

HEADERS: dict[str, bytes] = {
    "empty": b"",
    "null": b"null",
    "a number": b"2",
    "text": b'"schema_version"',
    "a list": b"[]",
    "nothing in it": b"{}",
    "cut off": b'{"schema_version": 1, "root',
    "no UTF-8": b"\xff\xfe{}",
    "zero bytes": bytes(100),
    "lists in lists": b"[" * 100_000 + b"]" * 100_000,
    "lists that never end": b"[" * 1_000_000,
    "objects in objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep class names": b'{"schema_version": 1, "root": "/", "class_names": ' + b"[" * 50_000,
    "a version of ten thousand digits": b'{"schema_version": ' + b"1" * 10_000 + b"}",
    "a version that is not a number": b'{"schema_version": NaN}',
    "an infinite version": b'{"schema_version": Infinity}',
    "a huge version": b'{"schema_version": 1e400}',
}

WRONG_VALUES: list[dict[str, Any]] = [
    {"schema_version": value} for value in (None, True, "1", 1.0, 1.5, 0, -1, [1], {}, 4, 10**30)
] + [
    {"root": value} for value in (None, 1, ["/"], {}, True, "/a\0b")
] + [
    {"class_names": value}
    for value in (
        None, 1, "cat", {"cat": 0, "dog": 1}, [["cat"], ["dog"]], [0, 1], ["cat", None],
        ["cat", "cat"], ["cat"], [], ["\ud800", "dog"], [float("nan"), "dog"],
    )
] + [
    {"follow_links": value} for value in (None, 1, "yes", [])
] + [
    {"schema_version": 2},
    {"schema_version": 2, "checksum": None},
    {"schema_version": 2, "checksum": "0" * 32},
    {"schema_version": 2, "checksum": ["0"]},
]  # fmt: skip

WRONG_COLUMNS: dict[str, Any] = {
    "index of texts": {**COLUMNS, "index": ["one", "two"]},
    "index of lists": {**COLUMNS, "index": [[0], [1]]},
    "index of nothing": {**COLUMNS, "index": pa.nulls(2)},
    "index of broken numbers": {**COLUMNS, "index": [0.0, 0.5]},
    "index not a number": {**COLUMNS, "index": [0.0, float("nan")]},
    "index infinite": {**COLUMNS, "index": [0.0, float("inf")]},
    "index beyond 64 bits": {**COLUMNS, "index": pa.array([0, 2**64 - 1], pa.uint64())},
    "index below 0": {**COLUMNS, "index": [0, -1]},
    "index far below 0": {**COLUMNS, "index": [0, -(2**63)]},
    "index twice": {**COLUMNS, "index": [1, 1]},
    "index with a gap": {**COLUMNS, "index": [0, None]},
    "path of lists": {**COLUMNS, "path": [["a"], ["b"]]},
    "path of structs": {**COLUMNS, "path": [{"a": "a"}, {"a": "b"}]},
    "path with a gap": {**COLUMNS, "path": ["a", None]},
    "path of other bytes": {**COLUMNS, "path": [b"a", b"\xff\xfe"]},
    "path of a broken text": {**COLUMNS, "path": pa.array([b"a", b"\xc3"]).view(pa.string())},
    "path of surrogates": {**COLUMNS, "path": pa.array([b"a", b"\xed\xa0\x80"]).view(pa.string())},
    "target of texts": {**COLUMNS, "target": ["cat", "dog"]},
    "target below 0": {**COLUMNS, "target": [0, -1]},
    "target above all": {**COLUMNS, "target": [0, 2]},
    "target beyond 32 bits": {**COLUMNS, "target": [0, 2**40]},
    "target broken": {**COLUMNS, "target": [0, 0.5]},
    "no index": {"path": ["a", "b"], "target": [0, 1]},
    "no path": {"index": [0, 1], "target": [0, 1]},
    "no target": {"index": [0, 1], "path": ["a", "b"]},
    "no columns": pa.table({}),
    "rows without columns": pa.table({"a": [1, 2]}).select([]),
    "a column twice": pa.Table.from_arrays(
        [*map(pa.array, COLUMNS.values()), pa.array([1, 2])], ["index", "path", "target", "path"]
    ),
    "a column without a name": {**COLUMNS, "": [1, 2]},
    "own lists of lists": {**COLUMNS, "tags": [[["a"]], []]},
    "own lists of structs": {**COLUMNS, "tags": [[{"a": 1}], []]},
    "own lists of bytes": {**COLUMNS, "tags": [[b"a"], []]},
    "own structs": {**COLUMNS, "tags": [{"a": 1}, {"a": 2}]},
    "own maps": {**COLUMNS, "tags": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int8()))},
    "own bytes": {**COLUMNS, "tags": [b"a", b"b"]},
    "own broken texts": {**COLUMNS, "tags": pa.array([b"a", b"\xff"]).view(pa.string())},
    "fifty lists in lists": {**COLUMNS, "tags": deep(50)},
    "a thousand lists in lists": {**COLUMNS, "tags": deep(1000)},
    "probe of texts": {**COLUMNS, "probe": ["a", "b"]},
    "probe of lists": {**COLUMNS, "probe": [[1], [2]]},
    "probe of wrong fields": {**COLUMNS, "probe": [{"height": "high"}] * 2},
    "reason of lists": {**COLUMNS, "reason": [["bad"], None]},
    "reason of broken texts": {**COLUMNS, "reason": pa.array([b"\xff", b"a"]).view(pa.string())},
}

FILES: dict[str, Write] = {
    "empty": raw(b""),
    "magic alone": raw(b"PAR1"),
    "magic twice": raw(b"PAR1PAR1"),
    "no footer": footer(b""),
    "a footer of zeros": footer(bytes(1000)),
    "a footer of ones": footer(b"\xff" * 1000),
    "a footer longer than the file": raw(b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1"),
    "a footer of negative length": raw(b"PAR1" + b"\xff\xff\xff\xff" + b"PAR1"),
    "a footer that is encrypted": raw(b"PARE" + bytes(40) + b"\x20\0\0\0PARE"),
    "structs in structs": footer(b"\x1c" * 1_000_000),
    "a list that claims to be long": footer(b"\x19\xfc\xff\xff\xff\xff\x0f" + bytes(20)),
    "a text that claims to be long": footer(b"\x18\xff\xff\xff\xff\x0f" + bytes(20)),
    "a million lists in lists": footer(b"\x19" + b"\x19" * 1_000_000),
    "text": raw(b"index,path,target\n0,cat/1.jpg,0\n"),
    "a picture": raw(b"\x89PNG\r\n\x1a\n" + bytes(100)),
    "a pickle": raw(b"cposix\nsystem\n(S'id'\ntR."),
    "a zip": a_zip,
    "a folder": a_folder,
    "a pipe": a_pipe,
    "an endless device": a_device,
}  # fmt: skip

BOMBS: dict[str, Write] = {
    "rows": many_rows,
    "paths": long_texts("path"),
    "own texts": long_texts("note"),
    "probed texts": long_texts("probe"),
    "reasons": long_texts("reason"),
    "one page": one_long_page,
    "prefixed texts": prefixed_texts,
}

REFUSED: dict[str, Write] = {
    **{f"path {path!r}": with_path(path) for path in PATHS},
    **{f"header: {name}": stored(header=text or b" ") for name, text in HEADERS.items()},
    **{f"header with {values}": with_header(**values) for values in WRONG_VALUES},
    **{f"columns: {name}": stored(columns) for name, columns in WRONG_COLUMNS.items()},
    **{f"file: {name}": write for name, write in FILES.items()},
}
