"""A check of boxes names each unusual one with its image, and counts classes and sizes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

import augseq
from tests.inspection.page import Page

HEIGHT, WIDTH = 60, 80
KINDS = {
    "annotated_size", "invalid_box", "conflicting_boxes", "near_duplicates_with_other_boxes",
    "repeated_box", "box_of_two_classes", "unused_box_class", "tiny_box", "odd_box", "many_boxes",
    "no_boxes", "box_imbalance",
}  # fmt: skip
Boxes = list[tuple[str, list[float]]]
"""Class, and left, top, width and height, of each box of an image."""

RIGHT: dict[str, Boxes] = {
    "0.png": [("car", [5, 5, 40, 30]), ("person", [50, 10, 10, 40])],
    "1.png": [("car", [10, 20, 30, 30])],
    "2.png": [("person", [0, 0, 80, 60]), ("person", [10, 10, 20, 20])],
}


def dataset(folder: Path, boxes: dict[str, Boxes], classes: list[str] | None = None) -> Path:
    """Write noisy images, and a COCO file with their boxes."""
    names = classes or ["car", "person"]
    for number, name in enumerate(boxes):
        path = folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        Image.fromarray(pixels).save(path)
    rows = [(image, *one) for image, found in enumerate(boxes.values()) for one in found]
    annotations = [
        {"id": 100 + k, "image_id": image, "category_id": names.index(name), "bbox": box}
        for k, (image, name, box) in enumerate(rows)
    ]
    content = {
        "images": [
            {"id": k, "file_name": name, "height": HEIGHT, "width": WIDTH}
            for k, name in enumerate(boxes)
        ],
        "categories": [{"id": k, "name": name} for k, name in enumerate(names)],
        "annotations": annotations,
    }
    (folder / "boxes.json").write_text(json.dumps(content))
    return folder / "boxes.json"


def index(folder: Path, boxes: dict[str, Boxes], **options: Any) -> augseq.Manifest:
    path = dataset(folder, boxes, **options)
    return augseq.index_coco(path, folder / "images", progress=False)


def findings(images: augseq.Manifest, **options: Any) -> dict[str, list[tuple[str, str]]]:
    report = augseq.check_images(images, augseq.CheckOptions(**options), progress=False)
    return {
        finding.kind: [(file.path, file.detail) for file in finding.files] or [("", finding.detail)]
        for finding in report.findings
        if finding.kind in KINDS
    }


def test_right_boxes_are_counted_and_nothing_is_found(tmp_path: Path) -> None:
    images = index(tmp_path, RIGHT)
    assert findings(images) == {}
    report = augseq.check_images(images, progress=False)
    assert report.findings == ()
    assert "5 boxes of 2 classes" in Page(report.to_html()).text
    statistics = images.box_statistics()
    assert statistics.boxes == images.class_counts() == {"car": 2, "person": 3}
    assert statistics.images == images.class_counts("box_classes") == {"car": 2, "person": 2}
    assert images.class_counts(augseq.Boxes()) == statistics.boxes
    people = augseq.Boxes(classes=["bird", "person"], other_classes="exclude", exclude=["crowd"])
    images = images.with_column("box_crowd", [[False, True], None, [True, False]])
    assert images.class_counts(people) == {"bird": 0, "person": 1}
    assert (statistics.num_images, statistics.num_empty_images, statistics.num_boxes) == (3, 0, 5)
    assert statistics.per_image == (1, 2, 2)
    assert statistics.heights == (20, 30, 60)
    assert statistics.widths == (10, 30, 80)
    assert statistics.ratios == (0.25, 1, 40 / 30)
    assert statistics.sizes == {"small": 3, "medium": 2, "large": 0}
    assert repr(images).startswith("Manifest(3 images, 5 boxes of 2 classes, root=")
    assert "person  3" in str(images)


def test_the_report_shows_the_counts_in_text_json_and_html(tmp_path: Path) -> None:
    report = augseq.check_images(index(tmp_path, RIGHT | {"none.png": []}), progress=False)
    text = report.to_text()
    assert "boxes: 5 boxes of 2 classes in 4 images, 1 without any" in text
    assert "3 boxes   60.0%          2 images" in text
    assert all(len(line) <= 80 for line in text.split("\n"))
    boxes = json.loads(report.to_json())["boxes"]
    assert boxes["boxes"] == {"car": 2, "person": 3}
    assert boxes["per_image"] == {"least": 0, "median": 1.5, "most": 2}
    page = Page(report.to_html())
    assert "Boxes: 5 boxes of 2 classes in 4 images, 1 without any" in page.text
    assert "boxes in an image: 0 to 2, median 1.5" in page.text


def with_boxes(name: str, *boxes: tuple[str, list[float]]) -> dict[str, Boxes]:
    return RIGHT | {name: list(boxes)}


CAR = ("car", [10.0, 10.0, 20.0, 20.0])
WRONG: dict[str, tuple[dict[str, Boxes], str, str]] = {
    "exactly twice": (
        with_boxes("x.png", CAR, CAR),
        "repeated_box",
        "car 20 x 20 px at top 10, left 10, id 105 and car 20 x 20 px at top 10, left 10, id 106",
    ),
    "nearly twice": (
        with_boxes("x.png", CAR, ("car", [10.3, 9.8, 20, 20.2])),
        "repeated_box",
        "car 20 x 20 px at top 10, left 10, id 105 and car 20.2 x 20 px at top 9.8, left 10.3, "
        "id 106",
    ),
    "three times": (
        with_boxes("x.png", CAR, CAR, CAR),
        "repeated_box",
        "car 20 x 20 px at top 10, left 10, id 105 and car 20 x 20 px at top 10, left 10, id 106; "
        "and 2 more pairs",
    ),
    "as two classes": (
        with_boxes("x.png", CAR, ("person", [10, 10, 20, 20])),
        "box_of_two_classes",
        "car 20 x 20 px at top 10, left 10, id 105 and person 20 x 20 px at top 10, left 10, "
        "id 106",
    ),
    "one pixel high": (
        with_boxes("x.png", ("car", [3, 3, 5, 1])),
        "tiny_box",
        "car 1 x 5 px at top 3, left 3, id 105",
    ),
    "half a pixel wide, three times": (
        with_boxes("x.png", *[("car", [3 + 9 * k, 3, 0.5, 3]) for k in range(3)]),
        "tiny_box",
        "car 3 x 0.5 px at top 3, left 3, id 105; car 3 x 0.5 px at top 3, left 12, id 106; and 1 "
        "more",
    ),
    "very wide": (
        with_boxes("x.png", ("person", [0, 3, 80, 5])),
        "odd_box",
        "person 5 x 80 px at top 3, left 0, id 105",
    ),
    "very high": (
        with_boxes("x.png", ("person", [7, 0, 4.5, 60])),
        "odd_box",
        "person 60 x 4.5 px at top 0, left 7, id 105",
    ),
    "no box": (with_boxes("x.png"), "no_boxes", ""),
    "many boxes": (
        with_boxes("x.png", *[("car", [k % 10 * 8, k // 10 * 5, 5, 4]) for k in range(101)]),
        "many_boxes",
        "101 boxes",
    ),
}


@pytest.mark.parametrize(("boxes", "kind", "detail"), WRONG.values(), ids=WRONG)
def test_an_unusual_box_is_named_with_its_image(
    tmp_path: Path, boxes: dict[str, Boxes], kind: str, detail: str
) -> None:
    assert findings(index(tmp_path, boxes), imbalance=1000) == {kind: [("x.png", detail)]}


def changed(images: augseq.Manifest, name: str, change: Callable[[list[Any]], Any]) -> Any:
    return images.with_column(name, change(images.table.column(name).to_pylist()))


@pytest.mark.parametrize(
    ("box", "text"),
    [
        ([10, 10, 10, 20], "10 x 0 px at top 10, left 10"),
        ([10, 30, 20, 20], "-10 x 10 px at top 30, left 10"),
        ([float("nan"), 10, 20, 20], "10 x nan px at top 10, left nan"),
        ([10, 10, float("inf"), 20], "10 x inf px at top 10, left 10"),
        ([10, 10, 20, 61], "51 x 10 px at top 10, left 10"),
        ([-0.6, 10, 20, 50], "40 x 20.6 px at top 10, left -0.6"),
    ],
)
def test_boxes_that_were_changed_and_do_not_fit_are_errors(
    tmp_path: Path, box: list[float], text: str
) -> None:
    images = index(tmp_path, RIGHT)
    images = changed(images, "boxes", lambda lists: [lists[0], box, lists[2]])
    assert findings(images) == {"invalid_box": [("1.png", f"car {text}, id 102")]}


def test_half_a_pixel_outside_is_rounding(tmp_path: Path) -> None:
    images = index(tmp_path, RIGHT)
    box = [-0.5, -0.5, WIDTH + 0.5, HEIGHT + 0.5]
    assert findings(changed(images, "boxes", lambda lists: [lists[0], box, lists[2]])) == {}


def test_an_image_of_another_size_than_annotated_is_an_error(tmp_path: Path) -> None:
    images = index(tmp_path, RIGHT)
    Image.new("RGB", (70, 60)).save(tmp_path / "images/1.png")
    assert findings(images) == {"annotated_size": [("1.png", "60 x 70 px, annotated as 60 x 80")]}


@pytest.mark.parametrize("frame", ["stored", "upright"])
def test_the_annotated_size_is_that_of_the_frame_of_the_boxes(tmp_path: Path, frame: Any) -> None:
    path = dataset(tmp_path, {"1.jpg": [CAR]})
    exif = Image.Exif()
    exif[0x0112] = 6
    size = (WIDTH, HEIGHT) if frame == "stored" else (HEIGHT, WIDTH)
    Image.new("RGB", size).save(tmp_path / "images/1.jpg", exif=exif)
    images = augseq.index_coco(path, tmp_path / "images", frame=frame, progress=False)
    assert "annotated_size" not in findings(images)


def test_equal_images_with_other_boxes_are_found(tmp_path: Path) -> None:
    boxes = RIGHT | {
        "copy.png": [("car", [5, 5, 40, 30])],
        "near.png": [("car", [40, 30, 30, 30])],
        "near equal.png": [("person", [0.5, 0, 79, 60]), ("person", [10, 10.5, 20, 20])],
    }
    images = index(tmp_path, boxes)
    folder = tmp_path / "images"
    (folder / "copy.png").write_bytes((folder / "0.png").read_bytes())
    for source, name in (("1.png", "near.png"), ("2.png", "near equal.png")):
        pixels = np.asarray(Image.open(folder / source)).astype(int)
        Image.fromarray(np.clip(pixels + 3, 0, 255).astype(np.uint8)).save(folder / name)
    assert findings(images) == {
        "conflicting_boxes": [("0.png", "1 car, 1 person"), ("copy.png", "1 car")],
        "near_duplicates_with_other_boxes": [("1.png", "1 car"), ("near.png", "1 car")],
    }
    report = augseq.check_images(
        images.with_column("split", ["a", "a", "a", "b", "b", "b"]), progress=False
    )
    kinds = {finding.kind: len(finding.files) for finding in report.findings}
    assert kinds["duplicates_across_splits"] == 2
    assert kinds["near_duplicates_across_splits"] == 4


def test_classes_without_boxes_and_rare_ones_are_named(tmp_path: Path) -> None:
    classes = ["car", "person", "never", "neither"]
    images = index(tmp_path, RIGHT, classes=classes)
    found = findings(images, imbalance=1.4)
    assert found["unused_box_class"] == [("", "never, neither")]
    assert found["box_imbalance"] == [("", "3 of person, 2 of car: 1.5 to 1")]


def test_boxes_made_by_hand_are_checked_too(tmp_path: Path) -> None:
    dataset(tmp_path, RIGHT)
    images = augseq.index_folder(tmp_path / "images", labels=None, progress=False)
    images = images.with_column("boxes", [[1.0, 2, 30, 20], [], [5.0, 5, 5, 9]])
    images = images.with_column("box_classes", [["cat"], [], ["dog"]])
    assert findings(images) == {
        "invalid_box": [("2.png", "dog 4 x 0 px at top 5, left 5")],
        "no_boxes": [("1.png", "")],
    }
    assert images.class_counts() == {"cat": 1, "dog": 1}


def test_images_of_findings_show_their_boxes(tmp_path: Path) -> None:
    black = with_boxes("x.png", CAR, CAR)
    images = index(tmp_path, black)
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "images/x.png")
    page = Page(augseq.check_images(images, progress=False).to_html())
    (shown,) = page.images()
    colors = shown.convert("RGB").getcolors(1 << 16) or []
    assert any(blue > red + 60 for _, (red, _, blue) in colors)
    # The class has the same colour in its bar.
    assert any("background:#0072b2" in (one.get("style") or "") for one in page.named("i"))


def test_thousands_of_boxes_in_an_image_are_compared(tmp_path: Path) -> None:
    dataset(tmp_path, {"0.png": []})
    places = np.arange(3000)
    lefts, tops = places % 60 * 1.3, places // 60 * 1.1
    boxes = np.stack([lefts, tops, lefts + 1, tops + 1], axis=1)
    boxes[2900] = boxes[7] + 0.01
    images = augseq.index_folder(tmp_path / "images", labels=None, progress=False)
    images = images.with_column("boxes", [boxes.ravel()])
    images = images.with_column("box_classes", [["car"] * 3000])
    assert findings(images)["repeated_box"] == [
        ("0.png", "car 1 x 1 px at top 0, left 9.1 and car 1 x 1 px at top 0.01, left 9.11")
    ]


@pytest.mark.parametrize(
    "columns",
    [
        {"boxes": [3, 0, 1]},
        {"boxes": [[1.0, 2, 3, 4], [], []]},
        {"boxes": ["a", "b", "c"], "box_classes": ["x", "y", "z"]},
        {"box_classes": [["a"], [], ["b"]]},
        {"boxes": [[1, 2, 3, 4], [], []], "box_classes": ["x", "y", "z"]},
    ],
)
def test_columns_of_your_own_with_these_names_are_no_boxes(
    tmp_path: Path, columns: dict[str, list[Any]]
) -> None:
    dataset(tmp_path, RIGHT)
    images = augseq.index_folder(tmp_path / "images", labels=None, progress=False)
    for name, values in columns.items():
        images = images.with_column(name, values)
    assert findings(images) == {}
    assert "no labels" in repr(images)
    assert "no labels" in images._repr_html_()


@pytest.mark.parametrize("kind", [pa.list_, pa.large_list])
@pytest.mark.parametrize("number", [pa.float64(), pa.float32(), pa.int32()])
def test_boxes_can_be_lists_of_any_kind(tmp_path: Path, kind: Any, number: pa.DataType) -> None:
    dataset(tmp_path, RIGHT)
    images = augseq.index_folder(tmp_path / "images", labels=None, progress=False)
    boxes = pa.array([[5, 5, 45, 35], [0, 0, 9, 9, 1, 1, 80, 60], []], kind(number))
    images = images.with_column("boxes", boxes)
    classes = pa.array([["cat"], ["dog", "cat"], []], kind(pa.string()))
    images = images.with_column("box_classes", classes)
    assert images.box_statistics().boxes == images.class_counts() == {"cat": 2, "dog": 1}
    assert findings(images) == {"no_boxes": [("2.png", "")]}
    assert "3 boxes of 2 classes" in images._repr_html_()
    assert [axes.get_title() for axes in images.show(class_name="dog").axes] == ["1.png"]
