"""Boxes and key points are drawn at their places, with names that can be read, and a key."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.inspection.drawing.drawn_objects import DrawnObject, drawn_objects, place_labels
from augseq.inspection.drawing.grid import draw_looks
from augseq.inspection.drawing.overlays import class_color
from augseq.inspection.drawing.sample_look import SampleLook, key_of, look_at_views
from augseq.loading.targets.view import ObjectsView, Skeleton, TargetView, box_corners
from tests.inspection.page import Page

GREY = np.full((40, 60, 3), 128, np.uint8)
NAMES = ["car", "person"]
SKELETON = Skeleton(names=["head", "foot"], edges=[(0, 1)])


def look_of(image: np.ndarray = GREY, **options: Any) -> SampleLook:
    return look_at_views(image, {"": TargetView(objects=ObjectsView(**options))})


def boxes_look(boxes: list[list[float]], classes: list[int], **options: Any) -> SampleLook:
    corners = box_corners(np.array(boxes, float).reshape(-1, 4))
    options = {"class_names": NAMES, **options}
    return look_of(corners=corners, classes=np.array(classes, int), **options)


def rgb(color: str) -> np.ndarray:
    return np.array(list(bytes.fromhex(color[1:])), float)


def bounds(pixels: np.ndarray, color: str) -> tuple[int, ...]:
    """Return top, left, bottom, right of the pixels that are nearly of a colour."""
    rows, columns = np.nonzero(np.abs(pixels - rgb(color)).max(axis=2) < 40)
    return rows.min(), columns.min(), rows.max() + 1, columns.max() + 1


@pytest.mark.parametrize(
    ("box", "size"),
    [
        ([10, 5, 50, 35], None),
        ([20.4, 10.6, 31.2, 33.9], None),
        ([0, 0, 60, 40], None),
        ([1 / 6, 0.25, 5 / 6, 0.75], (1, 1)),
        ([100, 200, 300, 350], (400, 600)),
    ],
)
def test_a_box_is_drawn_at_its_place_in_any_unit(
    box: list[float], size: tuple[float, float] | None
) -> None:
    # Small images are enlarged, so that lines are thin.
    pixels = boxes_look([box], [1], size=size).shrunk(300).image.astype(float)
    assert pixels.shape == (400, 600, 3)
    height, width = size or (40, 60)
    expected = np.array(box) * [600 / width, 400 / height, 600 / width, 400 / height]
    found = bounds(pixels, class_color(1))
    assert np.allclose(found, expected[[1, 0, 3, 2]], atol=6)


def test_an_oriented_box_is_drawn_by_its_corners() -> None:
    corners = np.array([[[300, 50], [500, 200], [300, 350], [100, 200]]], float)
    image = np.full((400, 600, 3), 128, np.uint8)
    look = look_of(image, corners=corners, classes=np.array([0]), class_names=NAMES)
    pixels = look.shrunk(300).image.astype(float)
    is_drawn = np.abs(pixels - rgb(class_color(0))).max(axis=2) < 40
    assert is_drawn[45:56, 295:306].any()
    assert is_drawn[120:131, 395:406].any()
    assert not is_drawn[45:60, 95:110].any()


def test_key_points_have_the_colour_of_their_name_and_hidden_ones_are_hollow() -> None:
    points = np.array([[[100, 100, 2], [300, 300, 1], [200, 200, 0]]], float)
    image = np.full((400, 600, 3), 128, np.uint8)
    skeletons = {0: Skeleton(names=["head", "foot", "tail"], edges=[(0, 1), (1, 2)])}
    look = look_of(
        image, points=points, classes=np.array([0]), class_names=["cat"], skeletons=skeletons
    )
    pixels = look.shrunk(300).image.astype(float)
    key = dict(key_of([look]).classes)
    assert list(key) == ["cat", "head", "foot", "tail"]
    assert np.allclose(pixels[100, 100], rgb(key["head"]), atol=2)
    assert np.allclose(pixels[300, 300], 255)
    assert bounds(pixels[250:350, 250:350], key["foot"])
    # The line has the colour of the class; the point that is not labelled, and its line, are not.
    assert np.allclose(pixels[200, 200], rgb(key["cat"]), atol=2)
    assert np.allclose(pixels[250, 220], 128)


def test_both_ends_of_a_figure_have_the_boxes_and_a_key() -> None:
    looks = [boxes_look([[5, 5, 55, 35]], [0]), boxes_look([], [])]
    figure = draw_looks(looks, ["a", "b"])
    png = io.BytesIO()
    figure.savefig(png, dpi=100)
    pixels = np.asarray(Image.open(png).convert("RGB")).astype(float)
    half = pixels.shape[1] // 2
    is_car = np.abs(pixels - rgb(class_color(0))).max(axis=2) < 20
    assert is_car[:, :half].sum() > 100
    texts = {text.get_text() for axes in figure.axes for text in axes.texts}
    assert {"car", "1 car", "no objects"} <= texts
    legend = {text.get_text() for one in figure.legends for text in one.get_texts()}
    assert legend == {"car", "person"}


def test_an_image_stays_visible_behind_hundreds_of_boxes() -> None:
    rng = np.random.default_rng(3)
    starts = rng.uniform(0, (520, 320), (300, 2))
    boxes = np.concatenate([starts, starts + rng.uniform(10, 80, (300, 2))], axis=1)
    look = boxes_look(boxes.tolist(), [0] * 300, size=(400, 600), class_names=["", ""])
    pixels = look.shrunk(300).image
    assert (np.abs(pixels.astype(int) - 128).max(axis=2) <= 2).mean() > 0.35
    png = io.BytesIO()
    draw_looks([look], ["a"]).savefig(png, dpi=200)
    drawn = np.asarray(Image.open(png).convert("RGB")).astype(int)
    assert (np.abs(drawn - 128).max(axis=2) <= 2).mean() > 0.2


OBJECTS = [
    [[0, 0, 60, 40]],
    [[55, 0, 60, 5]],
    [[0, 35, 60, 40]],
    [[10, 10, 20, 20], [10, 10, 21, 21]],
    [[10, 10, 20, 20]] * 9,
    [[k * 6, 2, k * 6 + 5, 8] for k in range(10)],
    [[-5, -5, 70, 50]],
    [[59, 39, 60, 40]],
    [[0, 0, 1, 1], [0, 0, 60, 1]],
    [[30, 0, 31, 40], [29, 0, 32, 40], [0, 20, 60, 21]],
    [[x, y, x + 12, y + 12] for x in range(0, 48, 12) for y in range(0, 28, 9)],
]


@pytest.mark.parametrize("boxes", OBJECTS)
@pytest.mark.parametrize("name", ["car", "a rather long name of a class"])
def test_labels_are_inside_the_picture_and_do_not_overlap(
    boxes: list[list[float]], name: str
) -> None:
    view = ObjectsView(
        classes=np.zeros(len(boxes), int),
        class_names=[name],
        corners=box_corners(np.array(boxes, float)),
    )
    objects = drawn_objects(view, (400, 600), first_color=0)
    labels = place_labels(objects, 600, 400, lambda text: (8.0 * len(text), 16.0))
    assert labels
    for number, label in enumerate(labels):
        assert label.left >= 0
        assert label.top >= 0
        assert label.left + label.width <= 600
        assert label.top + label.height <= 400
        assert label.ink == "#ffffff"
        assert not any(map(label.overlaps, labels[:number]))


def test_no_label_is_drawn_where_it_does_not_fit() -> None:
    objects = boxes_look([[0, 0, 60, 40]], [1]).objects
    assert place_labels(objects, 20, 20, lambda _: (30.0, 5.0)) == []
    assert isinstance(objects[0], DrawnObject)


def test_masks_and_several_kinds_of_objects_have_different_colours() -> None:
    one = ObjectsView(
        classes=np.array([0]), class_names=["a", "b"], corners=box_corners(np.ones((1, 4)))
    )
    points = ObjectsView(classes=np.array([0]), points=np.ones((1, 2, 3)), skeletons={0: SKELETON})
    views = {
        "mask": TargetView(labels=np.zeros((40, 60), int), class_names=["c"]),
        "boxes": TargetView(objects=one),
        "points": TargetView(objects=points),
    }
    look = look_at_views(GREY, views)
    key = key_of([look]).classes
    assert [name for name, _ in key] == ["c", "a", "b", "head", "foot"]
    assert len({color for _, color in key}) == 5
    assert look.lines == ("boxes: 1 a", "points: 1 object")


CATEGORIES: list[dict[str, Any]] = [
    {"id": 1, "name": "car"},
    {"id": 4, "name": "cat", "keypoints": ["head", "tail"], "skeleton": [[1, 2]]},
]


@pytest.fixture
def street(tmp_path: Path) -> augseq.Manifest:
    """Three grey images, two of them with boxes, one of these with key points."""
    for name in ("a.png", "b.png", "empty.png"):
        Image.new("RGB", (120, 80), "#808080").save(tmp_path / name)
    row: dict[str, Any] = {"image_id": 0, "category_id": 1}
    points = [30, 20, 2, 50, 60, 1]
    content = {
        "images": [
            {"id": k, "file_name": name, "height": 80, "width": 120}
            for k, name in enumerate(("a.png", "b.png", "empty.png"))
        ],
        "categories": CATEGORIES,
        "annotations": [
            {**row, "id": 1, "bbox": [10, 10, 60, 60]},
            {**row, "id": 2, "bbox": [60, 20, 50, 40]},
            {"id": 3, "image_id": 1, "category_id": 4, "bbox": [20, 10, 40, 60],
             "keypoints": points, "num_keypoints": 2},
        ],
    }  # fmt: skip
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    return augseq.index_coco(tmp_path / "boxes.json", progress=False)


def test_a_manifest_shows_boxes_classes_and_counts_as_html(street: augseq.Manifest) -> None:
    page = Page(street._repr_html_())
    assert "3 images · 3 boxes of 2 classes" in page.text
    assert "no labels" not in page.text
    # One image of each class, with the colours in the rows and those of points in the key.
    assert len(page.images()) == 2
    patches = [one["style"] or "" for one in page.named("i")]
    assert [patch.removeprefix("background:") for patch in patches] == [
        class_color(number) for number in range(4)
    ]
    assert [text for text in page.texts if text in ("car", "cat", "head", "tail")] == [
        "car", "cat", "head", "tail",
    ]  # fmt: skip


def test_a_manifest_is_drawn_with_boxes_and_can_be_reduced_to_a_class(
    street: augseq.Manifest,
) -> None:
    texts = {text.get_text() for axes in street.show().axes for text in axes.texts}
    assert {"2 car", "1 cat", "no objects", "car", "cat"} <= texts
    titles = [axes.get_title() for axes in street.show(class_name="cat").axes]
    assert titles == ["b.png"]
    with pytest.raises(augseq.errors.ArgumentError, match=r"'car'.*'cat'"):
        street.show(class_name="dog")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_of_the_stored_image_are_drawn_in_the_upright_one(
    tmp_path: Path, orientation: int
) -> None:
    pixels = np.full((80, 120, 3), 128, np.uint8)
    pixels[10:50, 20:40] = 250
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "1.png", exif=exif)
    content = {
        "images": [{"id": 1, "file_name": "1.png", "height": 80, "width": 120}],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [20, 10, 20, 40]}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    images = augseq.index_coco(tmp_path / "boxes.json", frame="stored", progress=False)
    upright = augseq.read_image(tmp_path / "1.png")
    rows, columns = np.nonzero(upright[:, :, 0] > 200)
    (axes,) = images.show().axes
    patch = axes.patches[-2]
    corners = patch.get_xy() + 0.5
    expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert [*corners.min(axis=0), *corners.max(axis=0)] == pytest.approx(expected, abs=1)
