"""Columns of your own: lists, values by path, files found by a pattern, and what records carry."""

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import augseq
from augseq.errors import ArgumentError, MissingFileError
from augseq.manifest.manifest import make_manifest

DAY = datetime.date(2020, 1, 31)

COLUMNS: dict[str, list[Any]] = {
    "text": ["a", "", None],
    "numbers": [1.5, -0.0, None],
    "integers": [1, 2**62, None],
    "booleans": [True, False, None],
    "dates": [DAY, None, DAY],
    "lists of text": [["day", "sea"], [], None],
    "lists of numbers": [[0.5, 1.5], [2.5], []],
    "lists of integers": [[1], [2, 3], None],
    "lists of booleans": [[True], [False, True], []],
    "lists of dates": [[DAY], [], None],
    "lists with gaps": [["a", None], [None], []],
    "empty lists": [[], [], []],
    "lists of gaps": [[None], [None, None], None],
}


def of_paths(*paths: str, root: str = "/photos") -> augseq.Manifest:
    return make_manifest(root, (), paths=paths, targets=None)


@pytest.fixture
def three() -> augseq.Manifest:
    return of_paths("x/a.jpg", "b.c.jpg", "x/y/c.png")


@pytest.mark.parametrize("values", COLUMNS.values(), ids=COLUMNS)
def test_a_column_survives_saving_selecting_splitting_and_concatenating(
    tmp_path: Path, three: augseq.Manifest, values: list[Any]
) -> None:
    manifest = three.with_column("own", values)
    augseq.write_manifest(manifest, tmp_path / "m.parquet")
    stored = augseq.read_manifest(tmp_path / "m.parquet")
    assert stored == manifest
    assert stored.table["own"].to_pylist() == values
    assert manifest.select([2, 0]).table["own"].to_pylist() == [values[2], values[0]]
    parts = manifest.split(val=0.4, stratify=False)
    again = augseq.concat_manifests(parts)
    assert {r.index: r.columns["own"] for r in again} == dict(enumerate(values))


@pytest.mark.parametrize("values", COLUMNS.values(), ids=COLUMNS)
@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_an_exported_column_is_read_back(
    tmp_path: Path, three: augseq.Manifest, values: list[Any], suffix: str
) -> None:
    augseq.write_table(three.with_column("own", values), tmp_path / f"t.{suffix}")
    table = augseq.index_table(
        tmp_path / f"t.{suffix}", root="/photos", label_column=None, check_files=False
    )
    read = table.table["own"].to_pylist()
    if suffix == "jsonl":  # JSON has no dates.
        values, read = (json.loads(json.dumps(each, default=str)) for each in (values, read))
    assert read == values


def test_lists_become_separated_text_in_csv(tmp_path: Path, three: augseq.Manifest) -> None:
    manifest = three.with_column("tags", [["a", "b c"], [], None]).with_column(
        "n", [[1, 2], [], []]
    )
    augseq.write_table(manifest, tmp_path / "t.csv")
    read = augseq.index_table(
        tmp_path / "t.csv", root="/photos", label_column=None, check_files=False
    )
    assert read.column("tags").tolist() == ["a;b c", "", None]
    assert read.column("n").tolist() == ["1;2", "", ""]
    assert read.unique("tags", separator=";") == ["a", "b c"]


@pytest.mark.parametrize("tags", [["a;b"], [" "], [None]])
def test_lists_that_text_cannot_represent_are_refused_in_csv(
    tmp_path: Path, three: augseq.Manifest, tags: list[Any]
) -> None:
    manifest = three.with_column("tags", [tags, ["c"], ["d"]])
    with pytest.raises(ArgumentError, match=r"'tags'\. Pass another `list_separator`"):
        augseq.write_table(manifest, tmp_path / "t.csv")
    assert not (tmp_path / "t.csv").exists()


