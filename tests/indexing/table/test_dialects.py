"""Tables in many formats: read, or refused with the specific cause and a fix."""

import gzip
import json
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augseq
from tests.folders import fill
from tests.indexing.table.test_index_table import index, pairs

ROWS = [("cat/1.jpg", "cat"), ("dog/2.jpg", "dog"), ("dog/3.jpg", "dog")]


def csv_text(delimiter: str, header: str = "path{}label", quote: str = "") -> str:
    rows = [tuple(header.split("{}")), *ROWS]
    return "\n".join(delimiter.join(f"{quote}{cell}{quote}" for cell in row) for row in rows)


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize(
    ("suffix", "delimiter", "word"),
    [
        ("csv", ";", "semicolons"),
        ("csv", "\t", "tabs"),
        ("csv", "|", "bars"),
        ("csv", " ", "spaces"),
        ("tsv", ",", "commas"),
        ("tsv", ";", "semicolons"),
    ],
)
def test_a_different_delimiter_is_named_and_read_when_passed(
    suffix: str, delimiter: str, word: str, quote: str, tmp_path: Path
) -> None:
    table = tmp_path / f"t.{suffix}"
    table.write_text(csv_text(delimiter, quote=quote), encoding="utf-8-sig")
    message = rf"separated by {word}.*delimiter={delimiter!r}.*--delimiter"
    with pytest.raises(
        augseq.errors.ManifestError, match=message.replace("|", r"\|").replace("\\t", r"\\t")
    ):
        index(table)
    assert pairs(index(table, delimiter=delimiter)) == ROWS


