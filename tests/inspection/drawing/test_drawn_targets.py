"""Boxes and key points of a sequence are drawn where they are, in every format and display."""

import json
from typing import Any, get_args

import albumentations as A
import numpy as np
import pytest
from PIL import Image

import augseq
from augseq.inspection.drawing.sample_look import SampleLook, look_at_batch, look_at_sample
from augseq.loading.targets.box_format import BoxFormat
from tests.inspection.page import Page

BOXES = [[10.0, 5.0, 40.0, 50.0], [60.0, 20.0, 50.0, 30.0]]
POINTS = [[12, 8, 2, 40, 50, 1], [70, 30, 2, 0, 0, 0]]
NAMES = ["left hand", "right hand"]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> augseq.Manifest:
    """Two images of 80 x 120 pixels: one with two persons, one without."""
    folder = tmp_path_factory.mktemp("people")
    for name in ("1.png", "2.png"):
        Image.new("RGB", (120, 80), "#808080").save(folder / name)
    row = {"image_id": 1, "category_id": 5}
    content = {
        "images": [{"id": k, "file_name": f"{k}.png", "height": 80, "width": 120} for k in (1, 2)],
        "categories": [
            {"id": 2, "name": "dog"},
            {"id": 5, "name": "person", "keypoints": NAMES, "skeleton": [[1, 2]]},
        ],
        "annotations": [
            {**row, "id": k, "bbox": box, "keypoints": points, "num_keypoints": 2}
            for k, (box, points) in enumerate(zip(BOXES, POINTS, strict=True))
        ],
    }
    (folder / "boxes.json").write_text(json.dumps(content))
    return augseq.index_coco(folder / "boxes.json", progress=False)


def sequence(people: augseq.Manifest, targets: Any, **options: Any) -> augseq.ImageSequence:
    options = {"image_size": (80, 120), "workers": 0, "batch_size": 2, **options}
    return augseq.ImageSequence(people, targets=targets, **options)


def corners_of(look: SampleLook) -> np.ndarray:
    """Return left, top, right, bottom of each drawn box, in pixels of 80 x 120."""
    places = np.stack([one.corners for one in look.objects]) * (120, 80)
    return np.concatenate([places.min(axis=1), places.max(axis=1)], axis=1)


@pytest.mark.parametrize("box_format", get_args(BoxFormat))
def test_boxes_of_every_format_are_drawn_at_the_same_place(
    people: augseq.Manifest, box_format: BoxFormat
) -> None:
    if "corners" in box_format:
        polygons = [[x, y, x + w, y, x + w, y + h, x, y + h] for x, y, w, h in BOXES]
        people = people.with_column("polygons", [np.ravel(polygons), []])
        people = people.with_column("polygon_points", [[4, 4], []])
        people = people.with_column("box_polygons", [[1, 1], []])
    batches = sequence(people, augseq.Boxes(box_format))
    look, empty = look_at_batch(batches.batch(0), most=2)
    expected = [[x, y, x + w, y + h] for x, y, w, h in BOXES]
    assert np.allclose(corners_of(look), expected, atol=1e-4)
    assert [one.name for one in look.objects] == ["person", "person"]
    assert (look.lines, empty.lines) == (("boxes: 2 person",), ("boxes: no objects",))
    assert [(one.name, one.num_objects) for one in look.classes] == [("dog", 0), ("person", 2)]


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("pixel_centre", [0, 0.5])
@pytest.mark.parametrize("with_boxes", [True, False])
def test_key_points_are_drawn_with_their_skeleton(
    people: augseq.Manifest, relative: bool, pixel_centre: float, with_boxes: bool
) -> None:
    options: dict[str, Any] = {"relative": relative, "pixel_centre": pixel_centre}
    target: Any = augseq.KeyPoints(max_objects=2, **options)
    if with_boxes:
        target = augseq.Boxes("rel_yxyx", key_points=augseq.KeyPoints(**options))
    look = look_at_sample(sequence(people, target).sample(0, epoch=0))
    first, second = look.objects
    expected = np.array([[12, 8], [40, 50]]) + 0.5 - pixel_centre
    assert np.allclose(first.points * (120, 80), expected, atol=1e-4)
    assert (first.edges, list(first.point_names)) == ([(0, 1)], NAMES)
    assert first.is_hidden.tolist() == [False, True]
    assert (len(second.points), second.edges) == (1, [])
    assert len(first.corners) == 4 * with_boxes
    counts = {one.name: one.num_objects for one in look.classes}
    assert (counts["left hand"], counts["right hand"]) == (2, 1)


def test_a_flip_changes_the_colours_of_left_and_right(people: augseq.Manifest) -> None:
    target = augseq.KeyPoints(max_objects=2)
    plain = look_at_sample(sequence(people, target).sample(0, epoch=0)).objects[0]
    flipped = sequence(people, target, augment=[A.HorizontalFlip(p=1)]).sample(0, epoch=0)
    look = look_at_sample(flipped).objects[0]
    assert np.allclose(look.points[0], [1 - 40 / 120, 50 / 80])
    assert list(look.point_colors) == list(plain.point_colors)


def test_every_display_draws_boxes_with_a_key(people: augseq.Manifest) -> None:
    batches = sequence(people, augseq.Boxes(), augment=[A.Affine(rotate=9, p=1)])
    for figure in (batches.show(), batches.show_steps(0), batches.show_augmentations(0)):
        labels = [t.get_text() for axes in figure.axes for t in axes.texts]
        assert labels.count("person") >= 2
        assert [t.get_text() for one in figure.legends for t in one.get_texts()] == [
            "dog", "person",
        ]  # fmt: skip
        assert sum(len(axes.patches) for axes in figure.axes) >= 2 * labels.count("person")
    for shown in (batches, batches.sample(0, epoch=0), batches.batch(0)):
        page = Page(shown._repr_html_())
        assert {"dog", "person"} <= set(page.texts)
        colors = page.images()[0].convert("RGB").getcolors(1 << 18) or []
        # Orange, the colour of the second class.
        assert any(
            red > 200 and 120 < green < 190 and blue < 80 for _, (red, green, blue) in colors
        )


def test_the_explorer_draws_boxes_with_a_key(people: augseq.Manifest) -> None:
    batches = sequence(people, augseq.Boxes(), augment=[A.HorizontalFlip(p=1)])
    page = Page(augseq.explore(batches)._grid.value)
    assert {"dog", "person", "boxes: 2 person"} <= set(page.texts)
    assert max(page.images()[0].size) == 320
