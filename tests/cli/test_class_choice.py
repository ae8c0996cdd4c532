"""Select classes and splits at the shell."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import augseq
from tests.cli.test_main import Run, run  # noqa: F401

FIT = ("--epochs", 1, "--image-size", 8, "--batch-size", 8, "--augment", "none", "-o", "run")


def draw(folder: Path, *names: str) -> None:
    for place in names:
        (folder / place).mkdir(parents=True)
        for number in range(2):
            pixels = np.full((8, 8, 3), len(place) * 20 + number, np.uint8)
            Image.fromarray(pixels).save(folder / place / f"{number}.png")


@pytest.mark.parametrize("source", ["folder", "manifest", "table"])
def test_every_source_has_the_selected_classes_in_order(
    run: Run,  # noqa: F811
    tmp_path: Path,
    source: str,
) -> None:
    draw(tmp_path / "photos", "cat", "dog", "yak")
    place = {"folder": "photos", "manifest": "all.parquet", "table": "all.csv"}[source]
    if source != "folder":
        run("index", "photos", "-o", place)
    if source == "manifest":
        outcome = run("split", place, "--class-names", "yak,cat", "--val", 0.5, "-o", "m.parquet")
    else:
        more = ["--images-root", "photos"] if source == "table" else []
        outcome = run("index", place, *more, "--class-names", "yak, cat", "-o", "m.parquet")
    assert outcome.code == 0, outcome.err
    assert augseq.read_manifest("m.parquet").class_counts() == {"yak": 2, "cat": 2}
    outcome = run("show", place, "--class-names", "yka,cat")
    assert outcome.code == 1
    if source != "table":
        assert "Did you mean 'yak'?" in outcome.err


@pytest.mark.parametrize(
    ("splits", "held_out"),
    [
        ("Training,Test", "Test"),
        # `test_main` evaluates on val where there is a test split too.
        pytest.param("Training,Valid,Test", "Valid", marks=pytest.mark.long),
    ],
)
def test_fit_trains_on_one_split_and_evaluates_on_another(
    run: Run,  # noqa: F811
    tmp_path: Path,
    splits: str,
    held_out: str,
) -> None:
    draw(tmp_path / "photos", *(f"{s}/{c}" for s in splits.split(",") for c in ("cat", "dog")))
    outcome = run("fit", "photos", "--splits", splits, *FIT)
    assert outcome.code == 0, outcome.err
    with open("run/predictions.csv", encoding="utf-8") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    assert paths == [f"{held_out}/{c}/{n}.png" for c in ("cat", "dog") for n in (0, 1)]


def test_splits_are_refused_for_a_manifest(run: Run, tmp_path: Path) -> None:  # noqa: F811
    draw(tmp_path / "photos", "cat", "dog")
    run("index", "photos", "-o", "m.parquet")
    for command in ("check", "fit", "show", "bench"):
        outcome = run(command, "m.parquet", "--splits", "train,val")
        assert (outcome.code, "Only for folders: --splits" in outcome.err) == (1, True)
