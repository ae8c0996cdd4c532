"""Columns at the shell: what a split balances, and files that belong to images."""

from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

import augseq
from tests.cli.test_main import Run, run  # noqa: F401


@pytest.fixture
def tagged(tmp_path: Path) -> str:
    """A table of 40 images with tags, ages and cameras; all cells are text."""
    lines = ["path,label,tags,age,camera"]
    for number in range(40):
        Image.new("RGB", (2, 2)).save(tmp_path / f"{number}.png")
        tags = ["sea;day", "sea", "day", ""][number % 4]
        lines.append(f"{number}.png,{'ab'[number // 20]},{tags},{number / 3},{'xy'[number % 2]}")
    (tmp_path / "images.csv").write_text("\n".join(lines) + "\n")
    return "images.csv"


def test_split_balances_the_columns_that_it_is_given(run: Run, tagged: str) -> None:  # noqa: F811
    assert run("index", tagged, "-o", "all.parquet").code == 0
    # Without labels, there are no classes to balance.
    for options, column in (
        (["--stratify", "tags", "--separator", ";"], "tags"),
        (["--stratify", "camera"], "camera"),
        (["--stratify", "camera,tags"], "camera"),
    ):
        outcome = run("split", "all.parquet", "--val", 0.2, *options, "-o", "parts.parquet")
        assert outcome.code == 0, outcome.err
        _, val = augseq.read_manifest("parts.parquet").split_by("split")
        assert len(val) == 8
        assert len(set(Counter(val.column(column)).values())) == 1
    outcome = run(
        "split", "all.parquet", "--val", 0.2, "--stratify", "age", "--bins", 4, "-o", "m.parquet"
    )
    _, val = augseq.read_manifest("m.parquet").split_by("split")
    assert Counter(record.index // 10 for record in val) == dict.fromkeys(range(4), 2)


def test_wrong_columns_of_a_split_are_named_with_the_option(run: Run, tagged: str) -> None:  # noqa: F811
    run("index", tagged, "-o", "all.parquet")
    for options, text in (
        (["--stratify", "age"], "--bins 10"),
        (["--stratify", "tag"], "Did you mean 'tags'"),
        (["--separator", ";"], "--stratify tags"),
        (["--stratify", "none", "--bins", 4], "--stratify tags"),
        (["--stratify", "camera", "--stable"], "`stable`"),
    ):
        outcome = run("split", "all.parquet", *options, "-o", "parts.parquet")
        assert (outcome.code, outcome.err.count("\n")) == (1, 1)
        assert text in outcome.err
