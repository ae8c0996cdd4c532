"""Malicious and damaged manifests are refused with a clear error, or read exactly."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import augseq
from augseq.manifest.schema import PROBE_FIELD
from tests.manifest import hostile

NAMES = [
    "\x1b[2J\x1b]0;owned\x07",
    "[red]bold[/red]",
    "a\nb",
    "\u202egpj.exe",
    "<script>",
    "$\\frac{",
]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", hostile.REFUSED)
def test_a_hostile_manifest_is_refused(tmp_path: Path, name: str) -> None:
    if name == "file: a pipe" and not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    path = tmp_path / "hostile.parquet"
    hostile.REFUSED[name](path)
    with pytest.raises(augseq.errors.ManifestError, match=r"hostile\.parquet") as caught:
        augseq.read_manifest(path)
    assert len(str(caught.value)) <= 10_010
    assert str(caught.value).replace("\n", "").isprintable()


READ_BOMBS = """
import json, sys, time, augseq

def peak_mb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))

said = []
for path in sys.argv[1:]:
    start = time.perf_counter()
    try:
        augseq.read_manifest(path)
        said.append("was read")
    except augseq.errors.ManifestError as error:
        said.append(str(error))
print(json.dumps([said, peak_mb() if sys.platform == "linux" else 0]))
"""


def test_files_that_unpack_to_gigabytes_are_refused_without_reading_them(tmp_path: Path) -> None:
    paths = []
    for number, write in enumerate(hostile.BOMBS.values()):
        paths.append(tmp_path / f"{number}.parquet")
        write(paths[-1])
        assert paths[-1].stat().st_size < 1_000_000
    command = [sys.executable, "-c", READ_BOMBS, *map(str, paths)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=100)
    said, peak_mb = json.loads(done.stdout)
    assert [text for text in said if "would unpack to" not in text] == []
    assert peak_mb < 500


def rich_manifest() -> augseq.Manifest:
    """Return a manifest that uses every feature."""
    table = pa.table({
        "index": [3, 1, 2],
        "path": ["a/1.jpg", "b/2.jpg", "b/3.jpg"],
        "target": [0, 1, None],
        "probe": pa.array([{"num_bytes": 7, "height": 5, "format": "JPEG"}, None, None],
                          PROBE_FIELD.type),
        "split": ["train", "val", None],
    })  # fmt: skip
    return augseq.Manifest(
        root="/photos",
        class_names=("a", "b"),
        table=table.slice(0, 2),
        excluded=table.slice(2).append_column("reason", pa.array(["unreadable"])),
    )


def outcome(path: Path) -> augseq.Manifest | None:
    """Return the manifest in a file; None if it is refused properly."""
    try:
        return augseq.read_manifest(path)
    except augseq.errors.ManifestError as error:
        return None if path.name in str(error) else pytest.fail(str(error))


def spoilt(content: bytes, random: random.Random) -> bytes:
    """Change one bit, some bytes, or the order of two pieces."""
    place, size = random.randrange(len(content)), random.choice([1, 1, 1, 4, 16])
    kind = random.randrange(4)
    if kind == 0:
        return content[:place]
    if kind == 1:
        return content[place:] + content[:place]
    new = random.randbytes(size) if kind == 2 else bytes([content[place] ^ 1 << place % 8])
    return content[:place] + new + content[place + len(new) :]


def assert_spoilt_files_are_refused(path: Path, seed: int, count: int) -> None:
    manifest = rich_manifest()
    augseq.write_manifest(manifest, path)
    content, rng = path.read_bytes(), random.Random(seed)
    for _ in range(count):
        path.write_bytes(spoilt(content, rng))
        assert outcome(path) in (None, manifest)


def test_a_file_damaged_anywhere_is_refused_or_read_exactly(tmp_path: Path) -> None:
    assert_spoilt_files_are_refused(tmp_path / "m.parquet", seed=7, count=600)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_hundred_thousand_damaged_files_are_refused_or_read_exactly(tmp_path: Path) -> None:
    assert_spoilt_files_are_refused(tmp_path / "m.parquet", seed=8, count=100_000)


@pytest.mark.parametrize(
    "columns",
    [
        {**hostile.COLUMNS, "path": pa.array(["a", "b"]).dictionary_encode()},
        {**hostile.COLUMNS, "path": pa.array(["a", "b"], pa.large_string())},
        {**hostile.COLUMNS, "path": ["a", "b"], "index": pa.array([5, 2**63 - 1], pa.uint64())},
        {
            "index": pa.array([], pa.int64()),
            "path": pa.array([], pa.string()),
            "target": pa.nulls(0),
        },
        {**hostile.COLUMNS, "path": [name.replace("\\", "") for name in NAMES[:2]]},
    ],
)
def test_an_unusual_manifest_is_read_exactly(tmp_path: Path, columns: Any) -> None:
    hostile.stored(columns)(tmp_path / "m.parquet")
    manifest = augseq.read_manifest(tmp_path / "m.parquet")
    expected = pa.table(columns).to_pydict()
    assert [record.path for record in manifest] == expected["path"]
    assert [record.index for record in manifest] == expected["index"]


@pytest.mark.parametrize("name", [*NAMES, "x" * 1_000_000])
def test_any_class_name_is_read_exactly(tmp_path: Path, name: str) -> None:
    hostile.with_header(class_names=["cat", name])(tmp_path / "m.parquet")
    assert augseq.read_manifest(tmp_path / "m.parquet").class_names == ("cat", name)


def test_a_broken_link_is_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "m.parquet").symlink_to(tmp_path / "nowhere")
    with pytest.raises(augseq.errors.MissingFileError, match="no manifest"):
        augseq.read_manifest(tmp_path / "m.parquet")


def test_no_code_in_a_manifest_is_run(tmp_path: Path) -> None:
    """Old versions of pyarrow unpickled such metadata."""
    run = tmp_path / "run"
    pickled = f"cposix\nsystem\n(S'touch {run}'\ntR.".encode()
    field = pa.field("note", pa.int64()).with_metadata({
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": pickled,
    })  # fmt: skip
    table = pa.table({**hostile.COLUMNS, "note": [1, 2]})
    schema = table.schema.set(3, field)
    hostile.stored(pa.table(table.columns, schema=schema))(tmp_path / "m.parquet")
    outcome(tmp_path / "m.parquet")
    assert not run.exists()