def test_other_column_names_do_not_hide_the_delimiter(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("Datei;Art;Preis, in Euro\na.jpg;x;1,5\n", encoding="utf-8")
    options = {"path_column": "Datei", "label_column": "Art"}
    for given in ({}, options):
        with pytest.raises(augseq.errors.ManifestError, match="semicolons"):
            index(table, **given)
    table.write_text("Datei;Art;Preis, in Euro\na.jpg;x;1,5\nb.jpg;y;2,5\n", encoding="utf-8")
    manifest = index(table, delimiter=";", **options)
    assert manifest.column("Preis, in Euro").tolist() == ["1,5", "2,5"]


def test_a_requested_name_can_contain_a_delimiter(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a;b,c|d\n1.jpg,x\n2.jpg,y\n", encoding="utf-8")
    assert pairs(index(table, path_column="a;b", label_column="c|d")) == [
        ("1.jpg", "x"),
        ("2.jpg", "y"),
    ]


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n", "é", 5])
def test_a_delimiter_is_one_character(delimiter: Any) -> None:
    with pytest.raises(
        augseq.errors.ArgumentError, match=r"`delimiter` \(at the shell: --delimiter\)"
    ):
        index(pa.table({"path": ["a"], "label": ["x"]}), delimiter=delimiter)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sep=;\npath;label\na.jpg;x\n", r"'sep=;', which only Excel understands.*delimiter=';'"),
        ("a.jpg,cat\nb.jpg,dog\n", r"must name the columns.*'path,label'"),
        ("1 a.PNG\n2 b.PNG\n", r"must name the columns.*header=None"),
        ("0,images/a.tif\n", r"must name the columns"),
        ("path, label\na.jpg, x\n", r"spaces around them.*skipinitialspace=True"),
        ("label,pixel0,pixel1\n3,0,255\n", r"contain pixels.*from_arrays"),
        ("path , label\na.jpg , x\n", r"spaces around them"),
        ("Path,Label\na.jpg,x\n", r"Did you mean 'Path'\?"),
        ("path,lable\na.jpg,x\n", r"Did you mean 'lable'\?"),
    ],
)
def test_a_first_line_without_column_names_is_reported(
    text: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    with pytest.raises(augseq.AugseqError, match=message):
        index(tmp_path / "t.csv")


@pytest.mark.parametrize("header", [",path,label", '"",path,label', "path,label,", "path,,label,,"])
def test_a_nameless_column_of_row_numbers_is_dropped(header: str, tmp_path: Path) -> None:
    names = [name.strip('"') for name in header.split(",")]
    cells = [
        [{"path": path, "label": label}.get(name, "") for name in names] for path, label in ROWS
    ]
    if names[0] == "":
        cells = [[str(number), *row[1:]] for number, row in enumerate(cells)]
    table = tmp_path / "t.csv"
    table.write_text("\n".join([header, *map(",".join, cells)]), encoding="utf-8")
    manifest = index(table)
    assert pairs(manifest) == ROWS
    assert manifest.table.column_names == ["index", "path", "target"]


def test_the_index_that_pandas_writes_is_dropped_with_a_warning_if_it_has_content(
    tmp_path: Path,
) -> None:
    frame = pd.DataFrame(ROWS, columns=["path", "label"])
    frame.to_csv(tmp_path / "plain.csv")
    assert pairs(index(tmp_path / "plain.csv")) == ROWS
    frame.iloc[::-1].to_csv(tmp_path / "reversed.csv")
    with pytest.warns(augseq.AugseqWarning, match=r"column without a name.*index_label="):
        assert pairs(index(tmp_path / "reversed.csv")) == ROWS[::-1]
    assert pairs(index(tmp_path / "reversed.csv", columns=[])) == ROWS[::-1]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.xlsx", b"PK", r"CSV UTF-8.*read_excel"),
        ("t.ods", b"PK", r"CSV UTF-8.*read_excel"),
        ("t.json", b"[]", r"\.jsonl.*read_json"),
        ("t.ndjson", b"{}", r"rename it to end in \.jsonl"),
        ("t.txt", b"path label", r"rename it to end in \.csv.*--delimiter"),
        ("t", b"path,label", r"rename it to end in \.csv"),
        ("t.csv.gz", b"", r"Unpack it"),
        ("t.feather", b"", r"pandas or polars"),
        ("t.csv", b"PK\3\4\x14\0\6\0[Content_Types].xml\xff", r"spreadsheet.*read_excel"),
        ("t.tsv", b"PK\3\4\x14\0\0\0photos/1.jpg\xff", r"is a ZIP archive.*Unpack"),
        ("t.csv", gzip.compress(b"path,label", mtime=0), r"compressed with gzip.*Unpack"),
        ("t.csv", b"<!doctype html>\n<html>", r"is a web page.*download it again"),
        ("t.jsonl", b"<html>", r"is a web page"),
        ("t.csv", b"version https://git-lfs.github.com/spec/v1\noid 1\n", r"git lfs pull"),
        ("t.parquet", b"version https://git-lfs.github.com/spec/v1\noid 1\n", r"git lfs pull"),
        ("t.jsonl", b'[\n {"path": "a.jpg"}\n]', r"must be a JSON object.*read_json"),
        ("t.jsonl", b'[{"path": "a.jpg"}]', r"must be a JSON object.*read_json"),
        ("t.csv", "path,label\n".encode("utf-16"), r"UTF-16.*encoding=\"utf-16\""),
        ("t.csv", "path,label\na.jpg,Bär".encode("cp1252"), r"line 2.*encoding=\"cp1252\""),
    ],
)
def test_a_file_that_is_not_a_supported_table_is_named(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises((augseq.errors.ArgumentError, augseq.errors.ManifestError), match=message):
        index(tmp_path / name)


@pytest.mark.parametrize("first", ["MZ", "ID3", "PK", "BZh", "<b>"])
def test_a_column_name_can_look_like_the_magic_bytes_of_a_file(first: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"{first},path\n1,a.jpg\n")
    with pytest.raises(augseq.errors.ArgumentError, match="no column 'label'"):
        index(tmp_path / "t.csv")


@pytest.mark.parametrize("kind", [Path, PurePosixPath, PureWindowsPath])
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_columns_of_paths_are_text(frame: Any, kind: Any) -> None:
    columns = {"path": [kind(path) for path, _ in ROWS], "label": [label for _, label in ROWS]}
    assert pairs(index(frame(columns))) == ROWS
    columns["second"] = columns["path"]
    assert index(frame(columns)).column("second").tolist() == [str(kind(p)) for p, _ in ROWS]


def test_absolute_paths_of_a_glob_become_relative(tmp_path: Path) -> None:
    fill(tmp_path, *(path for path, _ in ROWS))
    frame = pd.DataFrame({"path": sorted(tmp_path.rglob("*.jpg")), "label": ["x", "y", "y"]})
    manifest = augseq.index_table(frame, root=tmp_path)
    assert [record.path for record in manifest] == [path for path, _ in ROWS]


def test_a_path_in_the_index_of_a_frame_is_reported() -> None:
    frame = pd.DataFrame(ROWS, columns=["path", "label"]).set_index("path")
    with pytest.raises(augseq.errors.ArgumentError, match=r"named 'path': frame\.reset_index\(\)"):
        index(frame)
    assert pairs(index(frame.reset_index())) == ROWS


def test_columns_named_by_numbers_are_read() -> None:
    assert pairs(index(pd.DataFrame(ROWS), path_column="0", label_column="1")) == ROWS


class Foreign:
    """A dataset that can be converted to pandas, like those of Hugging Face."""

    def to_pandas(self) -> pd.DataFrame:
        """Return it."""
        return pd.DataFrame(ROWS, columns=["path", "label"])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Foreign(), r"source\.to_pandas\(\)"),
        ({"path": ["a"], "label": ["x"]}, r"pandas\.DataFrame\(source\)"),
        ([("a", "x")], r"pandas\.DataFrame\(source, columns="),
        (pd.Series(["a"]), r"source\.to_frame\('path'\)"),
        (pl.Series(["a"]), r"source\.to_frame\('path'\)"),
    ],
)
def test_other_types_are_refused_with_how_to_convert_them(source: Any, message: str) -> None:
    with pytest.raises(augseq.errors.ArgumentError, match=message):
        index(source)


