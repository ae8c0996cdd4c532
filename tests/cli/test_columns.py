"""Columns at the shell: what a split balances, and files that belong to images."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.cli.column_arguments import parse_coding
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


@pytest.fixture
def street(tmp_path: Path) -> Path:
    """Four noisy images in two folders, with a mask and a map of depth for each."""
    rng = np.random.default_rng(0)
    for number in range(4):
        name = f"{'day' if number < 2 else 'night'}/{number}.png"
        for kind, shape in (("images", (40, 48, 3)), ("masks", (40, 48)), ("depth", (40, 48))):
            path = tmp_path / "street" / kind / name
            path.parent.mkdir(parents=True, exist_ok=True)
            values = rng.integers(0, 256 if kind == "images" else 2, shape, np.uint8)
            Image.fromarray(values).save(path)
    return tmp_path / "street"


MASKS = ("--with-column", "mask=../masks/{folder}/{stem}.png")
CLASSES = ("--mask", "mask", "--mask-classes", "road,car")


def test_index_adds_columns_of_files(run: Run, street: Path) -> None:  # noqa: F811
    depth = ("--with-column", "depth=../depth/{folder}/{name}")
    beside = ("--with-column", "copy={folder}/{stem}.png")
    outcome = run("index", street / "images", *beside, *MASKS, *depth, "-o", "street.parquet")
    assert outcome.code == 0, outcome.err
    images = augseq.read_manifest("street.parquet")
    assert images.root == str(street)
    assert images.class_names == ("day", "night")
    for name, folder in (("path", "images"), ("copy", "images"), ("mask", "masks")):
        paths = images.table.column(name).to_pylist()
        assert paths == [f"{folder}/{'day' if k < 2 else 'night'}/{k}.png" for k in range(4)], name
    assert images.column("depth")[3] == "depth/night/3.png"
    outcome = run("check", "street.parquet", *CLASSES)
    assert outcome.code == 0
    assert "masks mask: 4 images" in outcome.out


def test_check_lists_what_is_wrong_with_masks(run: Run, street: Path) -> None:  # noqa: F811
    (street / "masks/day/0.png").unlink()
    Image.new("L", (8, 8)).save(street / "masks/day/1.png")
    Image.new("L", (48, 40), 7).save(street / "masks/night/2.png")
    Image.new("L", (48, 40)).save(street / "masks/night/9.png")
    outcome = run("index", street / "images", *MASKS)
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "'masks/day/0.png' for 'day/0.png'" in outcome.err
    outcome = run("check", street / "images", *MASKS, *CLASSES, "--json", "r.json")
    assert outcome.code == 1
    for text in (
        "images/day/0.png  there is no mask 'masks/day/0.png'",
        "mask 'masks/day/1.png': it has 8 x 8 pixels",
        "mask 'masks/night/2.png' has 7 in row 0, column 0, and in 1,920 of",
        "masks/night/9.png",
    ):
        assert text in outcome.out
    report = json.loads(Path("r.json").read_text())
    assert report["num_findings"]["error"] == 3
    assert report["masks"]["mask"]["num_images"] == 1
    coding = ("--mask-coding", "0=road,1=car,7=ignored")
    outcome = run("check", street / "images", *MASKS, *CLASSES, *coding)
    assert "masks/night/2.png" not in outcome.out
    assert "(ignored)" in outcome.out


WRONG = {
    "no pattern": (["--with-column", "mask"], "--with-column must be a new name and a pattern"),
    "no name": (["--with-column", "=x/{stem}.png"], "Received: '=x/{stem}.png'"),
    "twice": ([*MASKS, *MASKS], "must be a new name"),
    "no field": (["--with-column", "mask=masks"], "{stem} (file name without"),
    "one file for all": (["--with-column", "mask={folder}/a.png"], "give each image its own file"),
    "a reserved name": (["--with-column", "path={stem}.x"], "'path' is reserved"),
    "no classes": ([*MASKS, "--mask", "mask"], "--mask and --mask-classes must be given together"),
    "no mask": (["--mask-classes", "a,b"], "must be given together"),
    "coding alone": (["--mask-coding", "0=a"], "--mask-coding requires --mask"),
    "no column": ([*CLASSES], "There is no column 'mask'"),
    "no value": ([*MASKS, *CLASSES, "--mask-coding", "road"], "Received: 'road'"),
    "no number": ([*MASKS, *CLASSES, "--mask-coding", "a=road"], "#804080=road"),
    "value twice": ([*MASKS, *CLASSES, "--mask-coding", "0=road,0=car"], "each value once"),
    "unknown class": ([*MASKS, *CLASSES, "--mask-coding", "0=raod"], "Did you mean 'road'"),
    "short colour": ([*MASKS, *CLASSES, "--mask-coding", "#8040=road"], "Received: '#8040=road'"),
    "colour and number": (
        [*MASKS, *CLASSES, "--mask-coding", "#804080=road,1=car"], "not both",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("options", "text"), WRONG.values(), ids=WRONG)
def test_wrong_options_for_masks_are_one_line_with_the_way_out(
    run: Run,  # noqa: F811
    street: Path,
    options: list[str],
    text: str,
) -> None:
    outcome = run("check", street / "images", *options)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (1, "", 1)
    assert text in outcome.err


def test_an_update_refuses_new_columns(run: Run, street: Path) -> None:  # noqa: F811
    run("index", street / "images", "-o", "m.parquet")
    outcome = run("index", street / "images", "--update", "m.parquet", *MASKS)
    assert outcome.code == 1
    assert "Update the manifest, then add the column in Python" in outcome.err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0=a", {0: "a"}),
        (" 7 = a , 26=b,255=ignored", {7: "a", 26: "b", 255: None}),
        ("#ff0080=a,#000000=ignored", {(255, 0, 128): "a", (0, 0, 0): None}),
        ("1=a=b", {1: "a=b"}),
        ("65535=two words", {65535: "two words"}),
    ],
)
def test_a_coding_is_parsed(text: str, expected: object) -> None:
    assert parse_coding(text, ["a", "b"]) == expected
    assert parse_coding("3=ignored", ["ignored"]) == {3: "ignored"}
