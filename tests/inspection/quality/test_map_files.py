"""A check of masks and value maps names each wrong file with its image, and counts the classes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import augseq

HEIGHT, WIDTH, COUNT = 40, 48, 6
CLASSES = ["ground", "road", "car"]
MASK = augseq.Mask("mask", classes=CLASSES)
MAP_KINDS = {
    "missing_map", "unusable_map", "map_size", "map_values", "maps_across_splits", "shared_map",
    "surplus_map", "unused_class",
}  # fmt: skip


def mask_values(number: int) -> np.ndarray:
    values = np.zeros((HEIGHT, WIDTH), np.uint8)
    values[:10] = 1
    values[10:12, : number + 1] = 2
    values[-1] = 255
    return values


@pytest.fixture
def street(tmp_path: Path) -> Path:
    """Six noisy images, each with a mask of three classes in a folder beside them."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for number in range(COUNT):
        pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"images/{number}.png")
        Image.fromarray(mask_values(number)).save(tmp_path / f"masks/{number}.png")
    return tmp_path


def scenes(street: Path) -> augseq.Manifest:
    images = augseq.index_folder(street / "images", labels=None, progress=False)
    return images.with_column("mask", pattern="../masks/{stem}.png", check_files=False)


def check(images: augseq.Manifest, targets: Any = MASK, **options: Any) -> augseq.CheckReport:
    return augseq.check_images(images, targets=targets, progress=False, **options)


def findings(report: augseq.CheckReport) -> dict[str, list[tuple[str, str]]]:
    return {
        finding.kind: [(file.path, file.detail) for file in finding.files]
        for finding in report.findings
        if finding.kind in MAP_KINDS
    }


def test_right_masks_are_counted_and_nothing_is_found(street: Path) -> None:
    report = check(scenes(street))
    assert findings(report) == {}
    counts = report.mask_counts["mask"]
    everything = np.stack([mask_values(number) for number in range(COUNT)])
    assert counts.pixels == {name: int((everything == k).sum()) for k, name in enumerate(CLASSES)}
    assert counts.images == dict.fromkeys(CLASSES, COUNT)
    assert counts.ignored_pixels == COUNT * WIDTH
    assert counts.num_images == COUNT
    assert sum(counts.shares.values()) == pytest.approx(1)
    assert scenes(street).class_counts(MASK) == counts
    assert json.loads(report.to_json())["masks"] == {
        "mask": {
            "pixels": counts.pixels,
            "images": counts.images,
            "ignored_pixels": COUNT * WIDTH,
            "num_images": COUNT,
        }
    }
    line = next(line for line in report.to_text().splitlines() if "road" in line)
    assert line.split() == ["road", f"{COUNT * 10 * WIDTH:,}", "px", "25.6%", "6", "images"]
    page = report.to_html()
    assert "road, in 6 images" in page
    assert ">25.6%<" in page
    assert all(len(line) <= 80 for line in report.to_text().splitlines())


def save(change: Callable[[Path], Any]) -> Callable[[Path], Any]:
    return lambda street: change(street / "masks/3.png")


def picture(values: Any, **options: Any) -> Callable[[Path], Any]:
    return save(lambda path: Image.fromarray(np.asarray(values)).save(path, **options))


def with_value(value: int, row: int, column: int, count: int = 1) -> np.ndarray:
    values = mask_values(3)
    values[row, column : column + count] = value
    return values


