"""Manifests in Parquet files: restored exactly, or refused with a reason."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import augseq
from augseq.manifest.schema import PROBE_FIELD, RESERVED_NAMES

HEADER = {"schema_version": 1, "root": "/photos", "class_names": ["cat", "dog"]}
COLUMNS = {"index": [0, 1], "path": ["cat/1.jpg", "dog/1.jpg"], "target": [0, 1]}

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
safe_paths = (
    st.text(st.characters(codec="utf-8", exclude_characters="\0\\:"), min_size=1, max_size=8)
).filter(lambda path: path[0] != "/" and ".." not in path.split("/"))

probes = st.builds(
    lambda num_bytes, content_hash, height: {
        "num_bytes": num_bytes,
        "modified_ns": num_bytes * 7,
        "content_hash": content_hash,
        "height": height,
    },
    st.integers(0, 2**60),
    st.binary(min_size=16, max_size=16),
    st.none() | st.integers(1, 9999),
)


@st.composite
def manifests(draw: st.DrawFn) -> augseq.Manifest:
    """Any manifest, labelled, partly labelled or not at all."""
    class_names = draw(st.lists(names, max_size=4, unique=True))
    paths = draw(st.lists(safe_paths, max_size=20, unique=True))
    size = len(paths)
    labels = st.sampled_from([None, *range(len(class_names))])
    table = {
        "index": draw(
            st.lists(st.integers(0, 2**63 - 1), min_size=size, max_size=size, unique=True)
        ),
        "path": pa.array(paths, pa.string()),
        "target": draw(st.lists(labels, min_size=size, max_size=size)),
    }
    for name in draw(st.lists(names.filter(lambda n: n not in RESERVED_NAMES), max_size=2)):
        values = draw(
            st.sampled_from(
                [
                    st.text(max_size=5),
                    st.integers(-9, 9),
                    st.booleans(),
                    st.datetimes().map(lambda time: np.datetime64(time, "s")),
                    st.dates(),
                    st.times(),
                ]
            )
        )
        table[name] = draw(st.lists(st.none() | values, min_size=size, max_size=size))
    if draw(st.booleans()):
        table["probe"] = pa.array(
            draw(st.lists(st.none() | probes, min_size=size, max_size=size)), PROBE_FIELD.type
        )
    served = pa.table(table)
    reasons = pa.array(draw(st.lists(names, min_size=size, max_size=size)), pa.string())
    num_served = draw(st.integers(0, size))
    return augseq.Manifest(
        root=draw(names),
        class_names=tuple(class_names),
        table=served.slice(0, num_served),
        excluded=served.append_column("reason", reasons).slice(num_served),
    )


def store(path: Path, columns: dict[str, Any], header: object) -> Path:
    """Write a Parquet file by hand, with a header that may be wrong."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    pq.write_table(pa.table(columns).replace_schema_metadata({b"augseq": text}), path)
    return path


def test_the_stored_schema_is_the_recorded_one(tmp_path: Path, animals: augseq.Manifest) -> None:
    """A change belongs in the changelog under "Changes pixels or order", with a new version."""
    augseq.write_manifest(animals, tmp_path / "m.parquet")
    schema = pq.read_schema(tmp_path / "m.parquet")
    assert str(schema.remove_metadata()) == (
        "index: int64 not null\npath: string not null\ntarget: int32\nreason: string"
    )
    assert set(schema.metadata) == {b"augseq"}
    assert json.loads(schema.metadata[b"augseq"]) == {
        "schema_version": 2,
        "root": "/photos",
        "class_names": ["cat", "dog", "yak"],
        "follow_links": False,
        "checksum": "ef9ef4954492ce7f375a7d0c01a72842",
    }


def test_a_file_of_the_first_schema_can_be_read(tmp_path: Path) -> None:
    manifest = augseq.read_manifest(store(tmp_path / "m.parquet", COLUMNS, HEADER))
    assert manifest.root == "/photos"
    assert manifest.class_names == ("cat", "dog")
    assert list(manifest) == [
        augseq.Record(index=0, path="cat/1.jpg", target=0),
        augseq.Record(index=1, path="dog/1.jpg", target=1),
    ]


