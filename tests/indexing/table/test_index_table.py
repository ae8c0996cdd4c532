"""Index tables: every value as it is written, every error with its line."""

import csv
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import augseq
from tests.folders import fill

TRICKY = ["NA", "null", "01", "1e5", "true", "nan", "#N/A", "2020-01-01", " x", "é,\"'\r\n=1"]

ONE_CLASS_OR_NONE = pytest.mark.filterwarnings("ignore::augseq.AugseqWarning")


def index(source: Any, root: Any = "/photos", **options: Any) -> augseq.Manifest:
    return augseq.index_table(source, **{"root": root, "check_files": False, **options})


def pairs(manifest: augseq.Manifest) -> list[tuple[str, str | None]]:
    """Return the path and class name of each record."""
    names = manifest.class_names
    return [(r.path, None if r.target is None else names[r.target]) for r in manifest]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows without using augseq, in the format of the suffix."""
    if path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    else:
        with open(path, "w", encoding="utf-8", newline="") as file:
            dialect = "excel" if path.suffix == ".csv" else "excel-tab"
            writer = csv.DictWriter(file, rows[0], dialect=dialect)
            writer.writeheader()
            writer.writerows(rows)
    return path


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_values_are_read_as_they_are_written(tmp_path: Path, suffix: str) -> None:
    rows = [{"path": f"{k}.jpg", "label": name, "note": name} for k, name in enumerate(TRICKY)]
    manifest = index(write(tmp_path / f"t.{suffix}", rows))
    assert pairs(manifest) == [(row["path"], row["label"]) for row in rows]
    assert manifest.class_names == tuple(sorted(TRICKY))
    assert manifest.column("note").tolist() == TRICKY
    assert [record.index for record in manifest] == list(range(len(TRICKY)))


@ONE_CLASS_OR_NONE
@given(
    text=st.text('pa,"\n\r \t;\ufeffé', max_size=30).map(lambda end: "path,label\n" + end),
)
def test_a_csv_file_is_read_as_python_reads_it_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(text.encode())
    try:
        manifest = index(path, missing_labels="keep")
    except augseq.AugseqError:
        return
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row][1:]
    assert pairs(manifest) == [(row[0], row[1] if row[1].strip() else None) for row in rows]


def test_columns_can_have_any_names_and_other_columns_are_optional(tmp_path: Path) -> None:
    rows = [{"id": 7, "Datei": "a.jpg", "Art": "x", "plot": 3.5, "target": 1}]
    table = write(tmp_path / "t.jsonl", rows)
    options = {"path_column": "Datei", "label_column": "Art"}
    with pytest.warns(augseq.AugseqWarning, match="the table has a single class, 'x'"):
        manifest = index(table, columns=["plot"], **options)
    assert manifest.table.column_names == ["index", "path", "target", "plot"]
    assert manifest.column("plot").tolist() == [3.5]
    with pytest.raises(
        augseq.errors.ArgumentError, match=r"'target'.* choose the columns .*`columns`"
    ):
        index(table, **options)
    with pytest.raises(
        augseq.errors.ArgumentError, match=r"no column 'path', only \['id', 'Datei'"
    ):
        index(table)


def test_without_a_label_column_records_have_no_labels() -> None:
    manifest = index(pa.table({"path": ["b", "a"], "label": ["x", ""]}), label_column=None)
    assert pairs(manifest) == [("b", None), ("a", None)]
    assert manifest.column("label").tolist() == ["x", ""]


def test_a_column_named_index_sets_the_indices() -> None:
    manifest = index(pa.table({"path": ["b", "a"], "label": ["x", "y"], "index": ["7", "3"]}))
    assert [record.index for record in manifest] == [7, 3]
    for bad in (["7", "x"], ["7", None], ["7", "7"], ["7", "-1"]):
        with pytest.raises(augseq.errors.ArgumentError, match=r"'index' must contain .*`columns`"):
            index(pa.table({"path": ["b", "a"], "label": ["x", "y"], "index": bad}))


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(["b", "a", "a.jpg", "b.jpg", "c.jpg"])])
def test_categorical_text_of_polars_is_text(kind: Any) -> None:
    columns = {
        "path": ["b.jpg", "a.jpg", "c.jpg"],
        "label": ["b", "a", None],
        "note": ["a", None, "b"],
    }
    plain, stored = (
        pl.DataFrame(columns),
        pl.DataFrame(columns, schema=dict.fromkeys(columns, kind)),
    )
    manifest = index(stored, missing_labels="keep")
    assert manifest == index(plain, missing_labels="keep")
    assert manifest.column("note").tolist() == ["a", None, "b"]
    arrow = pa.table(stored)["note"].combine_chunks()
    assert manifest.with_column("note", arrow) == manifest
    with pytest.raises(
        augseq.errors.LabelError, match=r"must have a label; it is missing in row 2"
    ):
        index(stored)


def test_blank_labels_and_paths_are_named_by_their_lines(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_bytes(b'path,label\r\n"a\r\nb",x\r\n\r\nc,\r\nd,""\r\ne,y\r\nf,"  "\r\n')
    with pytest.raises(augseq.errors.LabelError, match=r"missing in lines 5, 6, 8 of '.*t\.csv'"):
        index(table)
    kept = index(table, missing_labels="keep")
    assert [label for _, label in pairs(kept)] == ["x", None, None, "y", None]
    table.write_text('{"path": "a", "label": "x"}\n\n{"label": "x"}\n', encoding="utf-8")
    table = table.rename(tmp_path / "t.jsonl")
    with pytest.raises(
        augseq.errors.LabelError, match=r"no.* path; it is missing in line 3|in line 3 of"
    ):
        index(table)
    with pytest.raises(augseq.errors.LabelError, match=r"in row 1 of the frame \(from 0\)"):
        index(pl.DataFrame({"path": ["a", "b"], "label": ["x", None]}))


def test_a_blank_is_a_class_if_it_is_in_class_names(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text('path,label\na,""\nb,x\n', encoding="utf-8")
    assert pairs(index(table, class_names=["", "x"])) == [("a", ""), ("b", "x")]


def test_a_label_that_is_not_in_class_names_is_named() -> None:
    table = pa.table({"path": ["a", "b"], "label": ["x", "z"]})
    with pytest.raises(
        augseq.errors.LabelError, match=r"must be in `class_names`, but 'z' in row 1 .* is not"
    ):
        index(table, class_names=["x", "y"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"path,label\na,b,c\n", r"Line 2 .* must have 2 cells.*Received: 3"),
        (b'path,label\n"a\nb",x\nc\n', r"Line 4 .* must have 2 cells.*Received: 1"),
        (b'path,label\na,x\nb,"y\nc,z\n', r"begins on line 3 .*not closed"),
        (b'path,label\n"a"b,x\n', r"begins on line 2 "),
        (b"path,label\na,x\n\xff,y\n", r"must be UTF-8 text, but line 3 is not"),
        ("path,label\na,x\n".encode("utf-16"), r"must be UTF-8 text, but line 1 is not"),
        ("path,label\na,x\n".encode("utf-16-le"), r"must be UTF-8 text, but line 1 is not"),
        (b"path,path\na,x\n", r"unique names. Repeated: \['path'\]"),
        (b"", "is empty"),
        (b"path,label\n", "has none"),
    ],
)
def test_an_invalid_csv_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(augseq.errors.ManifestError, match=message):
        index(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"path": "a", "label": "x"}\n{"path": "b",\n', r"Line 2 of .* must be a JSON object"),
        ('["a", "x"]\n', r"Line 1 of .* must be a JSON object\. Received: \["),
        ('{"path": "a", "path": "b"}\n', "a name occurs twice"),
        ('{"path": "a", "label": 1}\n{"path": "b", "label": "x"}\n', "'label' .* of one type"),
        ('{"path": "\\ud800", "label": "x"}\n', "'path' of"),
        ("\n\n", "has none|no column"),
    ],
)
def test_an_invalid_json_lines_file_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "t.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises((augseq.errors.ManifestError, augseq.errors.ArgumentError), match=message):
        index(tmp_path / "t.jsonl")


@ONE_CLASS_OR_NONE
def test_a_byte_order_mark_is_not_part_of_the_first_name(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b'\xef\xbb\xbf"path",label\na,x\nb,y\n')
    (tmp_path / "t.jsonl").write_bytes(b'\xef\xbb\xbf{"path": "a", "label": "x"}\n')
    assert pairs(index(tmp_path / "t.csv")) == [("a", "x"), ("b", "y")]
    assert pairs(index(tmp_path / "t.jsonl", class_names=["x"])) == [("a", "x")]


def test_other_files_are_refused_with_the_fix(tmp_path: Path, samples: augseq.Manifest) -> None:
    with pytest.raises(augseq.errors.MissingFileError, match="no table"):
        index(tmp_path / "nowhere.csv")
    with pytest.raises(augseq.errors.ArgumentError, match=r"must end in \.csv.*pandas"):
        index(tmp_path / "t.xlsx")
    with pytest.raises(augseq.errors.ArgumentError, match="Received: list"):
        index([{"path": "a"}])
    (tmp_path / "t.parquet").write_bytes(b"path,label\n")
    with pytest.raises(augseq.errors.ManifestError, match="is not a Parquet file"):
        index(tmp_path / "t.parquet")
    augseq.write_manifest(samples, tmp_path / "m.parquet")
    with pytest.raises(augseq.errors.ManifestError, match="is already a manifest"):
        index(tmp_path / "m.parquet")


FRAMES = [pd.DataFrame, pl.DataFrame, pa.table]


@pytest.mark.parametrize("frame", FRAMES)
def test_integers_in_a_frame_are_names_or_positions(frame: Any) -> None:
    table = frame({"path": ["a", "b", "c"], "label": [10, 9, 9]})
    assert index(table).class_names == ("9", "10")
    assert pairs(index(table)) == [("a", "10"), ("b", "9"), ("c", "9")]
    names = [f"class {k}" for k in range(11)]
    with pytest.warns(augseq.AugseqWarning, match="9 of 11 classes in the table have no image"):
        manifest = index(table, class_names=names)
    assert pairs(manifest) == [("a", "class 10"), ("b", "class 9"), ("c", "class 9")]
    with pytest.raises(augseq.errors.LabelError, match=r"10 in row 0 .* is not"):
        index(table, class_names=names[:10])


@pytest.mark.parametrize("frame", FRAMES)
def test_a_frame_keeps_the_types_of_its_columns(frame: Any) -> None:
    manifest = index(
        frame({"path": ["a", "b"], "label": [True, False], "n": [1, 2], "x": [0.5, 1]})
    )
    assert pairs(manifest) == [("a", "true"), ("b", "false")]
    assert str(manifest.table.schema.field("n").type) == "int64"
    assert manifest.column("x").tolist() == [0.5, 1.0]


def test_repeated_column_names_are_refused_in_frames() -> None:
    twice = pd.DataFrame([["a", "b", "x"]], columns=["path", "path", "label"])
    for frame in (twice, pa.Table.from_arrays([["a"], ["b"], ["x"]], names=list(twice.columns))):
        with pytest.raises(
            augseq.errors.ManifestError, match=r"of the frame .*Repeated: \['path'\]"
        ):
            index(frame)


@ONE_CLASS_OR_NONE
def test_the_index_of_a_pandas_frame_is_not_a_column_and_categories_are_text() -> None:
    frame = pd.DataFrame({"path": ["a", "b", "c"], "label": pd.Categorical(["x", "y", "y"])})
    manifest = index(frame[frame["label"] == "y"].assign(z="k"), class_names=["y", "x"])
    assert pairs(manifest) == [("b", "y"), ("c", "y")]
    assert manifest.table.column_names == ["index", "path", "target", "z"]


def test_labels_and_paths_of_other_types_are_refused() -> None:
    with pytest.raises(
        augseq.errors.LabelError, match=r"must be text, integers or booleans.*double"
    ):
        index(pa.table({"path": ["a"], "label": [0.5]}))
    with pytest.raises(augseq.errors.ArgumentError, match=r"paths as text.*int64.*`path_column`"):
        index(pa.table({"path": [1], "label": ["x"]}))
    with pytest.raises(augseq.errors.ArgumentError, match=r"'image', struct.*`columns`"):
        index(pa.table({"path": ["a"], "label": ["x"], "image": [{"bytes": b""}]}))
    with pytest.raises(augseq.errors.ArgumentError, match="A frame requires `root`"):
        index(pa.table({"path": ["a"], "label": ["x"]}), root=None)


def test_paths_are_relative_to_the_folder_of_the_table(tmp_path: Path) -> None:
    fill(tmp_path, "a/1.jpg", "a/2.jpg", "b/1.jpg")
    rows = [{"path": path, "label": path[0]} for path in ["b/1.jpg", "a/2.jpg"]]
    manifest = augseq.index_table(write(tmp_path / "t.csv", rows))
    assert manifest.root == str(tmp_path)
    assert pairs(manifest) == [("b/1.jpg", "b"), ("a/2.jpg", "a")]
    rows += [{"path": path, "label": "a"} for path in ["a", "a/3.jpg", "c/1.jpg", "d\\a/4.jpg"]]
    write(tmp_path / "t.csv", rows)
    with pytest.raises(
        augseq.errors.MissingFileError,
        match=r"no file for 4 of 6 paths .*'a', 'a/3.jpg', 'c/1.jpg' and 1 more; lines 4, 5, 6, 7 ",
    ):
        augseq.index_table(tmp_path / "t.csv")
    assert len(augseq.index_table(tmp_path / "t.csv", check_files=False)) == 6
    with pytest.raises(augseq.errors.MissingFileError, match="no folder 'nowhere'"):
        augseq.index_table(tmp_path / "t.csv", root="nowhere")


@pytest.mark.parametrize(
    "options",
    [
        {"missing_labels": "drop"},
        {"label_column": "path"},
        {"columns": "a"},
        {"class_names": "ab"},
        {"class_names": [1]},
    ],
)
def test_invalid_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=f"`{next(iter(options))}`"):
        index(pa.table({"path": ["a"], "label": ["x"]}), **options)


def test_only_the_requested_columns_of_a_parquet_file_are_read(tmp_path: Path) -> None:
    table = pa.table({"path": ["a", "b"], "label": [1, 0], "image": [{"bytes": b"x"}] * 2})
    pq.write_table(table, tmp_path / "t.parquet")
    manifest = index(tmp_path / "t.parquet", columns=[])
    assert pairs(manifest) == [("a", "1"), ("b", "0")]


def test_a_row_of_a_csv_file_can_have_any_length(tmp_path: Path) -> None:
    names = [f"column{number}" for number in range(30)]
    lines = [["path", *names], ["a", *["x" * 100_000] * 30], ["b", *names]]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(map(",".join, lines)), encoding="utf-8")
    manifest = index(table, label_column=None)
    assert manifest.column("column29").tolist() == ["x" * 100_000, "column29"]


@pytest.mark.parametrize(
    "values", [[2**70, 1], pd.Series(["\ud800", "x"], dtype=object)], ids=["number", "text"]
)
def test_values_of_a_frame_that_do_not_fit_are_refused(values: Any) -> None:
    frame = pd.DataFrame({"path": ["a", "b"], "label": ["x", "y"], "note": values})
    with pytest.raises(augseq.errors.ManifestError, match="Cannot read the frame"):
        index(frame)


def test_deeply_nested_brackets_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "t.jsonl"
    table.write_text('{"path": ' + "[" * 10**5 + "]" * 10**5 + "}", encoding="utf-8")
    with pytest.raises(augseq.errors.ManifestError, match=r"Line 1 of .* must be a JSON object"):
        index(table)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_a_column_can_be_chosen_only_once(tmp_path: Path, suffix: str) -> None:
    rows = [{"path": "a", "label": "x", "note": "y"}]
    for source in (write(tmp_path / f"t.{suffix}", rows), pd.DataFrame(rows), pl.DataFrame(rows)):
        with pytest.raises(
            augseq.errors.ArgumentError, match=r"`columns` must .*different.*\['note'"
        ):
            index(source, columns=["note", "note"])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux allows any bytes as a name")
def test_tables_and_manifests_can_be_in_a_folder_whose_name_is_not_utf_8(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    rows = pa.table({"path": ["x/1", "y/1"], "label": ["x", "y"]})
    manifest = index(rows)
    augseq.write_manifest(manifest, folder / "m.parquet")
    assert augseq.read_manifest(folder / "m.parquet") == manifest
    for suffix in ("csv", "tsv", "jsonl", "parquet"):
        augseq.write_table(manifest, folder / f"t.{suffix}")
        assert index(folder / f"t.{suffix}") == manifest