FRAMES: dict[str, Callable[[], Any]] = {
    "pandas": lambda: pd.DataFrame({"path": ["a.jpg", "b.jpg"], "own": [["x"], ["y", "z"]]}),
    "pandas arrays": lambda: pd.DataFrame(
        {"path": ["a.jpg", "b.jpg"], "own": [np.array(["x"]), np.array(["y", "z"])]}
    ),
    "polars": lambda: pl.DataFrame({"path": ["a.jpg", "b.jpg"], "own": [["x"], ["y", "z"]]}),
    "polars categories": lambda: pl.DataFrame(
        {
            "path": ["a.jpg", "b.jpg"],
            "own": pl.Series([["x"], ["y", "z"]], dtype=pl.List(pl.Categorical)),
        }
    ),
    "Arrow": lambda: pa.table(
        {
            "path": ["a.jpg", "b.jpg"],
            "own": pa.array([["x"], ["y", "z"]], pa.large_list(pa.large_string())),
        }
    ),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_lists_come_from_every_kind_of_frame(frame: Callable[[], Any]) -> None:
    manifest = augseq.index_table(frame(), root="/photos", label_column=None, check_files=False)
    assert [record.columns for record in manifest] == [{"own": ["x"]}, {"own": ["y", "z"]}]
    assert manifest.table.schema.field("own").type == pa.list_(pa.string())


def test_rows_of_a_matrix_are_lists(three: augseq.Manifest) -> None:
    manifest = three.with_column("own", np.arange(6).reshape(3, 2))
    assert [record.columns["own"] for record in manifest] == [[0, 1], [2, 3], [4, 5]]


def test_records_carry_all_columns_or_only_those_asked_for(three: augseq.Manifest) -> None:
    manifest = three.with_column("a", [1, 2, 3]).with_column("b", ["x", None, "z"])
    assert manifest[1].columns == {"a": 2, "b": None}
    assert manifest.records([2], columns=["b"])[0].columns == {"b": "z"}
    assert manifest.records([2], columns=())[0].columns == {}
    assert three[0].columns == {}
    # The columns of a record are no part of its identity.
    assert manifest[1] == three[1]
    assert hash(manifest[1]) == hash(three[1])
    assert "columns={'a': 2, 'b': None}" in repr(manifest[1])


def test_values_can_be_given_by_path(three: augseq.Manifest) -> None:
    by_path = {"x/y/c.png": 3.0, "x/a.jpg": 1.0, "b.c.jpg": 2.0, "other.jpg": 9.0}
    assert three.with_column("n", by_path).column("n").tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("value", ["own", "public", 2, 0.5, False, DAY])
def test_a_single_value_is_that_of_all_records(three: augseq.Manifest, value: Any) -> None:
    assert [record.columns["n"] for record in three.with_column("n", value)] == [value] * 3


@pytest.mark.parametrize("values", [{}, {"a.jpg": 1}, {"x/a.jpg": 1, "/photos/b.c.jpg": 2}])
def test_a_path_without_a_value_is_an_error(three: augseq.Manifest, values: dict[str, int]) -> None:
    with pytest.raises(ArgumentError, match=r"'b\.c\.jpg'.*must be paths relative to the root"):
        three.with_column("n", values)


def test_either_values_or_a_pattern_is_required(three: augseq.Manifest) -> None:
    with pytest.raises(ArgumentError, match="Received: neither"):
        three.with_column("n")
    with pytest.raises(ArgumentError, match="Received: both"):
        three.with_column("n", [1, 2, 3], pattern="{stem}")


PATTERNS = {
    "masks/{stem}.png": ["masks/a.png", "masks/b.c.png", "masks/c.png"],
    "masks/{folder}/{stem}.png": ["masks/x/a.png", "masks/b.c.png", "masks/x/y/c.png"],
    "{folder}/{stem}_gt.png": ["x/a_gt.png", "b.c_gt.png", "x/y/c_gt.png"],
    "{folder}/masks/{name}": ["x/masks/a.jpg", "masks/b.c.jpg", "x/y/masks/c.png"],
    "{name}.txt": ["a.jpg.txt", "b.c.jpg.txt", "c.png.txt"],
    "m/{stem}/{stem}-seg.png": ["m/a/a-seg.png", "m/b.c/b.c-seg.png", "m/c/c-seg.png"],
    "m/{{{stem}}}.png": ["m/{a}.png", "m/{b.c}.png", "m/{c}.png"],
}


@pytest.mark.parametrize(("pattern", "expected"), PATTERNS.items())
def test_a_pattern_names_the_file_that_belongs_to_each_image(
    tmp_path: Path, three: augseq.Manifest, pattern: str, expected: list[str]
) -> None:
    for path in expected:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    manifest = of_paths(*three.column("path"), root=str(tmp_path))
    assert manifest.with_column("mask", pattern=pattern).column("mask").tolist() == expected


def test_a_missing_partner_is_named_with_its_image(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "a.png").touch()
    (tmp_path / "masks" / "bb.png").touch()
    manifest = of_paths("i/a.jpg", "i/b.jpg", root=str(tmp_path))
    with pytest.raises(
        MissingFileError, match=r"1 of 2 files do not exist.*'masks/b\.png' for 'i/b\.jpg'"
    ) as caught:
        manifest.with_column("mask", pattern="masks/{stem}.png")
    assert "Did you mean 'bb.png'?" in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("masks/mask.png", "at least one of {stem}"),
        ("masks/{id}.png", "and no other field"),
        ("masks/{stem.png", "fields in braces"),
        ("masks/{}.png", "and no other field"),
        ("masks/../{stem}.png", "For a folder next to the root"),
        ("../../../{stem}.png", "or next to it"),
        ("/masks/../{stem}.png", "below the root"),
        ("{folder}/mask.png", r"gives 'x/mask\.png' to 'x/a\.jpg', 'x/b\.jpg'"),
        (7, "must be text with fields"),
    ],
)
def test_a_pattern_that_cannot_name_a_file_for_each_image_is_refused(
    pattern: Any, text: str
) -> None:
    with pytest.raises(ArgumentError, match=text):
        of_paths("x/a.jpg", "x/b.jpg").with_column("mask", pattern=pattern)