def _inside(kind: str) -> Any:
    picture = Image.new("L", (2, 2))
    value = {
        "structs": {"bytes": b"\x89PNG", "path": "a.png"},
        "bytes": b"\x89PNG",
        "pictures": picture,
        "arrays": np.asarray(picture),
    }[kind]
    return pd.DataFrame({"image": [value, value], "label": [0, 1]})


@pytest.mark.parametrize("kind", ["structs", "bytes", "pictures", "arrays"])
def test_images_inside_a_frame_are_reported(kind: str) -> None:
    message = r"column 'image' of the frame contains the images.*docs/manifests\.md"
    with pytest.raises(augseq.errors.ManifestError, match=message):
        index(_inside(kind))


@pytest.mark.parametrize("kind", ["structs", "bytes"])
def test_images_inside_a_file_are_reported(kind: str, tmp_path: Path) -> None:
    table = pa.Table.from_pandas(_inside(kind))
    pq.write_table(table, tmp_path / "t.parquet")
    for source in (table, tmp_path / "t.parquet"):
        with pytest.raises(augseq.errors.ManifestError, match="contains the images themselves"):
            index(source)
        with pytest.raises(augseq.errors.ArgumentError, match="contains the images themselves"):
            index(source, path_column="image", columns=[])
    beside = table.append_column("path", [["a.png", "b.png"]])
    with pytest.raises(
        augseq.errors.ArgumentError, match=r"'image'.*`columns` \(at the shell: --columns"
    ):
        index(beside)
    assert pairs(index(beside, columns=[])) == [("a.png", "0"), ("b.png", "1")]


MISSING = [np.nan, None, pd.NA, float("nan")]


