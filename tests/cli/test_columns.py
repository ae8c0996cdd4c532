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
    "no pair": (["--any-pair-size"], "--any-pair-size requires --pair"),
    "no column of pairs": (["--pair", "after"], "There is no column 'after'"),
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


def test_an_update_adds_or_replaces_columns_of_files(run: Run, street: Path) -> None:  # noqa: F811
    run("index", street / "images", "-o", "m.parquet")
    first = augseq.read_manifest("m.parquet")
    update = ("index", street / "images", "--update", "m.parquet")
    assert run(*update, *MASKS).code == 0
    images = augseq.read_manifest("m.parquet")
    assert images.column("mask").tolist() == [
        "masks/day/0.png", "masks/day/1.png", "masks/night/2.png", "masks/night/3.png",
    ]  # fmt: skip
    assert images.column("index").tolist() == first.column("index").tolist()
    # A new image, one that is gone, and a column of other files beside the first.
    for kind in ("images", "masks", "depth"):
        (street / kind / "day/0.png").rename(street / kind / "night/9.png")
    outcome = run(*update, "--with-column", "depth=../depth/{folder}/{name}")
    assert outcome.code == 0
    assert "1 new, 1 gone or excluded, 3 unchanged" in outcome.out
    images = augseq.read_manifest("m.parquet")
    assert dict(zip(images.column("path"), images.column("mask"), strict=True)) == {
        "images/day/1.png": "masks/day/1.png",
        "images/night/2.png": "masks/night/2.png",
        "images/night/3.png": "masks/night/3.png",
        # The new one is not known until its column is made again.
        "images/night/9.png": None,
    }
    assert images.column("depth").tolist()[-1] == "depth/night/9.png"
    assert run(*update, *MASKS).code == 0
    images = augseq.read_manifest("m.parquet")
    assert images.column("mask").tolist()[-1] == "masks/night/9.png"
    assert images.column("index").tolist() == [1, 2, 3, 4]
    # Known files must exist, too; then nothing is written.
    (street / "masks/night/2.png").unlink()
    before = Path("m.parquet").read_bytes()
    outcome = run(*update, *MASKS)
    assert outcome.code == 1
    assert "'masks/night/2.png' for 'images/night/2.png'" in outcome.err
    assert Path("m.parquet").read_bytes() == before


def test_check_lists_what_is_wrong_with_pairs(run: Run, street: Path) -> None:  # noqa: F811
    after = ("--with-column", "after=../after/{folder}/{name}", "--pair", "after")
    (street / "after").mkdir()
    for name in ("day", "night"):
        (street / "images" / name).rename(street / "after" / name)
        (street / "images" / name).mkdir()
        for path in (street / "after" / name).iterdir():
            Image.open(path).transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(
                street / "images" / name / path.name
            )
    assert run("check", street / "images", *after).code == 0
    (street / "after/day/0.png").unlink()
    Image.new("RGB", (8, 9)).save(street / "after/day/1.png")
    (street / "after/night/2.png").write_text("no image")
    outcome = run("check", street / "images", *after)
    assert outcome.code == 1
    for text in (
        "images/day/0.png  there is no paired image 'after/day/0.png'",
        "paired image 'after/day/1.png': it has 9 x 8 pixels",
        "paired image 'after/night/2.png': ",
    ):
        assert text in outcome.out
    outcome = run("check", street / "images", *after, "--any-pair-size")
    assert "after/day/1.png" not in outcome.out
    assert "after/night/2.png" in outcome.out


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