WRONG: dict[str, tuple[Callable[[Path], Any], str, str]] = {
    "missing": (save(Path.unlink), "missing_map", "there is no mask 'masks/3.png'"),
    "larger": (
        picture(np.zeros((80, 96), np.uint8)),
        "map_size",
        "mask 'masks/3.png': it has 80 x 96 pixels, but its image has 40 x 48",
    ),
    "turned": (picture(mask_values(3).T), "map_size", "rotate the mask upright"),
    "one pixel less": (picture(mask_values(3)[:, 1:]), "map_size", "40 x 47 pixels"),
    "unknown value": (
        picture(with_value(7, 20, 5)),
        "map_values",
        "mask 'masks/3.png' has 7 in row 20, column 5, and in 1 of 1,920 pixels",
    ),
    "many unknown values": (
        picture(with_value(128, 12, 0, 48)), "map_values", "128 in row 12, column 0, and in 48 of",
    ),
    "value after the last class": (
        picture(with_value(3, 39, 47)), "map_values", "has 3 in row 39, column 47",
    ),
    "16 bits": (
        picture(np.full((HEIGHT, WIDTH), 1000, np.uint16)), "map_values", "has 1000 in row 0",
    ),
    "colours": (
        picture(np.zeros((HEIGHT, WIDTH, 3), np.uint8)), "map_values", "has colours (RGB)",
    ),
    "JPEG": (picture(mask_values(3), format="JPEG"), "unusable_map", "lossless format"),
    "empty": (save(lambda path: path.write_bytes(b"")), "unusable_map", "masks/3.png"),
    "text": (save(lambda path: path.write_text("mask")), "unusable_map", "masks/3.png"),
    "truncated": (
        save(lambda path: path.write_bytes(path.read_bytes()[:-30])), "unusable_map", "masks/3.png",
    ),
    "transparent": (
        picture(np.zeros((HEIGHT, WIDTH, 4), np.uint8)), "unusable_map", "transparent pixels",
    ),
    "a folder": (
        save(lambda path: (path.unlink(), path.mkdir())), "unusable_map", "masks/3.png",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "kind", "text"), WRONG.values(), ids=WRONG)
def test_a_wrong_mask_is_named_with_its_image(
    street: Path, change: Callable[[Path], Any], kind: str, text: str
) -> None:
    change(street)
    report = check(scenes(street))
    found = findings(report)
    assert found.keys() == {kind}
    ((path, detail),) = found[kind]
    assert path == "images/3.png"
    assert text in detail
    assert detail.count("'masks/3.png'") == 1
    assert report.severity == "error"
    assert report.mask_counts["mask"].num_images == COUNT - 1
    assert "images/3.png" in report.to_text()
    assert "images/3.png" in report.to_html()


def test_several_wrong_masks_are_found_in_one_run(street: Path) -> None:
    (street / "masks/0.png").unlink()
    (street / "masks/1.png").unlink()
    picture(with_value(9, 0, 0))(street)
    found = findings(check(scenes(street)))
    assert [path for path, _ in found["missing_map"]] == ["images/0.png", "images/1.png"]
    assert [path for path, _ in found["map_values"]] == ["images/3.png"]


def test_files_that_belong_to_no_image_are_named(street: Path) -> None:
    for name in ("6.png", "3_old.PNG"):
        Image.fromarray(mask_values(0)).save(street / "masks" / name, format="png")
    for name in ("Thumbs.db", ".hidden.png", "notes.txt"):
        (street / "masks" / name).write_bytes(b"x")
    report = check(scenes(street))
    (finding,) = [finding for finding in report.findings if finding.kind == "surplus_map"]
    assert finding.severity == "note"
    assert [file.path for file in finding.files] == ["masks/3_old.PNG", "masks/6.png"]
    assert {file.index for file in finding.files} == {None}
    assert "masks/6.png" in report.to_text()
    assert "masks/6.png" in report.to_html()


def test_images_in_the_folder_of_their_masks_are_not_surplus(street: Path) -> None:
    for number in range(COUNT):
        (street / f"masks/{number}.png").rename(street / f"images/{number}_mask.png")
    images = augseq.index_folder(street / "images", labels=None, progress=False)
    images = images.select([not record.path.endswith("_mask.png") for record in images])
    images = images.with_column("mask", pattern="{folder}/{stem}_mask.png")
    assert findings(check(images)) == {}


@pytest.mark.parametrize(
    ("split", "kind"),
    [
        (None, "shared_map"),
        (["train"] * COUNT, "shared_map"),
        (["train", "val"] * 3, "maps_across_splits"),
        ([None, "val"] * 3, "shared_map"),
    ],
)
def test_a_mask_of_two_images_is_found(street: Path, split: list[Any] | None, kind: str) -> None:
    paths = [f"masks/{number}.png" for number in range(COUNT)]
    images = scenes(street).with_column("mask", [*paths[:5], paths[0]])
    if split is not None:
        images = images.with_column("split", split)
    report = check(images)
    found = findings(report)
    assert [path for path, _ in found[kind]] == ["images/0.png", "images/5.png"]
    assert {detail for _, detail in found[kind]} == {"mask 'masks/0.png'"}
    assert found.keys() == {kind, "surplus_map"}
    assert report.is_as_bad_as("error") == (kind == "maps_across_splits")