@settings(max_examples=20)
@given(manifest=manifests())
def test_a_written_manifest_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, manifest: augseq.Manifest
) -> None:
    path = tmp_path_factory.getbasetemp() / "round_trip.parquet"
    augseq.write_manifest(manifest, path)
    again = augseq.read_manifest(path)
    assert again == manifest
    assert again.fingerprint() == manifest.fingerprint()


@pytest.mark.parametrize(
    "name", ["m.parquet", "m", ".m.parquet", "_m.parquet", "k=1/m %20#é.parquet"]
)
def test_the_file_can_have_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, animals: augseq.Manifest, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).parent.mkdir(exist_ok=True)
    augseq.write_manifest(animals, name)
    assert augseq.read_manifest(name) == augseq.read_manifest(Path(name)) == animals


def test_a_split_part_keeps_its_indices_on_disk(tmp_path: Path, animals: augseq.Manifest) -> None:
    part = animals.select([5, 1])
    augseq.write_manifest(part, tmp_path / "m.parquet")
    assert [record.index for record in augseq.read_manifest(tmp_path / "m.parquet")] == [5, 1]


def test_another_root_can_be_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, animals: augseq.Manifest
) -> None:
    monkeypatch.chdir(tmp_path)
    augseq.write_manifest(animals, "m.parquet")
    moved = augseq.read_manifest("m.parquet", root="moved")
    assert moved.root == str(tmp_path / "moved")
    assert moved.fingerprint() == animals.fingerprint()