@pytest.mark.parametrize("missing", MISSING, ids=["numpy", "None", "pandas", "Python"])
@pytest.mark.parametrize("labels", [("x", "y"), (3, 12), (True, False)], ids=str)
def test_missing_labels_are_not_classes(labels: Any, missing: Any) -> None:
    frame = pd.DataFrame({"path": ["a", "b", "c"], "label": [labels[0], missing, labels[1]]})
    with pytest.raises(augseq.errors.LabelError, match=r"missing in row 1.*--missing-labels keep"):
        index(frame)
    found = pairs(index(frame, missing_labels="keep"))
    assert found[1] == ("b", None)
    assert {name for _, name in found} == {None, *(str(label).lower() for label in labels)}
    assert len(index(frame.dropna(subset="label"))) == 2


def test_whole_numbers_stored_as_floats_are_integers() -> None:
    for frame in (pd.DataFrame, pl.DataFrame, pa.table):
        floats = frame({"path": ["a", "b", "c"], "label": [2.0, 0.0, 10.0]})
        assert pairs(index(floats)) == [("a", "2"), ("b", "0"), ("c", "10")]
    with pytest.warns(augseq.AugseqWarning, match="8 of 11 classes"):
        assert pairs(index(floats, class_names=list("abcdefghijk")))[2] == ("c", "k")


@pytest.mark.filterwarnings("ignore::augseq.AugseqWarning")
@pytest.mark.parametrize("value", [0.5, float("inf"), 1e300, -2.25])
def test_fractional_numbers_are_not_classes(value: float) -> None:
    frame = pd.DataFrame({"path": ["a", "b"], "age": [1.0, value]})
    with pytest.raises(
        augseq.errors.LabelError, match=r"values to predict.*label_column=None.*--no-labels"
    ):
        index(frame, label_column="age")
    kept = index(frame, label_column=None)
    assert kept.column("age").tolist() == [1.0, value]
    named = index(frame.astype({"age": str}), label_column="age").class_names
    assert set(named) == {"1.0", str(value)}


def test_several_labels_for_an_image_are_named_as_such() -> None:
    with pytest.raises(augseq.errors.LabelError, match="An image has one class"):
        index(pd.DataFrame({"path": ["a"], "label": [["x", "y"]]}))