def test_classes_without_pixels_are_named(street: Path) -> None:
    report = check(scenes(street), augseq.Mask("mask", classes=[*CLASSES, "bus", "tram"]))
    (finding,) = [finding for finding in report.findings if finding.kind == "unused_class"]
    assert (finding.severity, finding.detail) == ("warning", "'mask': bus, tram")


def test_the_text_lists_some_of_many_classes(street: Path) -> None:
    report = check(scenes(street), augseq.Mask("mask", classes=[f"class {k}" for k in range(99)]))
    lines = report.to_text().splitlines()
    assert sum(line.startswith("  class ") for line in lines) == 40
    # The others, and the ignored pixels.
    assert "  and 60 more" in lines
    assert len(report.mask_counts["mask"].pixels) == 99


def test_the_coding_decides_what_is_counted(street: Path) -> None:
    target = augseq.Mask(
        "mask", classes=["way", "car"], coding={1: "way", 2: "car", 0: "way", 255: None}
    )
    counts = scenes(street).class_counts(target)
    assert counts.pixels == {
        "way": sum(int((mask_values(k) < 2).sum()) for k in range(COUNT)),
        "car": sum(2 * (k + 1) for k in range(COUNT)),
    }
    assert "(ignored)" in str(counts)
    assert "way" in str(counts)


def test_several_targets_are_checked_at_once(street: Path) -> None:
    (street / "depth").mkdir()
    for number in range(COUNT):
        np.save(street / f"depth/{number}.npy", np.ones((HEIGHT, WIDTH), np.float32))
    bad = np.ones((HEIGHT, WIDTH), np.float32)
    bad[4, 7] = np.nan
    np.save(street / "depth/2.npy", bad)
    (street / "masks/2.png").unlink()
    (street / "masks/4.png").unlink()
    np.save(street / "depth/4.npy", bad[1:])
    images = scenes(street).with_column("depth", pattern="../depth/{stem}.npy")
    images = images.with_column("age", range(COUNT))
    found = findings(
        check(
            images,
            {"seg": MASK, "depth": augseq.ValueMap("depth"), "age": augseq.Number("age")},
        )
    )
    assert found.keys() == {"missing_map", "map_values", "map_size"}
    assert [path for path, _ in found["missing_map"]] == ["images/2.png", "images/4.png"]
    assert "value map 'depth/2.npy' has nan in row 4, column 7" in found["map_values"][0][1]
    assert "value map 'depth/4.npy': it has 39 x 48" in found["map_size"][0][1]


def pairs(street: Path) -> augseq.Manifest:
    """The same images, each with a pair of the same number."""
    rng = np.random.default_rng(1)
    (street / "after").mkdir()
    for number in range(COUNT):
        pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        Image.fromarray(pixels).save(street / f"after/{number}.png")
    return scenes(street).with_column("after", pattern="../after/{stem}.png")


WRONG_PAIRS: dict[str, tuple[Callable[[Path], Any], str, str]] = {
    "missing": (Path.unlink, "missing_map", "there is no paired image 'after/3.png'"),
    "larger": (
        lambda path: Image.new("RGB", (96, 80)).save(path),
        "map_size",
        "paired image 'after/3.png': it has 80 x 96 pixels, but its image has 40 x 48",
    ),
    "turned": (
        lambda path: Image.new("L", (40, 48)).save(path), "map_size", "rotate the paired image",
    ),
    "empty": (lambda path: path.write_bytes(b""), "unusable_map", "'after/3.png': "),
    "text": (lambda path: path.write_text("later"), "unusable_map", "'after/3.png': "),
    "truncated": (
        lambda path: path.write_bytes(path.read_bytes()[:-600]), "unusable_map", "'after/3.png': ",
    ),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "unusable_map", "'after/3.png': "),
}  # fmt: skip