def test_writing_replaces_the_file_and_leaves_no_other_files(
    tmp_path: Path, animals: augseq.Manifest
) -> None:
    path = tmp_path / "m.parquet"
    augseq.write_manifest(animals[:2], path)
    augseq.write_manifest(animals, path)
    assert augseq.read_manifest(path) == animals
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_survives_a_full_disk(tmp_path: Path, animals: augseq.Manifest) -> None:
    """A limit on the file size simulates a full disk."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "m.parquet"
    augseq.write_manifest(animals, path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            augseq.write_manifest(animals[:2], path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert augseq.read_manifest(path) == animals
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_survives_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, animals: augseq.Manifest
) -> None:
    def interrupted(table: pa.Table, file: Any, **options: Any) -> None:
        file.write(b"PAR1")
        raise KeyboardInterrupt

    path = tmp_path / "m.parquet"
    augseq.write_manifest(animals, path)
    monkeypatch.setattr(pq, "write_table", interrupted)
    with pytest.raises(KeyboardInterrupt):
        augseq.write_manifest(animals[:2], path)
    assert augseq.read_manifest(path) == animals
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path, animals: augseq.Manifest) -> None:
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    for kind in (augseq.errors.MissingFileError, FileNotFoundError):
        with pytest.raises(kind, match=r"nowhere.*its folder does not exist"):
            augseq.write_manifest(animals, tmp_path / "nowhere" / "m.parquet")
    with pytest.raises(augseq.errors.ArgumentError, match=r"folder': it is a folder"):
        augseq.write_manifest(animals, tmp_path / "folder")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


def test_a_read_only_folder_is_a_permission_error(
    public_folder: Path,
    unprivileged: Callable[[], AbstractContextManager[None]],
    animals: augseq.Manifest,
) -> None:
    public_folder.chmod(0o555)
    with unprivileged(), pytest.raises(PermissionError):
        augseq.write_manifest(animals, public_folder / "m.parquet")


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(augseq.errors.MissingFileError, match=r"no manifest .*nowhere\.parquet"):
        augseq.read_manifest(tmp_path / "nowhere.parquet")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"index,path,target\n0,cat/1.jpg,0\n"])
def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.csv").write_bytes(content)
    with pytest.raises(augseq.errors.ManifestError, match=r"m\.csv' is not the Parquet file"):
        augseq.read_manifest(tmp_path / "m.csv")


def test_a_file_truncated_anywhere_is_refused(tmp_path: Path, animals: augseq.Manifest) -> None:
    path = tmp_path / "m.parquet"
    augseq.write_manifest(animals, path)
    content = path.read_bytes()
    for size in range(0, len(content), 97):
        path.write_bytes(content[:size])
        with pytest.raises(augseq.errors.ManifestError, match=r"m\.parquet"):
            augseq.read_manifest(path)


def test_a_flipped_bit_never_changes_a_record_unnoticed(
    tmp_path: Path, animals: augseq.Manifest
) -> None:
    path = tmp_path / "m.parquet"
    augseq.write_manifest(animals, path)
    content = path.read_bytes()
    for place in range(0, len(content), 3):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            again = augseq.read_manifest(path)
        except augseq.errors.ManifestError:
            continue
        assert again == animals


def test_a_parquet_file_of_another_program_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table(COLUMNS), tmp_path / "m.parquet")
    with pytest.raises(augseq.errors.ManifestError, match=r"but not a manifest\..*--label-column"):
        augseq.read_manifest(tmp_path / "m.parquet")


def test_a_newer_schema_requires_the_augseq_that_wrote_it(tmp_path: Path) -> None:
    path = store(tmp_path / "m.parquet", {"future": [1]}, {**HEADER, "schema_version": 4})
    with pytest.raises(
        augseq.errors.ManifestError,
        match=r"schema version 4, but .* up to version 3\. .*newer augseq",
    ):
        augseq.read_manifest(path)


@pytest.mark.parametrize(
    ("values", "version"),
    [
        ([["a"], []] * 3, 3),
        ([[1, 2]] * 6, 3),
        ([None, [0.5]] * 3, 3),
        ([None, [True]] * 3, 3),
        (["a;b"] * 6, 2),
        ([1, None] * 3, 2),
    ],
)
def test_lists_raise_the_schema_so_that_an_earlier_augseq_calls_for_a_newer_one(
    tmp_path: Path, animals: augseq.Manifest, values: list[object], version: int
) -> None:
    tagged = animals.with_column("tags", values)
    augseq.write_manifest(tagged, tmp_path / "m.parquet")
    metadata = pq.read_schema(tmp_path / "m.parquet").metadata
    assert json.loads(metadata[b"augseq"])["schema_version"] == version
    assert augseq.read_manifest(tmp_path / "m.parquet") == tagged


def test_columns_of_paths_raise_the_schema_too(tmp_path: Path, animals: augseq.Manifest) -> None:
    masked = animals.with_column("mask", pattern="masks/{folder}/{name}", check_files=False)
    augseq.write_manifest(masked, tmp_path / "m.parquet")
    metadata = pq.read_schema(tmp_path / "m.parquet").metadata
    assert json.loads(metadata[b"augseq"])["schema_version"] == 3
    assert augseq.read_manifest(tmp_path / "m.parquet") == masked


@pytest.mark.parametrize(
    "header",
    [
        b"{",
        b"\xff\xfe",
        [],
        None,
        {},
        {**HEADER, "schema_version": "first"},
        {**HEADER, "schema_version": None},
        {"schema_version": 1, "root": "/photos"},
        {"schema_version": 1, "class_names": ["cat", "dog"]},
        {**HEADER, "class_names": [0, 1]},
        {**HEADER, "class_names": 2},
    ],
)
def test_a_damaged_header_is_refused(tmp_path: Path, header: object) -> None:
    path = store(tmp_path / "m.parquet", COLUMNS, header)
    with pytest.raises(augseq.errors.ManifestError, match=r"m\.parquet'.* damaged"):
        augseq.read_manifest(path)


@pytest.mark.parametrize(
    "columns",
    [
        {"path": ["a", "b"], "target": [0, 1]},
        {**COLUMNS, "index": ["one", "two"]},
        {**COLUMNS, "index": [0, 0]},
        {**COLUMNS, "index": [-1, 0]},
        {**COLUMNS, "index": [0, None]},
        {**COLUMNS, "path": ["a", None]},
        {**COLUMNS, "target": [0, 2]},
        {**COLUMNS, "target": [0, -1]},
        {**COLUMNS, "target": [0, 2**40]},
        {**COLUMNS, "target": [0, 0.5]},
    ],
)
def test_damaged_columns_are_refused(tmp_path: Path, columns: dict[str, Any]) -> None:
    path = store(tmp_path / "m.parquet", columns, HEADER)
    with pytest.raises(augseq.errors.ManifestError, match=r"m\.parquet' is damaged"):
        augseq.read_manifest(path)