@pytest.mark.parametrize(
    ("pattern", "expected", "image"),
    [
        ("../masks/{folder}/{stem}.png", "masks/x/a.png", "images/x/a.jpg"),
        ("../../gt/{stem}.png", "gt/a.png", "city/images/x/a.jpg"),
    ],
)
def test_a_pattern_next_to_the_root_moves_the_root_up(
    tmp_path: Path, pattern: str, expected: str, image: str
) -> None:
    above = tmp_path / "city" if image.startswith("images") else tmp_path
    (above / expected).parent.mkdir(parents=True)
    (above / expected).touch()
    manifest = of_paths("x/a.jpg", root=str(tmp_path / "city" / "images"))
    moved = manifest.with_column("mask", pattern=pattern)
    assert (moved.root, moved[0].path) == (str(above), image)
    assert moved.column("mask").tolist() == [expected]
    assert moved[0].index == manifest[0].index


def test_patterns_start_from_the_folder_of_the_images_also_after_the_root_moved(
    tmp_path: Path,
) -> None:
    files = ["masks/x/a.png", "depth/x/a.npy", "images/x/a_far.jpg", "gt/a.png"]
    for path in files[:3]:
        (tmp_path / "city" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "city" / path).touch()
    (tmp_path / "gt").mkdir()
    (tmp_path / files[3]).touch()
    images = of_paths("x/a.jpg", root=str(tmp_path / "city" / "images"))
    images = images.with_column("mask", pattern="../masks/{folder}/{stem}.png")
    augseq.write_manifest(images, tmp_path / "m.parquet")
    images = augseq.read_manifest(tmp_path / "m.parquet")
    images = augseq.concat_manifests([images], root=tmp_path)
    images = images.with_column("depth", pattern="../depth/{folder}/{stem}.npy")
    images = images.with_column("far", pattern="{folder}/{stem}_far.jpg")
    assert (images.root, images.images_folder) == (str(tmp_path), "city/images")
    images = images.with_column("truth", pattern="../../gt/{stem}.png")
    assert images[0].path == "city/images/x/a.jpg"
    found = [images.column(name)[0] for name in ("mask", "depth", "far", "truth")]
    assert found == [*[f"city/{path}" for path in files[:3]], files[3]]


def test_files_that_belong_to_images_stay_with_them_in_a_concatenation(tmp_path: Path) -> None:
    parts = []
    for part in ("train", "val"):
        for folder in ("images", "masks"):
            (tmp_path / part / folder).mkdir(parents=True)
            (tmp_path / part / folder / "a.png").touch()
        images = of_paths("a.png", root=str(tmp_path / part / "images"))
        parts.append(images.with_column("mask", pattern="../masks/{stem}.png"))
    both = augseq.concat_manifests(parts)
    assert both.column("path").tolist() == ["train/images/a.png", "val/images/a.png"]
    assert both.column("mask").tolist() == ["train/masks/a.png", "val/masks/a.png"]
    # Values that replace the paths are not paths.
    replaced = both.with_column("mask", ["x", "y"])
    assert replaced.path_columns == ()
    moved = augseq.concat_manifests([replaced], root=tmp_path.parent)
    assert moved.column("mask").tolist() == ["x", "y"]


@pytest.mark.parametrize(
    ("values", "separator", "expected"),
    [
        (["b", "a", None], None, ["a", "b"]),
        (["10", "9", "9"], None, ["9", "10"]),
        ([3, 1, 3], None, [1, 3]),
        ([True, False, True], None, [False, True]),
        ([["b"], ["a", "b"], None], None, ["a", "b"]),
        ([[2], [10, 2], []], None, [2, 10]),
        (["b; a", " ;b", ""], ";", ["a", "b"]),
        (["b a", "c", None], " ", ["a", "b", "c"]),
        (["a, b", "b,,a", ","], ",", ["a", "b"]),
        ([None, None, None], ";", []),
        ([[], [], []], None, []),
    ],
)
def test_the_different_values_of_a_column_are_listed_like_class_names(
    three: augseq.Manifest, values: list[Any], separator: str | None, expected: list[Any]
) -> None:
    manifest = three.with_column("own", values)
    assert manifest.unique("own", separator=separator) == expected


@pytest.mark.parametrize(
    ("values", "separator"), [([1, 2, 3], ";"), ([["a"], [], []], ";"), (["a", "b", "c"], "")]
)
def test_only_text_can_be_separated(
    three: augseq.Manifest, values: list[Any], separator: str
) -> None:
    with pytest.raises(ArgumentError, match="`separator`"):
        three.with_column("own", values).unique("own", separator=separator)


def test_the_fingerprint_of_columns_depends_on_their_values_and_types(
    three: augseq.Manifest,
) -> None:
    kinds = [[1, 2, 3], [1, 2, 4], [1.0, 2.0, 3.0], ["1", "2", "3"], [[1], [2], [3]]]
    found = {three.with_column("n", kind).column_fingerprint(["n"]) for kind in kinds}
    assert len(found) == len(kinds)
    two = three.with_column("n", [1, 2, 3]).with_column("other", [7, 8, 9])
    assert two.column_fingerprint(["n"]) in found