@pytest.mark.parametrize("augment", ["same", "geometry", "own"])
@pytest.mark.parametrize(("change", "kind", "text"), WRONG_PAIRS.values(), ids=WRONG_PAIRS)
def test_a_wrong_pair_is_named_with_its_image(
    street: Path, change: Callable[[Path], Any], kind: str, text: str, augment: Any
) -> None:
    images = pairs(street)
    change(street / "after/3.png")
    pair = augseq.PairedImage("after", augment=augment)
    report = check(images, None, inputs={"after": pair})
    assert findings(report) == findings(check(images, pair))
    if augment == "own" and kind == "map_size":
        # With draws of its own, it can have any size.
        assert findings(report) == {}
        return
    found = findings(report)
    assert found.keys() == {kind}
    ((path, detail),) = found[kind]
    assert path == "images/3.png"
    assert text in detail
    assert detail.count("'after/3.png'") == 1
    assert str(street) not in detail


@pytest.mark.parametrize("augment", ["same", "geometry"])
def test_pairs_are_checked_in_the_colour_mode_of_training(street: Path, augment: Any) -> None:
    images = pairs(street)
    Image.new("L", (8, 8)).save(street / "after/3.png")
    pair = augseq.PairedImage("after", augment=augment, color_mode="grayscale")
    options = {"inputs": {"after": pair}, "color_mode": "grayscale"}
    # What training accepts, and what it refuses.
    augseq.ImageSequence(images, label_mode=None, **options)
    assert findings(check(images, None, **options)).keys() == {"map_size"}
    if augment == "same":
        with pytest.raises(augseq.ArgumentError, match="color_mode='rgb' of the sequence"):
            check(images, pair)


def test_images_can_share_a_pair_within_a_split(street: Path) -> None:
    images = pairs(street).with_column("after", ["after/0.png", "after/1.png"] * 3)
    images = images.with_column("split", ["train"] * 4 + ["val"] * 2)
    for split, augment, kinds in (
        (None, "geometry", {"surplus_map"}),
        ("split", "geometry", {"surplus_map", "maps_across_splits"}),
        ("split", "own", {"surplus_map"}),
    ):
        chosen = images if split else images.with_column("split", ["train"] * COUNT)
        report = check(chosen, augseq.PairedImage("after", augment=augment))
        assert findings(report).keys() == kinds


def test_an_unreadable_image_is_one_finding(street: Path) -> None:
    (street / "images/1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    report = check(scenes(street))
    assert findings(report) == {}
    assert {finding.kind for finding in report.findings} & {"unreadable", "truncated"}


def test_wrong_targets_are_refused_before_any_file_is_read(street: Path) -> None:
    images = scenes(street)
    for targets, text in (
        ("mask", r"augseq\.Mask\('mask'"),
        (augseq.Mask("masks", classes=CLASSES), "Did you mean 'mask'"),
        (augseq.Number("mask"), "requires numbers"),
    ):
        with pytest.raises((augseq.errors.ArgumentError, augseq.errors.LabelError), match=text):
            check(images, targets)


def test_classes_of_every_kind_of_target_are_counted(street: Path) -> None:
    images = scenes(street).with_column("kind", ["a", "b", "a", "a", "b", "a"])
    images = images.with_column("tags", ["x;y", "", "y", "y", "", "y"])
    images = images.with_column("is_day", [1, 0, 1, 0, 0, 0]).with_column("is_wet", [True] * COUNT)
    assert images.class_counts(augseq.Label("kind", classes=["c", "b", "a"])) == {
        "c": 0, "b": 2, "a": 4,
    }  # fmt: skip
    tags = augseq.MultiLabel("tags", classes=["x", "y", "z"], separator=";")
    assert images.class_counts(tags) == {"x": 1, "y": 4, "z": 0}
    flags = augseq.MultiLabel(["is_day", "is_wet"])
    assert images.class_counts(flags) == {"is_day": 2, "is_wet": 6}
    labelled = augseq.index_folder(street, progress=False)
    assert labelled.class_counts(augseq.Label()) == {"images": 6, "masks": 6}
    for wrong in (augseq.Number("is_day"), augseq.InputImage(), 3, augseq.Label):
        with pytest.raises(augseq.errors.ArgumentError, match="a target with classes"):
            images.class_counts(wrong)
    with pytest.raises(augseq.errors.LabelError, match=r"'masks/0\.png' of the image 'images/0"):
        images.class_counts(augseq.Mask("mask", classes=["ground"]))
