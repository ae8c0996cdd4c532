"""Tables at the shell: each error names an option of `augseq index` that fixes it."""

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

import augseq
from tests.cli.test_main import Run, run  # noqa: F401


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Three images, and a table of them as written by spreadsheets and pandas."""
    (tmp_path / "images").mkdir()
    for name in "abc":
        Image.new("RGB", (4, 4)).save(tmp_path / "images" / f"{name}.png")
    frame = pd.DataFrame({"id": list("abc"), "kind": ["x", None, "y"], "target": [1, 2, 3]})
    frame.to_csv(tmp_path / "ids.csv", sep=";")
    return tmp_path / "ids.csv"


def test_each_error_names_the_option_that_fixes_it(run: Run, table: Path) -> None:  # noqa: F811
    arguments = ["index", table.name]
    for options in (
        ["--delimiter", ";"],
        ["--path-column", "id", "--label-column", "kind"],
        ["--columns", ""],
        ["--missing-labels", "keep"],
        ["--path-suffix", ".png", "--images-root", "images"],
    ):
        outcome = run(*arguments)
        assert outcome.code == 1
        assert options[0] in outcome.err
        arguments += options
    outcome = run(*arguments, "-o", "m.parquet")
    assert outcome.code == 0, outcome.err
    assert "3 images in 2 classes" in outcome.out
    assert "1 without a label" in outcome.out
    manifest = augseq.read_manifest("m.parquet")
    assert [(record.path, record.target) for record in manifest] == [
        ("a.png", 0), ("b.png", None), ("c.png", 1),
    ]  # fmt: skip
    assert manifest.table.column_names == ["index", "path", "target"]


def test_a_table_written_by_pandas_is_indexed(run: Run, table: Path) -> None:  # noqa: F811
    frame = pd.DataFrame({"path": ["images/a.png", "images/b.png"], "label": ["x", "y"]})
    frame.to_csv("t.csv")
    frame.iloc[::-1].to_csv("reversed.tsv", sep="\t")
    outcome = run("index", "t.csv")
    assert (outcome.code, outcome.err) == (0, "")
    outcome = run("index", "reversed.tsv")
    assert outcome.code == 0
    assert "column without a name" in outcome.err
    frame.to_csv("tabs.csv", sep="\t")
    outcome = run("index", "tabs.csv")
    assert r"--delimiter '\t'" in outcome.err
    assert run("index", "tabs.csv", "--delimiter", r"\t").code == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [("t.xlsx", "CSV UTF-8"), ("t.json", "read_json"), ("t.txt", "--delimiter"), ("a", ".csv")],
)
def test_a_file_that_is_not_a_table_lists_the_supported_ones(
    run: Run,  # noqa: F811
    table: Path,
    name: str,
    message: str,
) -> None:
    table.with_name(name).write_bytes(b"PK\3\4")
    outcome = run("index", name)
    assert outcome.code == 1
    assert "A table must end in .csv" in outcome.err
    assert message in outcome.err


def test_numbers_to_predict_are_reported(run: Run, tmp_path: Path) -> None:  # noqa: F811
    ages = [23, 45, 31, 67, 19, 52, 38, 71]
    for number in range(len(ages)):
        Image.new("RGB", (4, 4)).save(tmp_path / f"{number}.png")
    frame = pd.DataFrame({"path": [f"{k}.png" for k in range(len(ages))], "age": ages})
    frame.to_csv(tmp_path / "ages.csv", index=False)
    outcome = run("index", "ages.csv", "--label-column", "age")
    assert outcome.code == 0
    assert "numbers to predict" in outcome.err
    assert "--no-labels" in outcome.err
    assert run("index", "ages.csv", "--no-labels").out.startswith("8 images without labels\n")
