"""Parquet tables: read with any encoding, unless they would exhaust the memory."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import augseq
from tests.manifest.hostile import repeated

COUNT = 700
COLUMNS: dict[str, Any] = {
    "path": [f"cats of all kinds/{number * 11 % COUNT:05}.jpg" for number in range(COUNT)],
    "label": ["cat" if number % 3 else "dog" for number in range(COUNT)],
    "age": [number / 7 for number in range(COUNT)],
    "patient": [f"patient {number // 9}" if number % 5 else None for number in range(COUNT)],
}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "none", "use_dictionary": False},
        {"compression": "gzip", "data_page_version": "2.0"},
        {"compression": "brotli", "version": "1.0"},
        {"compression": "lz4", "row_group_size": 37},
        {"data_page_size": 64},
        {"dictionary_pagesize_limit": 32, "data_page_size": 64},
        {"store_schema": False},
        {"use_dictionary": False, "column_encoding": {"path": "DELTA_BYTE_ARRAY"}},
        {"use_dictionary": ["label"], "column_encoding": {"path": "DELTA_BYTE_ARRAY"},
         "row_group_size": 100, "data_page_size": 64},
        {"use_dictionary": False, "column_encoding": {"path": "DELTA_LENGTH_BYTE_ARRAY"}},
        {"use_dictionary": False, "column_encoding": {"age": "BYTE_STREAM_SPLIT"}},
        {"use_dictionary": ["path"], "write_statistics": False, "write_page_index": True},
        {"write_page_checksum": True, "data_page_version": "2.0", "data_page_size": 200},
    ],
    ids=str,
)  # fmt: skip
def test_a_parquet_table_is_read_with_any_encoding(tmp_path: Path, options: dict[str, Any]) -> None:
    pq.write_table(pa.table(COLUMNS), tmp_path / "t.parquet", **options)
    images = augseq.index_table(tmp_path / "t.parquet", check_files=False)
    assert [record.path for record in images] == COLUMNS["path"]
    assert [images.class_names[label] for label in images.targets] == COLUMNS["label"]
    assert images.column("age").tolist() == COLUMNS["age"]
    assert images.column("patient").tolist() == COLUMNS["patient"]


def test_columns_that_are_not_requested_can_have_any_type_and_size(tmp_path: Path) -> None:
    boxes = [[{"x": [number], "y": {"z": str(number)}}] for number in range(COUNT)]
    table = pa.table({**COLUMNS, "boxes": boxes, "pixels": repeated("x" * 2**20, COUNT)})
    pq.write_table(table, tmp_path / "t.parquet", compression="zstd")
    images = augseq.index_table(tmp_path / "t.parquet", columns=["age"], check_files=False)
    assert images.table.column_names == ["index", "path", "target", "age"]


def written(columns: dict[str, Any], **options: Any) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        pq.write_table(pa.table(columns), path, compression="zstd", **options)

    return write


MANY = 10_000
LONG = "x" * 2**20
PATHS = {"path": [f"{number}.jpg" for number in range(MANY)], "label": ["cat"] * MANY}
BOMBS = {
    "paths": written({**PATHS, "path": repeated(LONG, MANY)}),
    "labels": written({**PATHS, "label": repeated(LONG, MANY)}),
    "another column": written({**PATHS, "note": repeated(LONG, MANY)}),
    "without the types of Arrow": written(
        {**PATHS, "note": repeated(LONG, MANY)}, store_schema=False
    ),
    "pages of the second version": written(
        {**PATHS, "note": repeated(LONG, MANY)}, data_page_version="2.0"
    ),
    "texts built from others": written(
        {"path": [LONG] * 300, "label": ["cat"] * 300}, use_dictionary=False,
        column_encoding={"path": "DELTA_BYTE_ARRAY"}, write_statistics=False,
    ),
}  # fmt: skip

# Readers get 3 GB of address space: the libraries map much that they never use.
INDEX = """
import json, resource, sys
import augseq

resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
said = []
for path in sys.argv[1:]:
    try:
        augseq.index_table(path, check_files=False)
        said.append("was read")
    except augseq.AugseqError as error:
        said.append(f"{type(error).__name__}: {error}")
print(json.dumps(said))
"""
READ_BY_PYARROW = """
import json, resource, sys
import pyarrow.parquet as pq

resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
try:
    with open(sys.argv[1], "rb") as file:
        pq.ParquetFile(
            file, page_checksum_verification=True, pre_buffer=False,
            thrift_string_size_limit=10**7, thrift_container_size_limit=10**5,
        ).read()
    print(json.dumps(["was read"]))
except MemoryError:
    print(json.dumps(["takes more than 3 GB"]))
"""


def said_by(code: str, *paths: Path) -> list[str]:
    command = [sys.executable, "-c", code, *map(str, paths)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=200)
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such limit")
def test_small_tables_that_unpack_to_gigabytes_are_refused(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.parquet" for number in range(len(BOMBS))]
    for path, write in zip(paths, BOMBS.values(), strict=True):
        write(path)
        assert path.stat().st_size < 500_000
    for name, said in zip(BOMBS, said_by(INDEX, *paths), strict=True):
        assert said.startswith("ManifestError: "), name
        assert "would unpack to" in said, name


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such limit")
def test_pyarrow_alone_unpacks_a_small_table_to_gigabytes(tmp_path: Path) -> None:
    """pyarrow limits only the metadata of a file. If this fails, the guard is no longer needed."""
    BOMBS["without the types of Arrow"](tmp_path / "t.parquet")
    command = [sys.executable, "-c", READ_BY_PYARROW, str(tmp_path / "t.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    if done.returncode != -signal.SIGABRT:  # Without memory for its threads, pyarrow can abort.
        assert done.stdout == '["takes more than 3 GB"]\n', done.stderr


@pytest.mark.parametrize(
    "content",
    [b"", b"PAR1", b"PAR1PAR1", b"PAR1" + b"\x15" * 50 + b"\x10\0\0\0PAR1", b"PAR1" + bytes(99)],
)
def test_a_damaged_table_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(
        augseq.errors.ManifestError, match=r"t\.parquet' is (not a Parquet file|.*empty)"
    ):
        augseq.index_table(tmp_path / "t.parquet", check_files=False)