def test_labels_that_differ_in_spaces_are_reported(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path,label\na,cat\nb, cat\nc,dog\n")
    with pytest.warns(augseq.AugseqWarning, match="differ only in spaces around their names"):
        assert index(tmp_path / "t.csv").class_names == (" cat", "cat", "dog")


def test_json_lines_of_one_object_are_read(tmp_path: Path) -> None:
    lines = [json.dumps({"path": path, "label": label}) for path, label in ROWS]
    (tmp_path / "t.jsonl").write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8")
    assert pairs(index(tmp_path / "t.jsonl")) == ROWS


FRAME = pd.DataFrame({"path": [path for path, _ in ROWS], "label": [label for _, label in ROWS]})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label_column": ["cat", "dog"]}, "name of one column.*idxmax"),
        ({"label_column": ("cat", "dog")}, "name of one column.*idxmax"),
        ({"label_column": pd.Index(["cat"])}, "name of one column"),
        ({"label_column": 1}, "`label_column` must be the name.*label_column=1"),
        ({"label_column": True}, "`label_column` must be the name"),
        ({"label_column": {"label"}}, "`label_column` must be the name"),
        ({"path_column": 0}, "`path_column` must be the name.*path_column=0"),
        ({"path_column": None}, "`path_column` must be the name"),
        ({"path_column": ["path"]}, "`path_column` must be the name"),
        ({"path_column": Path("path")}, "`path_column` must be the name"),
        ({"columns": [0]}, "`columns` must be a list"),
        ({"columns": (name for name in "ab")}, "`columns` must be a list"),
        ({"columns": 3}, "`columns` must be a list"),
        ({"class_names": {"cat", "dog"}}, "`class_names` must be a list of different"),
    ],
)
def test_column_names_that_are_not_strings_are_reported(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    fill(tmp_path, *FRAME["path"])
    with pytest.raises(augseq.errors.ArgumentError, match=message):
        augseq.index_table(FRAME, root=tmp_path, **options)


@pytest.mark.parametrize(
    ("labels", "names", "message", "repaired"),
    [
        ([3, 5, 5], ["3", "5"], "Integers are positions .* from 0 to 1", ["3", "5", "5"]),
        ([1, 2, 2], ["a", "b"], "Integers are positions", None),
        ([1.0, 2.0, 2.0], ["a", "b"], "Integers are positions", None),
        (["0", "1", "1"], ["cat", "dog"], "labels are text, .* pandas.read_csv", [0, 1, 1]),
        (["cat", "dog", "yak"], ["cat", "dog"], "To use only some classes", None),
    ],
)
def test_labels_that_are_not_in_class_names_get_a_hint(
    labels: list[Any], names: list[str], message: str, repaired: list[Any] | None, tmp_path: Path
) -> None:
    fill(tmp_path, *FRAME["path"])
    with pytest.raises(augseq.errors.LabelError, match=message):
        augseq.index_table(FRAME.assign(label=labels), root=tmp_path, class_names=names)
    if repaired is not None:
        frame = FRAME.assign(label=repaired)
        manifest = augseq.index_table(frame, root=tmp_path, class_names=names)
        assert manifest.targets.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# by hand, 2020\npath,label\na.jpg,x,1\n", "Put cells with ','|is a title|no column"),
        ("# by hand\npath,label\na.jpg,x\n", "'# by hand', is a title or a comment, delete it"),
        ("Photos of May\n\npath,label\na.jpg,x\n", "'Photos of May', is a title"),
        ("path,label\na.jpg,x,\nb.jpg,y,\n", "Remove ',' from the end of the line"),
        ("path,label\na.jpg,x,,\n", "Remove ',' from the end of the line"),
        ("path,label\na.jpg,x, y\n", "Put cells with ',' in quotes"),
        ("path,label\na.jpg\n", "Add the missing cells"),
        ("path,label,age\na.jpg,x,1\nb.jpg,y\n", "Line 3 .* Add the missing cells"),
    ],
)
def test_rows_with_a_wrong_number_of_cells_get_a_hint(
    text: str, message: str, tmp_path: Path
) -> None:
    table = tmp_path / "t.csv"
    table.write_text(text)
    with pytest.raises((augseq.errors.ManifestError, augseq.errors.ArgumentError), match=message):
        augseq.index_table(table)


def test_sources_that_are_not_frames_get_a_hint(tmp_path: Path) -> None:
    fill(tmp_path, *FRAME["path"])
    for source, message in {
        "lazy": (pl.from_pandas(FRAME).lazy(), r"source.collect\(\)"),
        "rows": (ROWS, 'columns=."path", "label".'),
        "array": (FRAME.to_numpy(), 'columns=."path", "label".'),
        "index": (FRAME.set_index("path").rename_axis(None), r"reset_index\(names="),
        "bytes": (FRAME.assign(path=FRAME["path"].str.encode("utf-8")), r"str.decode\('utf-8'\)"),
        "folder": (tmp_path, "is a folder. .* use index_folder"),
        "near": (tmp_path / "labls.csv", "Did you mean 'labels.csv'"),
    }.values():
        (tmp_path / "labels.csv").touch()
        with pytest.raises(augseq.AugseqError, match=message):
            augseq.index_table(source, root=tmp_path)


def test_an_error_of_a_frame_names_the_column_first(tmp_path: Path) -> None:
    frame = FRAME.assign(thumbnail=[Image.new("RGB", (2, 2))] * 3)
    with pytest.raises(
        augseq.errors.ManifestError, match=r"column thumbnail .*: .*`columns`"
    ) as caught:
        augseq.index_table(frame, root=tmp_path)
    assert "('" not in str(caught.value)
