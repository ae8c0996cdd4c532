"""Paths in tables: which are below the root, in any spelling."""

import os

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import augseq
from tests.indexing.table.test_index_table import index


def test_a_repeated_path_is_named_even_if_spelt_differently() -> None:
    table = pa.table({"path": ["a/1.jpg", "b.jpg", "a/./1.jpg"], "label": ["x", "y", "x"]})
    with pytest.raises(augseq.errors.ArgumentError, match=r"once.*the frame: 'a/1\.jpg'$"):
        index(table)


def test_paths_below_the_root_become_relative() -> None:
    spelt = ["/photos/a/1.jpg", "./b.jpg", "c//d.jpg", "x\\y\\1.jpg", "./k\\l.jpg", " e"]
    manifest = index(pa.table({"path": spelt}), label_column=None)
    assert [record.path for record in manifest] == [
        "a/1.jpg", "b.jpg", "c/d.jpg", "x/y/1.jpg", "k\\l.jpg", " e",
    ]  # fmt: skip


@given(st.lists(st.text("a/.é", min_size=1, max_size=8), min_size=1, max_size=4, unique=True))
def test_absolute_paths_are_normalized_by_the_system(names: list[str]) -> None:
    paths = [f"/photos/{name}" for name in names]
    wanted = [os.path.relpath(path, "/photos") for path in paths]
    is_below = all(path.split("/")[0] not in (".", "..") for path in wanted)
    try:
        manifest = index(pa.table({"path": paths}), label_column=None)
    except augseq.errors.ArgumentError:
        assert not is_below or len(set(wanted)) < len(wanted)
    else:
        assert [record.path for record in manifest] == wanted


@pytest.mark.parametrize(
    "path",
    [
        "/elsewhere/a.jpg",
        "../a.jpg",
        "a/../../b.jpg",
        "a/../b.jpg",
        "/photos",
        "s3://b/c",
        ".",
        "/photos/../a.jpg",
        "/photosx/a.jpg",
    ],
)
def test_a_path_outside_the_root_is_refused(path: str) -> None:
    message = rf"must be below the root .*Received: {path!r} in row 1 of"
    with pytest.raises(augseq.errors.ArgumentError, match=message):
        index(pa.table({"path": ["ok.jpg", path]}), label_column=None)


def test_an_unsafe_path_error_does_not_mention_columns() -> None:
    with pytest.raises(augseq.errors.ArgumentError, match="A path must point to") as caught:
        index(pa.table({"path": ["c:x.jpg"], "label": ["x"]}))
    assert "columns" not in str(caught.value)
