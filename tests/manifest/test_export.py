"""Export manifests for other programs: the same records when read back."""

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import augseq
from augseq.manifest.schema import RESERVED_NAMES

SUFFIXES = ["csv", "tsv", "jsonl", "parquet"]
TRICKY = ["NA", "", "01", "1e5", "true", "null", " ", "a,b", 'q"u', "l\r\nf", "\n", "é=1", "\\"]

text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
# Valid file names: folders that are neither blank nor "." nor "..".
names = (st.sampled_from(TRICKY) | text).filter(
    lambda name: (
        name.strip()
        and "/" not in name
        and not {".", ".."} & set(name.split("\\"))
        and name[0] != "\\"
        and name[1:2] != ":"
    )
)
paths = st.lists(names, min_size=1, max_size=3).map("/".join)


@st.composite
def manifests(draw: st.DrawFn) -> augseq.Manifest:
    """Any manifest in which all records have labels, or none."""
    files = draw(st.lists(paths, min_size=1, max_size=8, unique=True))
    class_names = draw(st.lists(st.sampled_from(TRICKY) | text, max_size=4, unique=True))
    label = st.sampled_from(range(len(class_names))) if class_names else st.none()

    def column(values: st.SearchStrategy[Any]) -> Any:
        return draw(st.lists(values, min_size=len(files), max_size=len(files)))

    index = st.lists(
        st.integers(0, 2**63 - 1), min_size=len(files), max_size=len(files), unique=True
    )
    columns = {
        "index": pa.array(draw(index), pa.int64()),
        "path": pa.array(files, pa.string()),
        "target": pa.array(column(label), pa.int32()),
    }
    own = st.lists(text.filter(lambda n: n and n not in {*RESERVED_NAMES, "label"}), max_size=2)
    for name in draw(own):
        columns[name] = pa.array(column(st.none() | st.sampled_from(TRICKY) | text), pa.string())
    return augseq.Manifest(root="/photos", class_names=class_names, table=pa.table(columns))


def read_again(path: Path, manifest: augseq.Manifest) -> augseq.Manifest:
    named = {"class_names": manifest.class_names} if manifest.class_names else {}
    return augseq.index_table(
        path,
        root=manifest.root,
        label_column="label" if named else None,
        check_files=False,
        **named,
    )


@pytest.mark.filterwarnings("ignore::augseq.AugseqWarning")
@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=40)
@given(manifest=manifests())
def test_any_manifest_is_the_same_when_read_again(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, manifest: augseq.Manifest
) -> None:
    path = tmp_path_factory.getbasetemp() / f"again.{suffix}"
    augseq.write_table(manifest, path)
    again = read_again(path, manifest)
    assert again.table.to_pydict() == manifest.table.to_pydict()
    assert (again.root, again.class_names) == (manifest.root, manifest.class_names)
    assert again.fingerprint() == manifest.fingerprint()


@pytest.fixture
def tricky() -> augseq.Manifest:
    """One record per class, with names and paths that need care."""
    paths = [f"x{name.strip()}{k}.jpg" for k, name in enumerate(TRICKY)]
    table = {"index": range(len(paths)), "path": paths, "target": range(len(paths)), "n": paths}
    table = {name: pa.array(list(values)) for name, values in table.items()}
    return augseq.Manifest(root="/photos", class_names=TRICKY, table=pa.table(table))


def test_other_programs_read_the_same_values(tmp_path: Path, tricky: augseq.Manifest) -> None:
    expected = [
        {
            # A file named "\12.jpg", which must not be read as a folder.
            "path": f"./{record.path}" if "\\" in record.path else record.path,
            "label": TRICKY[record.target or 0],
            "index": record.index,
            "n": record.path,
        }
        for record in tricky
    ]
    for suffix in SUFFIXES:
        augseq.write_table(tricky, tmp_path / f"t.{suffix}")
    as_text = [{name: str(value) for name, value in row.items()} for row in expected]
    with open(tmp_path / "t.csv", encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file, strict=True)) == as_text
    with open(tmp_path / "t.tsv", encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file, strict=True, dialect="excel-tab")) == as_text
    with open(tmp_path / "t.jsonl", encoding="utf-8") as file:
        assert list(map(json.loads, file)) == expected
    assert pd.read_parquet(tmp_path / "t.parquet").to_dict("records") == expected


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_numbers_and_truth_values_keep_their_types(
    tmp_path: Path, animals: augseq.Manifest, suffix: str
) -> None:
    images = animals.with_column("n", [1, None, 2**62, 0, -1, 5])
    images = images.with_column("x", [0.1, 1e300, -0.0, None, 2.5, 3.0])
    images = images.with_column("is_good", [True, False, None, True, True, True])
    augseq.write_table(images, tmp_path / f"t.{suffix}")
    with pytest.warns(augseq.AugseqWarning, match="'yak'"):
        assert read_again(tmp_path / f"t.{suffix}", images) == images


def test_text_that_begins_a_formula_is_quoted_on_request(
    tmp_path: Path, animals: augseq.Manifest
) -> None:
    notes = ["=1+1", "+1", "-1", "@x", "a=1", None]
    images = animals.with_column("note", notes)
    for is_safe, expected in [(True, ["'=1+1", "'+1", "'-1", "'@x", "a=1", ""]), (False, notes)]:
        augseq.write_table(images, tmp_path / "t.csv", spreadsheet_safe=is_safe)
        with open(tmp_path / "t.csv", encoding="utf-8", newline="") as file:
            assert [row["note"] for row in csv.DictReader(file)] == [n or "" for n in expected]
    named = animals.with_column("=1+1", range(6))
    augseq.write_table(named, tmp_path / "t.csv", label_column="@cmd()", spreadsheet_safe=True)
    with open(tmp_path / "t.csv", encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == ["path", "'@cmd()", "index", "'=1+1"]
    with pytest.raises(augseq.errors.ArgumentError, match=r"`spreadsheet_safe` is for .csv"):
        augseq.write_table(images, tmp_path / "t.jsonl", spreadsheet_safe=True)


def test_times_are_written_in_iso_format(tmp_path: Path, animals: augseq.Manifest) -> None:
    images = animals.with_column("taken", pd.date_range("2020-01-31", periods=6).to_numpy())
    augseq.write_table(images, tmp_path / "t.jsonl")
    first = json.loads((tmp_path / "t.jsonl").read_text(encoding="utf-8").split("\n")[0])
    assert first["taken"] == "2020-01-31T00:00:00"


def test_values_that_cannot_be_written_are_refused_and_the_old_file_is_kept(
    tmp_path: Path, animals: augseq.Manifest
) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("old", encoding="utf-8")
    values = [1.0, 2.0, 3.0, 4.0, float("inf"), 6.0]
    with pytest.raises(augseq.errors.ArgumentError, match=r"non-finite.*\.csv or \.parquet"):
        augseq.write_table(animals.with_column("x", values), path)
    assert path.read_text(encoding="utf-8") == "old"
    with pytest.raises(augseq.errors.ArgumentError, match=r"must end in \.csv.*t\.xlsx"):
        augseq.write_table(animals, tmp_path / "t.xlsx")
    for options in ({"path_column": "label"}, {"label_column": "index"}, {"path_column": "x"}):
        with pytest.raises(augseq.errors.ArgumentError, match="Column names must be unique"):
            augseq.write_table(animals.with_column("x", values), path, **options)
    assert list(tmp_path.iterdir()) == [path]
