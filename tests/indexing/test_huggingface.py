"""Folders in Hugging Face's layout: read, written, and read back."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import augseq
from tests.folders import MakeFolder, fill

ROWS = [
    {"file_name": "b/2.jpg", "label": "dog", "caption": 'a "dog", sitting'},
    {"file_name": "1.jpg", "label": "cat", "caption": "NA"},
]


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    """Write metadata without using augseq."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_metadata_in_each_format_is_read(make_folder: MakeFolder, suffix: str) -> None:
    folder = make_folder("1.jpg", "b/2.jpg")
    write_rows(folder / f"metadata{suffix}", ROWS)
    manifest = augseq.index_huggingface(folder)
    assert manifest.root == str(folder)
    assert manifest.class_names == ("cat", "dog")
    assert [(r.index, r.path, r.target) for r in manifest] == [(0, "b/2.jpg", 1), (1, "1.jpg", 0)]
    assert manifest.column("caption").tolist() == ['a "dog", sitting', "NA"]
    unlabelled = augseq.index_huggingface(folder, label_column=None, columns=[])
    assert unlabelled.class_names == ()
    assert unlabelled.table.column_names == ["index", "path", "target"]


def test_each_split_has_its_own_metadata(make_folder: MakeFolder) -> None:
    folder = make_folder("train/1.jpg", "train/b/2.jpg", "test/1.jpg", "test/2.jpg")
    write_rows(folder / "train" / "metadata.csv", ROWS)
    rows = [{"file_name": "1.jpg", "label": "yak"}, {"file_name": "2.jpg", "label": "cat"}]
    write_rows(folder / "test" / "metadata.jsonl", rows)
    manifest = augseq.index_huggingface(folder, splits=["train", "test"])
    assert manifest.class_names == ("cat", "dog", "yak")
    assert [(r.index, r.path, r.target) for r in manifest] == [
        (0, "train/b/2.jpg", 1),
        (1, "train/1.jpg", 0),
        (2, "test/1.jpg", 2),
        (3, "test/2.jpg", 0),
    ]
    assert manifest.column("split").tolist() == ["train", "train", "test", "test"]
    assert manifest.column("caption").tolist() == ['a "dog", sitting', "NA", None, None]
    with pytest.raises(augseq.errors.MissingFileError, match=r"splits=\['test', 'train'\]"):
        augseq.index_huggingface(folder)
    write_rows(folder / "test" / "metadata.jsonl", [row | {"split": "x"} for row in rows])
    with pytest.raises(
        augseq.errors.ArgumentError, match=r"already has a column 'split'.*`columns`"
    ):
        augseq.index_huggingface(folder, splits=["test"])
    write_rows(folder / "test" / "metadata.jsonl", rows)
    only = augseq.index_huggingface(folder, splits=["test"])
    assert (only.root, only[0].path) == (str(folder), "test/1.jpg")


def test_images_that_are_not_in_the_metadata_are_reported(make_folder: MakeFolder) -> None:
    folder = make_folder("1.jpg", "b/2.jpg", "b/3.jpg", "note.txt")
    write_rows(folder / "metadata.csv", ROWS)
    with pytest.warns(augseq.AugseqWarning, match=r"1 images are not in .* not indexed: 'b/3.jpg'"):
        assert len(augseq.index_huggingface(folder)) == 2


def test_a_folder_without_metadata_or_with_two_is_refused(make_folder: MakeFolder) -> None:
    folder = make_folder("1.jpg", "b/2.jpg")
    with pytest.raises(augseq.errors.MissingFileError, match=r"no metadata\.csv.*use index_folder"):
        augseq.index_huggingface(folder)
    write_rows(folder / "metadata.csv", ROWS)
    write_rows(folder / "metadata.jsonl", ROWS)
    with pytest.raises(augseq.errors.ArgumentError, match=r"\['metadata.csv', 'metadata.jsonl'\]"):
        augseq.index_huggingface(folder)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_metadata_written_for_a_folder_is_read_back(make_folder: MakeFolder, suffix: str) -> None:
    folder = make_folder("cat/1.jpg", "dog/a, b.jpg", "dog/é.jpg")
    images = augseq.index_folder(folder, progress=False).with_column("note", ["x", "01", None])
    assert augseq.write_huggingface(images, suffix=suffix) == [f"{folder}/metadata{suffix}"]
    assert augseq.index_huggingface(folder) == images


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_metadata_written_for_splits_is_read_back(make_folder: MakeFolder, suffix: str) -> None:
    folder = make_folder("a/cat/1.jpg", "a/dog/1.jpg", "b/cat/2.jpg", "b/dog/2.jpg")
    images = augseq.index_folder(folder, splits=["a", "b"], progress=False)
    written = augseq.write_huggingface(images, split_column="split", suffix=suffix)
    assert written == [f"{folder}/a/metadata{suffix}", f"{folder}/b/metadata{suffix}"]
    assert augseq.index_huggingface(folder, splits=["a", "b"]) == images


def test_metadata_is_written_only_above_its_images(make_folder: MakeFolder) -> None:
    folder = make_folder("a/cat/1.jpg", "b/dog/1.jpg")
    images = augseq.index_folder(folder, progress=False, labels=None)
    wrong = images.with_column("split", ["a", "c"])
    with pytest.raises(
        augseq.errors.ArgumentError, match=r"'c'.*different folder for 'b/dog/1.jpg'"
    ):
        augseq.write_huggingface(wrong, split_column="split")
    with pytest.raises(augseq.errors.ArgumentError, match=r"`suffix` must be .*'.tsv'"):
        augseq.write_huggingface(images, suffix=".tsv")
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file_name;label\n1.jpg;x\n", "semicolons"),
        ("file_name,label\n1,x\n2,y\n", "path_suffix='.jpg'"),
        ("file,label\n1.jpg,x\n", "no column 'file_name'"),
    ],
)
def test_table_options_are_suggested_as_options_of_index_table(
    text: str, message: str, tmp_path: Path
) -> None:
    fill(tmp_path, "1.jpg", "2.jpg")
    (tmp_path / "metadata.csv").write_text(text)
    with pytest.raises(augseq.AugseqError) as caught:
        augseq.index_huggingface(tmp_path)
    assert message in str(caught.value)
    assert "metadata.csv', path_column='file_name'" in str(caught.value)
